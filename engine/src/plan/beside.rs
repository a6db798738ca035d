//! Nodes beside the pool: each by itself, or counted as a group. A node is planned as a group of one would be.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::{serves, was_there};
use super::{Change, CoeNeeds, Counted, Fault, Plan, PlanError, differences, pool_node, version};
use crate::coe::Upgrades;
use crate::model::{
    ClusterSpec, Finding, Flavor, ImageName, MachineState, MemberState, NodeGroup, NodeGroupSpec,
    NodeName, NodeSettings, NodeSpec, ObservedCluster, Role, Subject,
};

/// A node beside the pool as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Beside {
    /// What its machine should be.
    pub(crate) machine: NodeSpec,
    /// What it should have of the COE.
    pub(crate) settings: NodeSettings,
}

/// The cluster as a node of it has it that may have an image and a size of its own. The version of an image of one's
/// own is what it carries.
pub(crate) fn cluster_as_of(
    spec: &ClusterSpec,
    image: Option<&ImageName>,
    flavor: Option<&Flavor>,
) -> ClusterSpec {
    let mut spec = spec.clone();
    if let Some(image) = image {
        spec.image = Some(image.clone());
        spec.version = None;
    }
    if let Some(flavor) = flavor {
        spec.flavor = Some(flavor.clone());
        spec.control_plane_flavor = None;
    }
    spec
}

/// What the machine of a node beside the pool should be, of a cluster as that node has it.
pub(crate) fn beside_node(
    spec: &ClusterSpec,
    needs: &CoeNeeds,
    name: &NodeName,
    role: Role,
    group: NodeGroup,
    settings: NodeSettings,
) -> Beside {
    let machine = NodeSpec {
        group,
        labels: settings.labels.clone(),
        ..pool_node(spec, needs, name, role)
    };
    Beside { machine, settings }
}

/// What makes a node beside the pool as it is wanted, in a cluster that answers; `None`: it is.
pub(crate) fn plan_node(wanted: &Beside, observed: &ObservedCluster) -> Option<Change> {
    let (name, role) = (wanted.machine.name.clone(), wanted.machine.role);
    let repair = |fault| {
        let name = wanted.machine.name.clone();
        Some(Change::RepairNode { name, role, fault })
    };
    let Some(machine) = observed.machines.get(&name) else {
        return if was_there(observed, &name) {
            repair(Fault::MachineGone)
        } else {
            Some(Change::CreateNode { name, role })
        };
    };
    if let Some(fault) = Fault::of_machine(machine.state) {
        return repair(fault);
    }
    let member = observed.members.as_ref().and_then(|all| all.get(&name));
    let member = match (Fault::of_member(member, role), member) {
        (Some(fault), _) => return repair(fault),
        (None, member) => member?,
    };
    let differences = differences(&machine.spec, &wanted.machine);
    if !differences.is_empty() {
        return Some(Change::RecreateNode {
            name,
            role,
            differences,
        });
    }
    let is_drained = member.state == MemberState::Drained;
    let settings = &wanted.settings;
    if member.labels != settings.labels
        || member.taints != settings.taints
        || (settings.maintenance && !is_drained)
    {
        let settings = settings.clone();
        return Some(Change::SetNode { name, settings });
    }
    let rests_unasked = is_drained && !settings.maintenance;
    rests_unasked.then_some(Change::UncordonNode { name, role })
}

/// A group of nodes of a cluster as that group has it.
pub(crate) struct Group<'a> {
    /// The group as it is wanted.
    pub(crate) wanted: &'a NodeGroupSpec,
    /// The cluster: [`cluster_as_of`] it.
    pub(crate) spec: &'a ClusterSpec,
    pub(crate) needs: &'a CoeNeeds,
    pub(crate) observed: &'a ObservedCluster,
}

impl Group<'_> {
    fn counted(&self) -> Counted<'_> {
        Counted::Group(&self.wanted.name)
    }

    /// One of its nodes as it is wanted.
    pub(crate) fn node(&self, name: &NodeName) -> Beside {
        let group = NodeGroup::Named(self.wanted.name.clone());
        let settings = self.wanted.settings();
        beside_node(self.spec, self.needs, name, Role::Worker, group, settings)
    }

    /// Those that should be there.
    pub(crate) fn staying(&self) -> Result<Vec<NodeName>, PlanError> {
        let (cluster, count) = (&self.spec.name, self.wanted.count);
        Ok(self.counted().wanted(self.observed, cluster, count)?)
    }

    /// Those that are there and should not be, the dead first.
    pub(crate) fn surplus(&self) -> Result<Vec<NodeName>, PlanError> {
        let (cluster, count) = (&self.spec.name, self.wanted.count);
        let mut surplus = self.counted().surplus(self.observed, cluster, count)?;
        surplus.sort_by_key(|name| serves(self.observed, name));
        Ok(surplus)
    }

    /// Nodes more than are wanted for as long as `made_again` of them are made again: as many as the group has room
    /// for, those that are too many already counted.
    fn surge(&self, made_again: usize) -> Result<Vec<NodeName>, PlanError> {
        let made_again = u32::try_from(made_again).unwrap_or(u32::MAX);
        let more = self.wanted.pace.max_surge().min(made_again);
        let staying: BTreeSet<NodeName> = self.staying()?.into_iter().collect();
        let count = self.wanted.count.saturating_add(more);
        let with_surge = self
            .counted()
            .wanted(self.observed, &self.spec.name, count)?;
        let is_new = |name: &NodeName| !staying.contains(name) && !was_there(self.observed, name);
        Ok(with_surge.into_iter().filter(is_new).collect())
    }

    /// What makes the group as it is wanted, in a cluster that answers. What is broken is repaired first, what is
    /// missing is added, and what is too much goes last.
    pub(crate) fn plan(&self) -> Result<Plan, PlanError> {
        let (mut repairs, mut additions) = (Vec::new(), Vec::new());
        let (mut settings, mut recreations) = (Vec::new(), Vec::new());
        for name in self.staying()? {
            match plan_node(&self.node(&name), self.observed) {
                Some(change @ Change::RepairNode { .. }) => repairs.push(change),
                Some(change @ Change::CreateNode { .. }) => additions.push(change),
                Some(change @ Change::RecreateNode { .. }) => recreations.push(change),
                Some(change) => settings.push(change),
                None => {}
            }
        }
        let surge = self.surge(recreations.len())?;
        let add_surge = |name: &NodeName| Change::AddSurge { name: name.clone() };
        let mut changes = repairs;
        changes.append(&mut additions);
        changes.extend(surge.iter().map(add_surge));
        changes.append(&mut settings);
        changes.append(&mut recreations);
        let going = surge.into_iter().rev().chain(self.surplus()?);
        let role = Role::Worker;
        changes.extend(going.map(|name| Change::RemoveNode { name, role }));
        Ok(Plan { changes })
    }

    /// Those that should be there, as they are wanted, of which the machine has to be made.
    pub(crate) fn machines_to_make(&self) -> Result<Vec<NodeSpec>, PlanError> {
        let nodes = self.staying()?.into_iter().map(|name| self.node(&name));
        let makes = |wanted: &Beside| makes_machine(wanted, self.observed);
        Ok(nodes.filter(makes).map(|wanted| wanted.machine).collect())
    }
}

/// What is wrong with an image for nodes beside the pool: its tag names a minor version that is newer than that of a
/// control plane, and nothing may join what is older than it.
pub(crate) fn newer_than_control_planes(
    image: &ImageName,
    needs: &CoeNeeds,
    observed: &ObservedCluster,
) -> Option<Finding> {
    if needs.upgrades == Upgrades::ToAnyNewer {
        return None;
    }
    let minor = |version: &str| {
        version::numbers(version)
            .into_iter()
            .take(2)
            .collect::<Vec<_>>()
    };
    let wanted = version::of_image(image)?;
    let members = observed.members.iter().flat_map(BTreeMap::values);
    let oldest = members
        .filter(|member| member.role == Role::ControlPlane && !member.version.is_empty())
        .map(|member| &member.version)
        .min_by_key(|version| minor(version))?;
    (minor(oldest) < minor(wanted)).then(|| {
        Finding::error(
            Subject::Image,
            format!("{image} is of version {wanted}, and a control plane runs {oldest}"),
            "Nodes are not newer than the control planes that they ask. Upgrade the cluster first.",
        )
    })
}

/// Whether a machine has to be made so that the node is as wanted.
pub(crate) fn makes_machine(wanted: &Beside, observed: &ObservedCluster) -> bool {
    let machine = observed.machines.get(&wanted.machine.name);
    machine.is_none_or(|machine| {
        matches!(machine.state, MachineState::Created | MachineState::Failed)
            || !differences(&machine.spec, &wanted.machine).is_empty()
    })
}
