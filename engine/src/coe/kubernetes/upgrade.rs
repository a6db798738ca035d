//! Makes a node whose machine was made again from the image of another version a node of that version.
//!
//! Its volumes keep the identity of the node and, on a control plane, what etcd knows; the programs and the images of
//! what they run came with the machine. So what `kubeadm upgrade` does on a machine that stays is done here by the
//! phases of the node's own kubeadm, and the API server of the old version need not run once more (decision 0018).
//!
//! Guarantees: asked twice, acts once; what a first try left is taken up. The first control plane of the new version
//! leads the cluster's own workloads (kube-proxy, CoreDNS, the network) and its configuration over to it, the
//! configuration last: as long as it names the earlier version, the upgrade has not come to its end.

use std::sync::Arc;

use futures_util::future::try_join_all;
use k8s_openapi::api::core::v1::ConfigMap;

use super::api::{Api, within};
use super::facts::{self, NodeFacts};
use super::settings::Settings;
use super::{boot, certificates, init, join, members, network, shell};
use crate::coe::{CoeError, NodeAccess};
use crate::model::{ClusterSpec, NodeName, Role, Secret};
use crate::plan::version::{is_older, leaves_a_minor_out};
use crate::transport::{Command, Exec};

/// Where kubeadm keeps how the cluster is configured.
const NAMESPACE: &str = "kube-system";
const CLUSTER_CONFIG: &str = "kubeadm-config";

/// Certificates that last another year, as `kubeadm upgrade` renews them, and everything that the kubelet starts.
const CONTROL_PLANE: &str = "kubeadm certs renew all --config $config
kubeadm init phase etcd local --config $config
kubeadm init phase control-plane all --config $config
kubeadm init phase kubelet-start --config $config";
/// The cluster's own workloads, and who may what.
const WORKLOADS: &str = "kubeadm init phase bootstrap-token --config $config
kubeadm init phase addon all --config $config";
/// What says of which version the cluster is: kubeadm's own tools go by it.
const CONFIGURATION: &str = "kubeadm init phase upload-config all --config $config";

/// See `Coe::upgrade`.
pub(super) async fn upgrade(
    spec: &ClusterSpec,
    node: &NodeAccess<'_>,
    control_plane: Option<&dyn Exec>,
    others: &[Arc<dyn Exec>],
) -> Result<(), CoeError> {
    let facts = facts::of(node.exec).await?;
    // A node that never was one of the cluster has nothing of another version: it joins.
    let Some(kept) = facts.kept_version.as_deref() else {
        return Ok(());
    };
    if kept == facts.version {
        return Ok(());
    }
    refuse_a_version_that_may_not_follow(node.exec.node(), kept, &facts.version)?;
    let begin = shell::script(format!("touch {}", boot::UPGRADING));
    shell::succeed(node.exec, "begin the upgrade", begin).await?;
    match (node.role, control_plane) {
        (Role::ControlPlane, _) => {
            lead_over(spec, node, &facts, others).await?;
            let done = format!(
                "set -e\n{}\n{}\n{}",
                certificates::BEGIN_RENEWAL,
                certificates::note_renewal(node.exec.node()),
                boot::remember_version()
            );
            let done = shell::script(done);
            shell::succeed(node.exec, "note the node's version", done).await?;
            let api = Api::connect(node.exec).await?;
            members::tells_version(&api, node.exec.node(), &facts.version).await
        }
        // Its kubelet is to have the configuration that the cluster's new version has for kubelets; a node that has
        // joined has noted its version.
        (Role::Worker, Some(asked)) => {
            join::join(node, &join::ticket(asked, Role::Worker).await?).await?;
            let api = Api::connect(asked).await?;
            members::tells_version(&api, node.exec.node(), &facts.version).await
        }
        (Role::Worker, None) => Ok(()),
    }
}

fn refuse_a_version_that_may_not_follow(
    node: &NodeName,
    kept: &str,
    carried: &str,
) -> Result<(), CoeError> {
    let reason = if is_older(carried, kept) {
        "the state of a newer version is not read by an older one"
    } else if leaves_a_minor_out(kept, carried) {
        "minor versions are upgraded one after another"
    } else {
        return Ok(());
    };
    Err(CoeError::Refused {
        what: format!("upgrade from {kept}"),
        node: node.clone(),
        reason: format!(
            "its image carries {carried}, and {reason}. Give the image of a version that may follow, or the one from before: \
             nothing was changed in what the node keeps"
        ),
    })
}

async fn lead_over(
    spec: &ClusterSpec,
    node: &NodeAccess<'_>,
    facts: &NodeFacts,
    others: &[Arc<dyn Exec>],
) -> Result<(), CoeError> {
    let settings = Settings::of(spec);
    let configuration = init::configuration(spec, &settings, node, facts).await?;
    let script = format!(
        "{}\nconfig={}\n{CONTROL_PLANE}",
        boot::take_configuration(),
        boot::KUBEADM_CONFIG
    );
    let command = shell::reading(script, Secret::new(configuration.into_bytes()));
    shell::succeed(node.exec, "start the control plane's new version", command).await?;
    let api = init::wait_for_api(node.exec).await?;
    let configured = configured_version(&api).await?;
    let is_first = configured.is_some_and(|version| is_older(&version, &facts.version));
    if is_first {
        lead_the_cluster_over(node.exec, &settings, facts, others).await?;
    }
    Ok(())
}

/// The version that the cluster is configured for: the oldest that a control plane may have.
pub(super) async fn configured_version(api: &Api) -> Result<Option<String>, CoeError> {
    let maps = within::<ConfigMap>(NAMESPACE);
    let map = match api.get::<ConfigMap>(&maps, CLUSTER_CONFIG).await {
        Ok(map) => map,
        Err(error) if error.is_absent() => return Ok(None),
        Err(error) => return Err(api.failure("ask how the cluster is configured", &error)),
    };
    Ok(map.data.as_ref().and_then(|data| {
        let configuration = data.get("ClusterConfiguration")?;
        version_in(configuration).map(str::to_owned)
    }))
}

/// The version in a `ClusterConfiguration` as kubeadm writes it: YAML with a line for each of its scalars.
fn version_in(configuration: &str) -> Option<&str> {
    configuration
        .lines()
        .find_map(|line| line.strip_prefix("kubernetesVersion:"))
        .map(|version| version.trim().trim_start_matches('v'))
}

async fn lead_the_cluster_over(
    first: &dyn Exec,
    settings: &Settings,
    facts: &NodeFacts,
    others: &[Arc<dyn Exec>],
) -> Result<(), CoeError> {
    let images = images_of_workloads(first).await?;
    try_join_all(others.iter().map(|other| offer(other.as_ref(), &images))).await?;
    let phases = |what: &'static str, phases: &str| {
        let script = format!(
            "set -e\n{}\nconfig={}\n{phases}",
            boot::alone(boot::KUBEADM),
            boot::KUBEADM_CONFIG
        );
        shell::succeed(first, what, shell::script(script))
    };
    phases("lead the cluster's own workloads over", WORKLOADS).await?;
    network::apply(first, settings, facts).await?;
    phases("note the cluster's version", CONFIGURATION).await
}

/// The images of what runs on every node of the version that the node's machine brings.
async fn images_of_workloads(node: &dyn Exec) -> Result<Vec<String>, CoeError> {
    const WHAT: &str = "ask for the images of the new version";
    let script = format!(
        "set -e
kubeadm config images list --config {}
if [ -d /kind/manifests ]; then sed -n 's/^ *\\(- \\)\\?image: *\"\\?\\([^\"]*\\)\"\\?$/\\2/p' /kind/manifests/*; fi",
        boot::KUBEADM_CONFIG
    );
    let output = node.run(Command::shell(script)).await?;
    if output.status != 0 {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(CoeError::Refused {
            what: WHAT.to_owned(),
            node: node.node().clone(),
            reason: complaint.trim_end().to_owned(),
        });
    }
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(said.lines().map(str::to_owned).collect())
}

/// Lets a node that has not been upgraded yet run what is its own under the names of the new version: what it lacks
/// it could only have from a registry, and its own is of the version that its kubelet has until then. The names go
/// with the machine.
async fn offer(node: &dyn Exec, images: &[String]) -> Result<(), CoeError> {
    let script = "set -e
has=$(ctr --namespace k8s.io images ls --quiet)
for image in \"$@\"; do
    ! printf '%s\\n' \"$has\" | grep -qxF \"$image\" || continue
    own=$(printf '%s\\n' \"$has\" | grep -F \"${image%:*}:\" | head -n 1)
    [ -z \"$own\" ] || ctr --namespace k8s.io images tag \"$own\" \"$image\" >/dev/null
done";
    let mut command = shell::script(script.to_owned());
    command.argv.push("offer".to_owned());
    command.argv.extend(images.iter().cloned());
    shell::succeed(node, "name images as the new version does", command).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_a_cluster_is_read_as_kubeadm_writes_it() {
        let configuration = "apiServer: {}\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n\
                             kubernetesVersion: v1.34.4\nnetworking:\n  podSubnet: 10.244.0.0/16\n";
        assert_eq!(version_in(configuration), Some("1.34.4"));
        assert_eq!(version_in("apiServer: {}\n"), None);
    }

    #[test]
    fn only_a_version_that_may_follow_is_gone_to() {
        let node: NodeName = "demo-control-plane-1".parse().unwrap();
        for (kept, carried, words) in [
            ("v1.33.13", "v1.34.4", None),
            ("v1.34.4", "v1.34.11", None),
            ("v1.33.13", "v1.35.8", Some("one after another")),
            ("v1.34.4", "v1.33.13", Some("not read by an older one")),
        ] {
            let refused = refuse_a_version_that_may_not_follow(&node, kept, carried).err();
            let said = refused.map(|error| error.to_string());
            assert_eq!(said.is_some(), words.is_some(), "{kept} to {carried}");
            let said = said.unwrap_or_default();
            assert!(said.contains(words.unwrap_or_default()), "{said}");
        }
    }
}
