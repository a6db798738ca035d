//! To whom an object belongs, in the forms that the cloud's services keep from the call that makes it.
//!
//! Nova and Glance keep keys and values. Neutron takes tags only after an object is there, so the owner is in the
//! object's description.

use crate::model::{ClusterId, NodeSpec, Owner};
use crate::platform::PlatformError;
use crate::platform::labels::{self, LONGEST, OURS};

pub(super) use crate::platform::labels::{
    HOST_KEY, Labels, NETWORK_ID, NODE_ADDRESS, belongs_to, described, description, json, owner,
    parsed, unreadable,
};

/// On a server, followed by a number: a part of its node's spec.
const NODE_SPEC: &str = "io.coe.node.spec.";
/// On a server: that its node was made as it should be.
pub(super) const READY: &str = "io.coe.node.ready";

/// The tag of all servers of a cluster.
pub(super) fn tag(cluster: ClusterId) -> String {
    format!("{OURS}.{cluster}")
}

/// The tag of all servers of ours.
pub(super) const TAG: &str = OURS;

/// The owner's labels.
pub(super) fn of_owner(owner: &Owner) -> Labels {
    labels::of_owner(owner)
}

/// The labels of a node's server: the owner's, and what the node should be, in pieces that Nova takes.
pub(super) fn of_node(owner: &Owner, node: &NodeSpec) -> Result<Labels, PlatformError> {
    let mut labels: Labels = labels::of_node(owner, node);
    let json = json("what a node should be", node)?;
    let characters: Vec<char> = json.chars().collect();
    for (number, piece) in characters.chunks(LONGEST).enumerate() {
        labels.insert(format!("{NODE_SPEC}{number}"), piece.iter().collect());
    }
    Ok(labels)
}

/// What the node of a server should be.
pub(super) fn node_spec(object: &str, labels: &Labels) -> Result<NodeSpec, PlatformError> {
    let pieces = (0..).map_while(|number: usize| labels.get(&format!("{NODE_SPEC}{number}")));
    let json: String = pieces.map(String::as_str).collect();
    serde_json::from_str(&json).map_err(|error| unreadable(object, NODE_SPEC, &error))
}
