//! The members of a cluster: its Node objects.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, NodeCondition};
use kube_core::ResourceExt as _;
use kube_core::params::ListParams;

use super::api::{Api, everywhere};
use super::{certificates, network, node_labels, node_taints, upgrade};
use crate::coe::{CoeError, CoeView};
use crate::model::{Member, MemberState, NodeName, Role};
use crate::transport::Exec;

/// What kubeadm labels control planes with.
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// How long a kubelet may take to register its node, or to tell of itself: several times as long as on a slow machine.
const REGISTERED: Duration = Duration::from_mins(2);

/// See `Coe::observe`.
pub(super) async fn observe(control_plane: &dyn Exec) -> Result<CoeView, CoeError> {
    let api = Api::connect(control_plane).await?;
    let (nodes, version) = tokio::try_join!(list(&api), upgrade::configured_version(&api))?;
    let without_network =
        nodes.iter().any(lacks_network) && network::is_left_out(control_plane).await?;
    let now = Timestamp::now();
    let is_whole = |node: &Node| is_ready(node) || without_network && lacks_network(node);
    let members = nodes
        .iter()
        .filter_map(|node| {
            let name = node.name_any().parse::<NodeName>().ok()?;
            Some((name, member(node, is_whole(node), now)))
        })
        .collect();
    Ok(CoeView {
        members,
        ca_certificate: api.ca_certificate,
        settings: BTreeMap::new(),
        version,
    })
}

/// All nodes.
pub(super) async fn list(api: &Api) -> Result<Vec<Node>, CoeError> {
    api.list(&everywhere::<Node>(), &ListParams::default())
        .await
        .map_err(|error| api.failure("list the nodes", &error))
}

/// The node of that name, once its kubelet has registered it: one that has just joined may not have yet.
pub(super) async fn registered(api: &Api, name: &NodeName, what: &str) -> Result<Node, CoeError> {
    once(api, name, what, |_node| true, "the registration").await
}

/// Waits until the node's kubelet has told that it is of that version (`v1.34.4`): the cluster says of one that has just
/// been replaced what the one before said of itself.
pub(super) async fn tells_version(
    api: &Api,
    name: &NodeName,
    version: &str,
) -> Result<(), CoeError> {
    let is_told = |node: &Node| kubelet_version(node) == version;
    let what = "ask for its version";
    let waited_for = "the first word of the new kubelet";
    once(api, name, what, is_told, waited_for).await.map(drop)
}

/// The node of that name, once it is registered and so.
async fn once(
    api: &Api,
    name: &NodeName,
    what: &str,
    is_so: impl Fn(&Node) -> bool + Send + Sync,
    waited_for: &str,
) -> Result<Node, CoeError> {
    let nodes = everywhere::<Node>();
    let waiting = async {
        loop {
            match api.get::<Node>(&nodes, name.as_str()).await {
                Ok(node) if is_so(&node) => return Ok(node),
                Ok(_) => {}
                Err(error) if error.is_absent() => {}
                Err(error) => return Err(api.failure(what, &error)),
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    };
    match tokio::time::timeout(REGISTERED, waiting).await {
        Ok(node) => node,
        Err(_late) => Err(CoeError::Late {
            what: format!("{waited_for} of {name}"),
            waited: REGISTERED,
        }),
    }
}

fn kubelet_version(node: &Node) -> &str {
    let status = node.status.as_ref();
    let info = status.and_then(|status| status.node_info.as_ref());
    info.map_or("", |info| info.kubelet_version.as_str())
}

fn member(node: &Node, is_whole: bool, now: Timestamp) -> Member {
    let state = if !is_whole {
        MemberState::Down
    } else if is_cordoned(node) {
        MemberState::Drained
    } else {
        MemberState::Ready
    };
    Member {
        id: node.uid().unwrap_or_default(),
        role: if is_control_plane(node) {
            Role::ControlPlane
        } else {
            Role::Worker
        },
        state,
        version: kubelet_version(node).trim_start_matches('v').to_owned(),
        labels: node_labels::of_user(node),
        taints: node_taints::of_user(node),
        made_here: node.labels().contains_key(MADE_HERE),
        expires: certificates::expire(node, now),
    }
}

/// By which label a node says that it was made here. Others may join nodes of their own.
pub(super) const MADE_HERE: &str = "io.coe/made-here";

pub(super) fn is_control_plane(node: &Node) -> bool {
    node.labels().contains_key(CONTROL_PLANE)
}

pub(super) fn is_cordoned(node: &Node) -> bool {
    let spec = node.spec.as_ref();
    spec.is_some_and(|spec| spec.unschedulable == Some(true))
}

/// What the node says of whether it is ready.
pub(super) fn ready_condition(node: &Node) -> Option<&NodeCondition> {
    let conditions = node.status.as_ref()?.conditions.as_ref()?;
    conditions
        .iter()
        .find(|condition| condition.type_ == "Ready")
}

/// Whether the node says that it would be ready if there were a network between pods.
pub(super) fn lacks_network(node: &Node) -> bool {
    // In the words of the container runtime's interface (`RuntimeCondition`): there is no field for it.
    ready_condition(node).is_some_and(|condition| {
        let message = condition.message.as_deref().unwrap_or_default();
        condition.status == "False" && message.contains("NetworkPluginNotReady")
    })
}

/// Whether the node is ready, and has been heard of lately.
pub(super) fn is_ready(node: &Node) -> bool {
    ready_condition(node).is_some_and(|condition| condition.status == "True")
}
