//! The names of nodes that are counted: those of the cluster's own pool, and those of groups beside it.

use std::collections::BTreeSet;

use crate::model::{
    ClusterName, ClusterRecord, ClusterSpec, GroupName, InvalidName, Machine, NodeGroup, NodeName,
    ObservedCluster, Role,
};

/// Nodes of a cluster that are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted<'a> {
    /// Those of the cluster's own pool in that role.
    Pool(Role),
    /// Those of a group beside it.
    Group(&'a GroupName),
}

impl Counted<'_> {
    /// The name of node number `ordinal`, from 1.
    fn name(self, cluster: &ClusterName, ordinal: u32) -> Result<NodeName, InvalidName> {
        match self {
            Self::Pool(role) => cluster.node(role, ordinal),
            Self::Group(group) => cluster.group_node(group, ordinal),
        }
    }

    /// Which one of them the name is.
    fn ordinal(self, cluster: &ClusterName, name: &NodeName) -> Option<u32> {
        let digits = name.as_str().rsplit('-').next()?;
        let ordinal = digits.parse().ok().filter(|&ordinal| ordinal > 0)?;
        // Compared as a whole, so that `demo-worker-02` is nobody's second worker.
        (self.name(cluster, ordinal).as_ref() == Ok(name)).then_some(ordinal)
    }

    /// Whether the name is one of theirs.
    pub(crate) fn may_have(self, cluster: &ClusterName, name: &NodeName) -> bool {
        self.ordinal(cluster, name).is_some()
    }

    /// Whether the machine was made for one of them.
    fn has(self, machine: &Machine) -> bool {
        match (self, &machine.spec.group) {
            (Self::Pool(_), NodeGroup::Pool) => true,
            (Self::Group(group), NodeGroup::Named(name)) => group == name,
            _ => false,
        }
    }

    /// The ordinals of those of which anything is left: a machine, a volume, a member.
    fn existing(self, observed: &ObservedCluster, cluster: &ClusterName) -> BTreeSet<u32> {
        let members = observed.members.iter().flat_map(|members| members.keys());
        let names = observed.machines.keys().chain(observed.volumes.keys());
        names
            .chain(members)
            .filter(|name| !self.is_anothers(observed, name))
            .filter_map(|name| self.ordinal(cluster, name))
            .collect()
    }

    /// Whether a machine has the name that is none of theirs.
    fn is_anothers(self, observed: &ObservedCluster, name: &NodeName) -> bool {
        let machine = observed.machines.get(name);
        machine.is_some_and(|machine| !self.has(machine))
    }

    /// `count` of them as they should be: those that are there with the lowest ordinals, and then the lowest that
    /// are free.
    pub(crate) fn wanted(
        self,
        observed: &ObservedCluster,
        cluster: &ClusterName,
        count: u32,
    ) -> Result<Vec<NodeName>, InvalidName> {
        let existing = self.existing(observed, cluster);
        let count = count as usize;
        let mut wanted: BTreeSet<u32> = existing.iter().copied().take(count).collect();
        let mut ordinals = (1..).filter(|ordinal| !existing.contains(ordinal));
        while wanted.len() < count {
            let Some(free) = ordinals.next() else { break };
            if !self.is_anothers(observed, &self.name(cluster, free)?) {
                wanted.insert(free);
            }
        }
        wanted
            .into_iter()
            .map(|ordinal| self.name(cluster, ordinal))
            .collect()
    }

    /// Those beyond `count`, the ones with the highest ordinals first.
    pub(crate) fn surplus(
        self,
        observed: &ObservedCluster,
        cluster: &ClusterName,
        count: u32,
    ) -> Result<Vec<NodeName>, InvalidName> {
        self.existing(observed, cluster)
            .into_iter()
            .skip(count as usize)
            .rev()
            .map(|ordinal| self.name(cluster, ordinal))
            .collect()
    }
}

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
        .find(|&role| Counted::Pool(role).may_have(cluster, name))
}

/// The group that the name is of, if the cluster's record has such a group.
pub(crate) fn group_of<'a>(record: &'a ClusterRecord, name: &NodeName) -> Option<&'a GroupName> {
    let mut groups = record.groups.keys();
    groups.find(|group| Counted::Group(group).may_have(&record.spec.name, name))
}

/// The pool's nodes of a role as they should be.
pub(crate) fn pool(
    observed: &ObservedCluster,
    spec: &ClusterSpec,
    role: Role,
    count: u32,
) -> Result<Vec<NodeName>, InvalidName> {
    Counted::Pool(role).wanted(observed, &spec.name, count)
}

/// The pool's nodes of a role that should not be there, those with the highest ordinals first.
pub(super) fn surplus(
    observed: &ObservedCluster,
    spec: &ClusterSpec,
    role: Role,
    count: u32,
) -> Result<Vec<NodeName>, InvalidName> {
    Counted::Pool(role).surplus(observed, &spec.name, count)
}
