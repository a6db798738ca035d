//! The names of the cluster's own nodes.

use std::collections::BTreeSet;

use crate::model::{
    ClusterName, ClusterSpec, InvalidName, NodeGroup, NodeName, ObservedCluster, Role,
};

/// The names of the first `count` nodes of a pool.
pub(crate) fn pool_names(
    cluster: &ClusterName,
    role: Role,
    count: u32,
) -> Result<Vec<NodeName>, InvalidName> {
    (1..=count)
        .map(|ordinal| cluster.node(role, ordinal))
        .collect()
}

/// The role of the node in its cluster's pool, if its name is one of the pool's.
pub(crate) fn pool_role(cluster: &ClusterName, name: &NodeName) -> Option<Role> {
    [Role::ControlPlane, Role::Worker]
        .into_iter()
        .find(|&role| ordinal(cluster, role, name).is_some())
}

/// Which one of the pool's nodes of that role the name is.
fn ordinal(cluster: &ClusterName, role: Role, name: &NodeName) -> Option<u32> {
    let digits = name.as_str().rsplit('-').next()?;
    let ordinal = digits.parse().ok().filter(|&ordinal| ordinal > 0)?;
    // Compared as a whole, so that `demo-worker-02` is nobody's second worker.
    (cluster.node(role, ordinal).as_ref() == Ok(name)).then_some(ordinal)
}

/// The ordinals of the pool's nodes of which anything is left: a machine, a volume, a member.
fn existing(observed: &ObservedCluster, cluster: &ClusterName, role: Role) -> BTreeSet<u32> {
    let machines = observed
        .machines
        .values()
        .filter(|machine| machine.spec.group == NodeGroup::Pool)
        .map(|machine| &machine.spec.name);
    machines
        .chain(observed.volumes.keys())
        .chain(observed.members.iter().flat_map(|members| members.keys()))
        .filter_map(|name| ordinal(cluster, role, name))
        .collect()
}

/// The pool's nodes of a role as they should be: those that are there with the lowest ordinals, and
/// then the lowest that are free.
pub(crate) fn pool(
    observed: &ObservedCluster,
    spec: &ClusterSpec,
    role: Role,
    count: u32,
) -> Result<Vec<NodeName>, InvalidName> {
    let existing = existing(observed, &spec.name, role);
    let count = count as usize;
    let mut wanted: BTreeSet<u32> = existing.iter().copied().take(count).collect();
    let missing = count - wanted.len();
    let free = (1..)
        .filter(|ordinal| !existing.contains(ordinal))
        .take(missing);
    wanted.extend(free);
    wanted
        .into_iter()
        .map(|ordinal| spec.name.node(role, ordinal))
        .collect()
}

/// The pool's nodes of a role that should not be there, those with the highest ordinals first.
pub(super) fn surplus(
    observed: &ObservedCluster,
    spec: &ClusterSpec,
    role: Role,
    count: u32,
) -> Result<Vec<NodeName>, InvalidName> {
    existing(observed, &spec.name, role)
        .into_iter()
        .skip(count as usize)
        .rev()
        .map(|ordinal| spec.name.node(role, ordinal))
        .collect()
}
