//! To whom an object belongs, in the forms that the cloud's services keep from the call that makes it.
//!
//! Nova and Glance keep keys and values. Neutron takes tags only after an object is there, so the owner is in the
//! object's description: one line, whose parts are told apart by spaces.

use std::collections::BTreeMap;

use crate::model::{ClusterId, NodeSpec, Owner};
use crate::platform::{PlatformError, Retry};

/// How a description of ours begins.
const DESCRIBED: &str = "io.coe";
/// The most characters of a description, and of a value of Nova's.
pub(super) const LONGEST: usize = 255;
/// On a server, followed by a number: a part of its node's spec, JSON of `NodeSpec`.
const NODE_SPEC: &str = "io.coe.node.spec.";
/// On a server: the address of its node.
pub(super) const NODE_ADDRESS: &str = "io.coe.node.address";
/// On a server: the id of its node's network, which may be one that is not ours.
pub(super) const NETWORK_ID: &str = "io.coe.network.id";
/// On a server: by which key its SSH server is known.
pub(super) const HOST_KEY: &str = "io.coe.node.host-key";
/// On a server: that its node was made as it should be.
pub(super) const READY: &str = "io.coe.node.ready";

/// Keys and values.
pub(super) type Labels = BTreeMap<String, String>;

/// The owner as a description.
pub(super) fn description(owner: &Owner) -> String {
    let line = format!(
        "{DESCRIBED} {} {} {} {} {}",
        owner.cluster,
        owner.operation,
        owner.deadline,
        owner.cluster_name,
        owner.host.as_deref().unwrap_or_default()
    );
    line.trim_end().chars().take(LONGEST).collect()
}

/// The owner that a description tells of; `None`: it is not of this program.
pub(super) fn described(description: &str) -> Option<Owner> {
    let mut parts = description.splitn(6, ' ');
    if parts.next() != Some(DESCRIBED) {
        return None;
    }
    Some(Owner {
        cluster: parts.next()?.parse().ok()?,
        operation: parts.next()?.parse().ok()?,
        deadline: parts.next()?.parse().ok()?,
        cluster_name: parts.next()?.parse().ok()?,
        host: parts.next().map(str::to_owned),
    })
}

/// The tag of all servers of a cluster.
pub(super) fn tag(cluster: ClusterId) -> String {
    format!("{DESCRIBED}.{cluster}")
}

/// The tag of all servers of ours.
pub(super) const TAG: &str = DESCRIBED;

/// The owner's labels.
pub(super) fn of_owner(owner: &Owner) -> Labels {
    let labels = owner.labels().into_iter();
    labels.map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The labels of a node's server: the owner's, and what the node should be, in pieces that Nova takes.
pub(super) fn of_node(owner: &Owner, node: &NodeSpec) -> Result<Labels, PlatformError> {
    let labels = owner.labels_of(node).into_iter();
    let mut labels: Labels = labels.map(|(key, value)| (key.to_owned(), value)).collect();
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

/// The owner that labels tell of.
pub(super) fn owner(object: &str, labels: &Labels) -> Result<Owner, PlatformError> {
    Ok(Owner {
        cluster: parsed(object, labels, Owner::CLUSTER_ID)?,
        cluster_name: parsed(object, labels, Owner::CLUSTER_NAME)?,
        operation: parsed(object, labels, Owner::OPERATION_ID)?,
        deadline: parsed(object, labels, Owner::OPERATION_DEADLINE)?,
        host: labels.get(Owner::OPERATION_HOST).cloned(),
    })
}

/// Whether an object with these labels belongs to the cluster.
pub(super) fn belongs_to(labels: &Labels, cluster: ClusterId) -> bool {
    let id = labels.get(Owner::CLUSTER_ID);
    id.is_some_and(|id| *id == cluster.to_string())
}

/// The value of a label.
pub(super) fn parsed<T>(object: &str, labels: &Labels, key: &str) -> Result<T, PlatformError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let text = labels
        .get(key)
        .ok_or_else(|| unreadable(object, key, &"there is none"))?;
    text.parse()
        .map_err(|error: T::Err| unreadable(object, key, &error))
}

pub(super) fn unreadable(object: &str, key: &str, reason: &dyn std::fmt::Display) -> PlatformError {
    PlatformError::Refused {
        what: format!("read {key} of {object}"),
        reason: reason.to_string(),
        help: Some(format!(
            "Another version of this program may have made {object}, or it was changed by hand. Remove it by hand if \
             nothing needs it."
        )),
        retry: Retry::Never,
    }
}

/// The JSON of something that is kept on the platform.
pub(super) fn json<T: serde::Serialize>(what: &str, value: &T) -> Result<String, PlatformError> {
    serde_json::to_string(value).map_err(|error| PlatformError::Refused {
        what: format!("write {what}"),
        reason: error.to_string(),
        help: None,
        retry: Retry::Never,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClusterId, OperationId};

    fn owner(name: &str, host: Option<&str>) -> Owner {
        Owner {
            cluster: ClusterId::new(),
            cluster_name: name.parse().unwrap(),
            operation: OperationId::new(),
            deadline: "2026-11-27T22:33:35.123456789Z".parse().unwrap(),
            host: host.map(str::to_owned),
        }
    }

    #[test]
    fn a_description_tells_whose_an_object_is() {
        for host in [None, Some("laptop")] {
            let owner = owner("demo", host);
            assert_eq!(described(&description(&owner)), Some(owner));
        }
        assert_eq!(described(""), None);
        assert_eq!(described("io.coe and more"), None);
        assert_eq!(described("somebody's network"), None);
    }

    #[test]
    fn the_longest_description_fits_and_is_read() {
        let long = owner(&"n".repeat(63), Some(&"h".repeat(200)));
        let text = description(&long);
        assert_eq!(text.chars().count(), LONGEST);
        assert_eq!(described(&text).unwrap().cluster, long.cluster);
    }
}
