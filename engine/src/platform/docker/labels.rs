//! The labels of this platform's objects, beside those that every platform's objects carry.

use std::collections::HashMap;

use crate::model::{ClusterId, NodeName, NodeSpec, NodeVolume, Owner};
use crate::platform::{Scope, labels};

pub(super) use crate::platform::labels::{
    NETWORK_ID, NODE_ADDRESS, NODE_SPEC, belongs_to, json, owner, parsed, parsed_json,
};

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
    labels::of_owner(owner)
}

/// The owner's labels and those of a node.
pub(super) fn of_node(owner: &Owner, node: &NodeSpec) -> HashMap<String, String> {
    labels::of_node(owner, node)
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
