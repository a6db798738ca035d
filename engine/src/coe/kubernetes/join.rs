//! Makes a node a member. Its identity is on it since before its start.
//!
//! Guarantees: asked twice, joins once; what a first try left is taken up.

use k8s_openapi::api::core::v1::ConfigMap;

use super::api::{Api, within};
use super::configuration::{join_control_plane, kubelet_start};
use super::hosts::CONTROL_PLANES;
use super::{API_PORT, authorities, boot, facts, shell};
use crate::coe::{CoeError, Credentials, JoinTicket, NodeAccess};
use crate::model::{Role, Secret};
use crate::transport::Exec;

/// Where kubeadm keeps how the cluster is configured.
const NAMESPACE: &str = "kube-system";
const KUBELET_CONFIG: &str = "kubelet-config";
/// By what a node that becomes a control plane may ask the others.
const DISCOVERY: &str = "/etc/kubernetes/coe/discovery.conf";

/// See `Coe::join_ticket`. A worker is given the configuration that the cluster's own kubeadm has left in it for
/// kubelets; a control plane, whose kubeadm asks for all of it, by what it may ask.
pub(super) async fn ticket(control_plane: &dyn Exec, role: Role) -> Result<JoinTicket, CoeError> {
    let token = match role {
        Role::Worker => Secret::new(kubelet_configuration(control_plane).await?),
        Role::ControlPlane => {
            let (ca_certificate, ca_key) = authorities::read_own(control_plane).await?;
            let identity = authorities::engine(&ca_certificate, &ca_key)?;
            let server = format!("https://{CONTROL_PLANES}:{API_PORT}");
            let credentials = Credentials {
                ca_certificate,
                client_certificate: identity.certificate,
                client_key: identity.key,
            };
            authorities::kubeconfig("coe", &server, &credentials)
        }
    };
    Ok(JoinTicket {
        control_planes: Vec::new(),
        token,
    })
}

/// The configuration that the cluster keeps for kubelets.
pub(super) async fn kubelet_configuration(control_plane: &dyn Exec) -> Result<String, CoeError> {
    const WHAT: &str = "ask for the configuration of kubelets";
    let api = Api::connect(control_plane).await?;
    let maps = within::<ConfigMap>(NAMESPACE);
    let found = api.get::<ConfigMap>(&maps, KUBELET_CONFIG).await;
    let found = found.map_err(|error| api.failure(WHAT, &error))?;
    let kubelet = found.data.and_then(|mut data| data.remove("kubelet"));
    kubelet.ok_or_else(|| CoeError::Refused {
        what: WHAT.to_owned(),
        node: control_plane.node().clone(),
        reason: format!("the cluster's {KUBELET_CONFIG} has none for kubelets"),
    })
}

/// See `Coe::join`.
pub(super) async fn join(node: &NodeAccess<'_>, ticket: &JoinTicket) -> Result<(), CoeError> {
    let facts = facts::of(node.exec).await?;
    match node.role {
        Role::Worker => {
            let own = kubelet_start(node.exec.node(), node.address, &facts);
            let configuration = format!("{own}---\n{}", ticket.token.expose());
            let script = format!(
                "{}\nkubeadm init phase kubelet-start --config {}\n{}",
                boot::take_configuration(),
                boot::KUBEADM_CONFIG,
                boot::remember_version()
            );
            run(node, "start the kubelet", script, configuration).await
        }
        Role::ControlPlane => {
            let discovery = authorities::private(DISCOVERY, &ticket.token);
            node.exec.put_files(&[discovery]).await?;
            let configuration =
                join_control_plane(node.exec.node(), node.address, DISCOVERY, &facts);
            let script = format!(
                "{}
# It was put there before this waited for an earlier try, which takes it away once the node has joined.
[ -e {DISCOVERY} ] || exit 0
skipped=preflight
# A kubelet that runs was started by an earlier try, and kubeadm refuses to start one that the cluster knows.
! systemctl is-active --quiet kubelet || skipped=preflight,kubelet-start
kubeadm join --config {} --skip-phases=$skipped
{}
rm -f {DISCOVERY}",
                boot::take_configuration(),
                boot::KUBEADM_CONFIG,
                boot::remember_version()
            );
            run(node, "make it a control plane", script, configuration).await
        }
    }
}

async fn run(
    node: &NodeAccess<'_>,
    what: &str,
    script: String,
    configuration: String,
) -> Result<(), CoeError> {
    let command = shell::reading(script, Secret::new(configuration.into_bytes()));
    shell::succeed(node.exec, what, command).await
}
