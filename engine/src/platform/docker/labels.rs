//! The labels of this platform's objects, beside those that every platform's objects carry.

use std::collections::HashMap;

use super::Docker;
use crate::model::{ClusterId, NodeName, NodeSpec, NodeVolume, Owner};
use crate::platform::{PlatformError, Retry, Scope};

/// On a container: what its node was made as, JSON of `NodeSpec`, with the host ports that were chosen.
pub(super) const NODE_SPEC: &str = "io.coe.node.spec";
/// On a container: its address in its cluster's network. The list of containers does not have it once a container is stopped.
pub(super) const NODE_ADDRESS: &str = "io.coe.node.address";
/// On a container: the id of its node's network, which may be one without our labels.
pub(super) const NETWORK_ID: &str = "io.coe.network.id";
/// On a node's volume: the name that distinguishes it from the node's other volumes.
pub(super) const VOLUME_NAME: &str = "io.coe.volume.name";
/// On the container that asks which privileges the engine grants, and that is no node.
pub(super) const PRIVILEGES: &str = "io.coe.privileges";
/// On a balancer: what it was made as, JSON of `balancer::Made`.
pub(super) const BALANCER: &str = "io.coe.balancer";
/// On a record: the cluster's record, JSON of `ClusterRecord`.
pub(super) const RECORD: &str = "io.coe.cluster.record";
/// On a record: which of two records is the newer one, a number.
pub(super) const RECORD_REVISION: &str = "io.coe.cluster.record.revision";

/// On a claim: which of two claims is the newer one, a number.
pub(super) const CLAIM_REVISION: &str = "io.coe.cluster.claim.revision";

/// The owner's labels in the form of the engine's API.
pub(super) fn of_owner(owner: &Owner) -> HashMap<String, String> {
    owner
        .labels()
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// The owner's labels and those of a node.
pub(super) fn of_node(owner: &Owner, node: &NodeSpec) -> HashMap<String, String> {
    owner
        .labels_of(node)
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// The owner's labels, and those of a volume of a node.
pub(super) fn of_volume(
    owner: &Owner,
    node: &NodeSpec,
    volume: &NodeVolume,
) -> HashMap<String, String> {
    let mut labels = of_node(owner, node);
    labels.insert(VOLUME_NAME.to_owned(), volume.name.clone());
    labels
}

/// A filter of the engine's list calls.
pub(super) type Filters = HashMap<String, Vec<String>>;

/// Everything of ours in that scope.
pub(super) fn filter_of_scope(scope: &Scope) -> Filters {
    let label = match scope {
        Scope::All => Owner::CLUSTER_ID.to_owned(),
        Scope::Id(cluster) => format!("{}={cluster}", Owner::CLUSTER_ID),
        Scope::Name(name) => format!("{}={name}", Owner::CLUSTER_NAME),
    };
    HashMap::from([("label".to_owned(), vec![label])])
}

/// Everything of one cluster.
pub(super) fn filter_of_cluster(cluster: ClusterId) -> Filters {
    filter_of_scope(&Scope::Id(cluster))
}

/// Everything of one node of a cluster.
pub(super) fn filter_of_node(cluster: ClusterId, node: &NodeName) -> Filters {
    let mut filters = filter_of_cluster(cluster);
    filters
        .entry("label".to_owned())
        .or_default()
        .push(format!("{}={node}", Owner::NODE_NAME));
    filters
}

/// Whether an object with these labels belongs to the cluster.
pub(super) fn belongs_to(labels: &HashMap<String, String>, cluster: ClusterId) -> bool {
    labels
        .get(Owner::CLUSTER_ID)
        .is_some_and(|id| *id == cluster.to_string())
}

/// The owner that an object's labels tell of.
pub(super) fn owner(
    object: &str,
    labels: &HashMap<String, String>,
) -> Result<Owner, PlatformError> {
    Ok(Owner {
        cluster: parsed(object, labels, Owner::CLUSTER_ID)?,
        cluster_name: parsed(object, labels, Owner::CLUSTER_NAME)?,
        operation: parsed(object, labels, Owner::OPERATION_ID)?,
        deadline: parsed(object, labels, Owner::OPERATION_DEADLINE)?,
        host: labels.get(Owner::OPERATION_HOST).cloned(),
    })
}

/// The value of a label.
pub(super) fn parsed<T>(
    object: &str,
    labels: &HashMap<String, String>,
    key: &str,
) -> Result<T, PlatformError>
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

/// The value of a label that holds JSON.
pub(super) fn parsed_json<T: serde::de::DeserializeOwned>(
    object: &str,
    labels: &HashMap<String, String>,
    key: &str,
) -> Result<T, PlatformError> {
    let text = labels
        .get(key)
        .ok_or_else(|| unreadable(object, key, &"there is none"))?;
    serde_json::from_str(text).map_err(|error| unreadable(object, key, &error))
}

fn unreadable(object: &str, key: &str, reason: &dyn std::fmt::Display) -> PlatformError {
    PlatformError::Refused {
        what: format!("read label {key} of {object}"),
        reason: reason.to_string(),
        help: Some(format!(
            "Another version of this program may have made {object}, or its labels were written by \
             hand. Remove it by hand if nothing needs it."
        )),
        retry: Retry::Never,
    }
}

impl Docker {
    /// The JSON of something that goes into a label.
    pub(super) fn json_label<T: serde::Serialize>(
        what: &str,
        value: &T,
    ) -> Result<String, PlatformError> {
        serde_json::to_string(value).map_err(|error| PlatformError::Refused {
            what: format!("write {what} as a label"),
            reason: error.to_string(),
            help: None,
            retry: Retry::Never,
        })
    }
}
