//! What a node says of itself before anything is done on it.

use super::boot::{KUBELET_ARGUMENTS, VERSION};
use super::network::CLOSED;
use super::settings::Argument;
use crate::coe::CoeError;
use crate::model::Carries;
use crate::transport::{Command, Exec};

/// What is known of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodeFacts {
    /// The version of its kubeadm: `v1.34.4`.
    pub version: String,
    /// Whether it shares its kernel and its disk with others: a container that is a node.
    pub shares_machine: bool,
    /// What the nodes' network carries.
    pub carries: Carries,
    /// Whether its image brings a pod network that works there.
    pub brings_network: bool,
    /// Whether that is the one of this project's own images.
    pub brings_routes: bool,
    /// The version that has written what its volumes keep; `None`: it never was one of the cluster.
    pub kept_version: Option<String>,
    /// What its kubelet is given beside what it needs.
    pub kubelet_arguments: Vec<Argument>,
}

/// The manifest of the network that a node image brings (kind's contract of node images).
pub(super) const NETWORK_MANIFEST: &str = "/kind/manifests/default-cni.yaml";

/// What names, in its manifest, the one that this project's images bring.
const ROUTES: &str = "image: docker.io/coe/pod-network:1$";

/// Before the version in the node's answer.
const KEPT: &str = "kept ";

/// Asks the node.
pub(super) async fn of(node: &dyn Exec) -> Result<NodeFacts, CoeError> {
    const WHAT: &str = "ask the node what it is";
    let script = format!(
        "command -v kubeadm >/dev/null || exit 3
kubeadm version --output short
[ -e /kind/version ] && echo shares-machine
[ -e {CLOSED} ] && echo network-is-closed
[ -e {NETWORK_MANIFEST} ] && echo brings-network
grep --quiet '{ROUTES}' {NETWORK_MANIFEST} 2>/dev/null && echo brings-routes
[ -e {VERSION} ] && echo \"{KEPT}$(cat {VERSION})\"
[ -e {KUBELET_ARGUMENTS} ] && cat {KUBELET_ARGUMENTS}
exit 0"
    );
    let refused = |reason: String| CoeError::Refused {
        what: WHAT.to_owned(),
        node: node.node().clone(),
        reason,
    };
    let output = node.run(Command::shell(script)).await?;
    match output.status {
        0 => {}
        3 => {
            return Err(refused(
                "its image has no kubeadm: it is no node image of Kubernetes".to_owned(),
            ));
        }
        _ => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            return Err(refused(complaint.trim_end().to_owned()));
        }
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let mut lines = said.lines();
    let version = lines.next().unwrap_or_default().to_owned();
    let marks: Vec<&str> = lines.collect();
    let kept = marks.iter().find_map(|mark| mark.strip_prefix(KEPT));
    let carries = if marks.contains(&"network-is-closed") {
        Carries::MachinesOnly
    } else {
        Carries::AnyAddress
    };
    let passes_pods = carries == Carries::AnyAddress;
    Ok(NodeFacts {
        version,
        shares_machine: marks.contains(&"shares-machine"),
        carries,
        brings_network: passes_pods && marks.contains(&"brings-network"),
        brings_routes: passes_pods && marks.contains(&"brings-routes"),
        kept_version: kept.map(str::to_owned),
        kubelet_arguments: marks
            .iter()
            .filter_map(|mark| mark.split_once('='))
            .map(|(name, value)| Argument::new(name, value))
            .collect(),
    })
}
