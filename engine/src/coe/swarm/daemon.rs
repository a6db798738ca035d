//! What a node's engine runs with: its configuration, and the files of a control plane.

use serde_json::json;

use super::certificates;
use crate::coe::{Boot, ClusterSecrets, CoeError, FirstProcess, secret_text};
use crate::model::{NodeName, NodeVolume, Role, Secret, VolumeLife};
use crate::transport::{Exec, NodeFile};

/// The engine's port for clients with a certificate.
pub(super) const API_PORT: u16 = 2376;

/// What a node's engine says of itself: that it was made here. Others may join engines of their own.
pub(super) const MADE_HERE: &str = "io.coe.made-here";

const CONFIGURATION: &str = "/etc/docker/daemon.json";
pub(super) const CA_CERTIFICATE: &str = "/etc/docker/tls/ca.pem";
const CA_KEY: &str = "/etc/docker/tls/ca-key.pem";
const SERVER_CERTIFICATE: &str = "/etc/docker/tls/cert.pem";
const SERVER_KEY: &str = "/etc/docker/tls/key.pem";

/// The swarm's own state and the containers are in the first; the second keeps the CA of a control
/// plane beyond its machine.
pub(super) fn volumes(role: Role) -> Vec<NodeVolume> {
    let volume = |name: &str, path: &str| NodeVolume {
        name: name.to_owned(),
        path: path.to_owned(),
        size: None,
        life: VolumeLife::Node,
    };
    let data = volume("data", "/var/lib/docker");
    match role {
        Role::ControlPlane => vec![data, volume("config", "/etc/docker")],
        Role::Worker => vec![data],
    }
}

/// What a node starts with. A control plane without `secrets` finds its files in its volume.
pub(super) fn boot(
    node: &NodeName,
    role: Role,
    names: &[String],
    secrets: Option<&ClusterSecrets>,
) -> Result<Boot, CoeError> {
    let files = match (role, secrets) {
        (Role::ControlPlane, Some(secrets)) => control_plane_files(node, names, secrets)?,
        (Role::ControlPlane, None) => Vec::new(),
        (Role::Worker, _) => vec![file(CONFIGURATION, 0o644, configuration(role))],
    };
    Ok(Boot {
        first_process: FirstProcess::Service,
        files,
        command: vec!["dockerd".to_owned()],
    })
}

fn control_plane_files(
    node: &NodeName,
    names: &[String],
    secrets: &ClusterSecrets,
) -> Result<Vec<NodeFile>, CoeError> {
    let server = certificates::server(secrets, node, names)?;
    let secret = |path: &str, text: &Secret<String>| NodeFile {
        path: path.to_owned(),
        mode: 0o600,
        content: Secret::new(text.expose().clone().into_bytes()),
    };
    Ok(vec![
        file(CONFIGURATION, 0o644, configuration(Role::ControlPlane)),
        file(CA_CERTIFICATE, 0o644, secrets.ca_certificate.clone()),
        file(SERVER_CERTIFICATE, 0o644, server.certificate),
        secret(SERVER_KEY, &server.key),
        secret(CA_KEY, &secrets.ca_key),
    ])
}

fn file(path: &str, mode: u32, content: String) -> NodeFile {
    NodeFile {
        path: path.to_owned(),
        mode,
        content: Secret::new(content.into_bytes()),
    }
}

/// `daemon.json`.
fn configuration(role: Role) -> String {
    let socket = "unix:///var/run/docker.sock";
    let made_here = format!("{MADE_HERE}=true");
    let configuration = match role {
        Role::Worker => json!({ "hosts": [socket], "labels": [made_here] }),
        Role::ControlPlane => json!({
            "hosts": [socket, format!("tcp://0.0.0.0:{API_PORT}")],
            "labels": [made_here],
            "tlsverify": true,
            "tlscacert": CA_CERTIFICATE,
            "tlscert": SERVER_CERTIFICATE,
            "tlskey": SERVER_KEY,
        }),
    };
    format!("{configuration:#}\n")
}

/// The secrets of a cluster that is there, from one of its control planes, which need not run.
pub(super) async fn read_secrets(node: &dyn Exec) -> Result<ClusterSecrets, CoeError> {
    let certificate = secret_text(node, CA_CERTIFICATE).await?;
    Ok(ClusterSecrets {
        ca_certificate: certificate.expose().clone(),
        ca_key: secret_text(node, CA_KEY).await?,
        shared: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn files(role: Role, secrets: Option<&ClusterSecrets>) -> Vec<NodeFile> {
        boot(&"demo-control-plane-1".parse().unwrap(), role, &[], secrets)
            .unwrap()
            .files
    }

    fn text(file: &NodeFile) -> &str {
        std::str::from_utf8(file.content.expose()).unwrap()
    }

    #[test]
    fn a_control_plane_answers_on_tcp_with_tls_alone() {
        let secrets = certificates::new_authority(&"demo".parse().unwrap()).unwrap();
        let files = files(Role::ControlPlane, Some(&secrets));
        expect![[r#"
            {
              "hosts": [
                "unix:///var/run/docker.sock",
                "tcp://0.0.0.0:2376"
              ],
              "labels": [
                "io.coe.made-here=true"
              ],
              "tlscacert": "/etc/docker/tls/ca.pem",
              "tlscert": "/etc/docker/tls/cert.pem",
              "tlskey": "/etc/docker/tls/key.pem",
              "tlsverify": true
            }
        "#]]
        .assert_eq(text(&files[0]));
        let modes: Vec<(&str, u32)> = files
            .iter()
            .map(|file| (file.path.as_str(), file.mode))
            .collect();
        let expected = [
            (CONFIGURATION, 0o644),
            (CA_CERTIFICATE, 0o644),
            (SERVER_CERTIFICATE, 0o644),
            (SERVER_KEY, 0o600),
            (CA_KEY, 0o600),
        ];
        assert_eq!(modes, expected);
    }

    #[test]
    fn a_worker_has_no_secret_and_no_port() {
        let secrets = certificates::new_authority(&"demo".parse().unwrap()).unwrap();
        let files = files(Role::Worker, Some(&secrets));
        assert_eq!(files.len(), 1);
        expect![[r#"
            {
              "hosts": [
                "unix:///var/run/docker.sock"
              ],
              "labels": [
                "io.coe.made-here=true"
              ]
            }
        "#]]
        .assert_eq(text(&files[0]));
    }

    #[test]
    fn a_control_plane_that_comes_back_keeps_the_files_of_its_volume() {
        assert!(files(Role::ControlPlane, None).is_empty());
    }
}
