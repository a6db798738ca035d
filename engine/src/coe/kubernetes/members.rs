//! The members of a cluster: its Node objects.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, NodeCondition};
use kube_core::ResourceExt as _;
use kube_core::params::ListParams;

use super::api::{Api, everywhere};
use super::{network, node_labels, node_taints, upgrade};
use crate::coe::{CoeError, CoeView};
use crate::model::{Member, MemberState, NodeName, Role};
use crate::transport::Exec;

/// What kubeadm labels control planes with.
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// How long a kubelet may take to register its node: several times as long as on a slow machine.
const REGISTERED: Duration = Duration::from_mins(2);

/// See `Coe::observe`.
pub(super) async fn observe(control_plane: &dyn Exec) -> Result<CoeView, CoeError> {
    let api = Api::connect(control_plane).await?;
    let (nodes, version) = tokio::try_join!(list(&api), upgrade::configured_version(&api))?;
    let without_network =
        nodes.iter().any(lacks_network) && network::is_left_out(control_plane).await?;
    let is_whole = |node: &Node| is_ready(node) || without_network && lacks_network(node);
    let members = nodes
        .iter()
        .filter_map(|node| {
            let name = node.name_any().parse::<NodeName>().ok()?;
            Some((name, member(node, is_whole(node))))
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
    let nodes = everywhere::<Node>();
    let registering = async {
        loop {
            match api.get::<Node>(&nodes, name.as_str()).await {
                Ok(node) => return Ok(node),
                Err(error) if error.is_absent() => tokio::time::sleep(BETWEEN_LOOKS).await,
                Err(error) => return Err(api.failure(what, &error)),
            }
        }
    };
    match tokio::time::timeout(REGISTERED, registering).await {
        Ok(node) => node,
        Err(_late) => Err(CoeError::Late {
            what: format!("the registration of {name}"),
            waited: REGISTERED,
        }),
    }
}

fn member(node: &Node, is_whole: bool) -> Member {
    let state = if !is_whole {
        MemberState::Down
    } else if is_cordoned(node) {
        MemberState::Drained
    } else {
        MemberState::Ready
    };
    let info = node
        .status
        .as_ref()
        .and_then(|status| status.node_info.as_ref());
    Member {
        id: node.uid().unwrap_or_default(),
        role: if node.labels().contains_key(CONTROL_PLANE) {
            Role::ControlPlane
        } else {
            Role::Worker
        },
        state,
        version: info.map_or_else(String::new, |info| {
            info.kubelet_version.trim_start_matches('v').to_owned()
        }),
        labels: node_labels::of_user(node),
        taints: node_taints::of_user(node),
    }
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
