//! What a machine of a Kubernetes cluster has from its start, and what it keeps beyond its machine.

use serde_json::json;

use super::settings::{Argument, Settings};
use super::{API_PORT, api_server_files, authorities, hosts, mirrors, network, pod_network};
use crate::coe::{Boot, ClusterSecrets, CoeError, FirstProcess, NewNode};
use crate::model::{ClusterSpec, NodeVolume, Role, Secret, VolumeLife};
use crate::transport::{Exec, NodeFile};

/// The name of what runs kubeadm, for [`alone`].
pub(super) const KUBEADM: &str = "kubeadm";
/// The configuration that the node's kubeadm was given.
pub(super) const KUBEADM_CONFIG: &str = "/etc/kubernetes/coe/kubeadm.yaml";
/// The identity that a kubelet starts with; it renews it by itself beside this one.
const KUBELET_IDENTITY: &str = "/var/lib/kubelet/pki/kubelet-client-coe.pem";
/// Where kubeadm's kubelets look for the one that counts: a link.
const KUBELET_CURRENT_IDENTITY: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";
const KUBELET_CONFIG: &str = "/etc/kubernetes/kubelet.conf";
/// By which names clients reach this control plane: a line each.
const REACHED_BY: &str = "/etc/kubernetes/coe/reached-by";
/// What the node's kubelet is given beside what it needs: a line each.
pub(super) const KUBELET_ARGUMENTS: &str = "/etc/kubernetes/coe/kubelet-arguments";

/// The version that has written what the node's volumes keep, once it is one of the cluster.
pub(super) const VERSION: &str = "/etc/kubernetes/coe/version";
/// What is there while the node is being upgraded; gone when its machine starts.
pub(super) const UPGRADING: &str = "/run/coe-upgrading";
/// What tells the version of the node's own kubeadm.
const OWN_VERSION: &str = "kubeadm version --output short";

/// The part of a script that notes the version that has written what the volumes keep, the last one.
pub(super) fn remember_version() -> String {
    format!("{OWN_VERSION} >{VERSION}")
}

/// Whether the kubelet may start: it is of the version that has written what the volumes keep, or is about to be.
pub(super) fn is_of_kept_version() -> String {
    format!(
        r#"[ ! -e {VERSION} ] || [ -e {UPGRADING} ] || [ "$(cat {VERSION})" = "$({OWN_VERSION})" ]"#
    )
}

/// The part of a script that waits until no other with that name runs on the node: one whose engine was lost goes on,
/// and two that write the same keys leave a certificate of the one beside a key of the other.
pub(super) fn alone(name: &str) -> String {
    format!("exec 9>/run/coe-{name}.lock\nflock 9")
}

/// The part of a script that takes kubeadm's configuration from the standard input, and lets the kubelet find
/// its identity; once no other script with kubeadm runs.
pub(super) fn take_configuration() -> String {
    format!(
        "set -e
{}
mkdir -p /etc/kubernetes/coe /var/lib/kubelet/pki
(umask 077 && cat >{KUBEADM_CONFIG})
{}
[ -e {KUBELET_CURRENT_IDENTITY} ] || ln -sf {KUBELET_IDENTITY} {KUBELET_CURRENT_IDENTITY}",
        alone(KUBEADM),
        hosts::UPDATE
    )
}

/// See `Coe::volumes`. The images go with the machine: those of another version come with another image. What claims
/// of the storage class that node images bring have written stays with the node.
pub(super) fn volumes(role: Role) -> Vec<NodeVolume> {
    let volume = |name: &str, path: &str, life| NodeVolume {
        name: name.to_owned(),
        path: path.to_owned(),
        size: None,
        life,
    };
    let mut volumes = vec![
        volume("kubernetes", "/etc/kubernetes", VolumeLife::Node),
        volume("kubelet", "/var/lib/kubelet", VolumeLife::Node),
        volume("containerd", "/var/lib/containerd", VolumeLife::Machine),
        volume("storage", "/var/local-path-provisioner", VolumeLife::Node),
    ];
    if role == Role::ControlPlane {
        volumes.push(volume("etcd", "/var/lib/etcd", VolumeLife::Node));
    }
    volumes
}

/// See `Coe::boot`.
pub(super) fn boot(
    spec: &ClusterSpec,
    node: &NewNode<'_>,
    secrets: Option<&ClusterSecrets>,
) -> Result<Boot, CoeError> {
    let settings = Settings::of(spec);
    network::refuse_address(&settings, node)?;
    let mut files = Vec::new();
    if let Some(secrets) = secrets {
        files.push(authorities::ca_certificate(secrets));
        files.push(kubelet_identity(secrets, node)?);
        let api = match node.role {
            // Its own: one that waits for another to come up would never start the cluster.
            Role::ControlPlane => node.address.to_string(),
            Role::Worker => hosts::CONTROL_PLANES.to_owned(),
        };
        files.push(kubelet_config(spec, node, &api, secrets));
        if node.role == Role::ControlPlane {
            files.push(authorities::ca_key(secrets));
            files.extend(secrets.shared.iter().cloned());
        }
    }
    if node.role == Role::ControlPlane {
        files.push(authorities::public(REACHED_BY, node.reached_by.join("\n")));
        files.extend(api_server_files::files(&settings));
        files.extend(network::mark(&settings));
    }
    files.push(kubelet_arguments(&settings));
    files.extend(mirrors::files(&settings));
    files.extend(network::closed(node));
    files.extend(pod_network::files(&settings, node));
    files.extend(hosts::files(node.name, node.control_planes));
    Ok(Boot {
        first_process: FirstProcess::InitSystem,
        files,
        command: Vec::new(),
    })
}

/// By which names clients reach that control plane.
pub(super) async fn reached_by(control_plane: &dyn Exec) -> Result<Vec<String>, CoeError> {
    let content = control_plane.read_file(REACHED_BY).await?;
    let text = content.as_ref().map_or(String::new(), |content| {
        String::from_utf8_lossy(content.expose()).into_owned()
    });
    Ok(text.lines().map(str::to_owned).collect())
}

/// The file with the kubelet's further arguments.
pub(super) fn kubelet_arguments(settings: &Settings) -> NodeFile {
    let line = |argument: &Argument| format!("{}={}\n", argument.name, argument.value);
    authorities::public(
        KUBELET_ARGUMENTS,
        settings.kubelet.iter().map(line).collect(),
    )
}

fn kubelet_identity(secrets: &ClusterSecrets, node: &NewNode<'_>) -> Result<NodeFile, CoeError> {
    let identity = authorities::kubelet(secrets, node.name)?;
    let both = format!("{}{}", identity.certificate, identity.key.expose());
    Ok(authorities::private(KUBELET_IDENTITY, &Secret::new(both)))
}

/// `kubelet.conf` as kubeadm leaves it: the identity is where the kubelet renews it.
fn kubelet_config(
    spec: &ClusterSpec,
    node: &NewNode<'_>,
    api: &str,
    secrets: &ClusterSecrets,
) -> NodeFile {
    let (cluster, user) = (spec.name.as_str(), format!("system:node:{}", node.name));
    let context = format!("{user}@{cluster}");
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": cluster,
            "cluster": {
                "server": format!("https://{api}:{API_PORT}"),
                "certificate-authority-data": authorities::base64(&secrets.ca_certificate),
            },
        }],
        "users": [{
            "name": user,
            "user": {
                "client-certificate": KUBELET_CURRENT_IDENTITY,
                "client-key": KUBELET_CURRENT_IDENTITY,
            },
        }],
        "contexts": [{ "name": context, "context": { "cluster": cluster, "user": user } }],
        "current-context": context,
    });
    authorities::private(KUBELET_CONFIG, &Secret::new(format!("{config:#}\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Carries, NodeName};

    fn files(role: Role, secrets: Option<&ClusterSecrets>) -> Vec<(String, u32)> {
        let name: NodeName = "demo-node-1".parse().unwrap();
        let node = NewNode {
            name: &name,
            role,
            address: [10, 1, 0, 3].into(),
            reached_by: &["demo-node-1".to_owned()],
            control_planes: &[[10, 1, 0, 2].into()],
            carries: Carries::AnyAddress,
        };
        let boot = boot(&ClusterSpec::smallest("demo"), &node, secrets).unwrap();
        boot.files
            .into_iter()
            .map(|file| (file.path, file.mode))
            .collect()
    }

    #[test]
    fn a_worker_has_its_own_identity_and_no_key_of_a_ca() {
        let secrets = authorities::new().unwrap();
        let expected = [
            ("/etc/kubernetes/pki/ca.crt", 0o644),
            (KUBELET_IDENTITY, 0o600),
            (KUBELET_CONFIG, 0o600),
            (KUBELET_ARGUMENTS, 0o644),
            (pod_network::SCRIPT, 0o755),
            (pod_network::UNIT, 0o644),
            (pod_network::DROP_IN, 0o644),
            (hosts::ADDRESSES, 0o644),
            (hosts::UPDATE, 0o755),
            (hosts::DROP_IN, 0o644),
        ];
        let expected = expected.map(|(path, mode)| (path.to_owned(), mode));
        assert_eq!(files(Role::Worker, Some(&secrets)), expected);
    }

    #[test]
    fn every_key_of_a_control_plane_is_for_root_alone() {
        let secrets = authorities::new().unwrap();
        let files = files(Role::ControlPlane, Some(&secrets));
        let of_all = ["ca", "front-proxy-ca", "etcd/ca", "sa"];
        for key in of_all.map(|name| format!("{}/{name}.key", authorities::FOLDER)) {
            assert!(files.contains(&(key.clone(), 0o600)), "{key}: {files:?}");
        }
    }

    #[test]
    fn a_node_that_comes_back_keeps_the_identity_of_its_volume() {
        let files = files(Role::Worker, None);
        assert!(files.iter().all(|(_, mode)| *mode != 0o600), "{files:?}");
        assert!(
            !files.iter().any(|(path, _)| path.contains("pki")),
            "{files:?}"
        );
    }
}
