//! From what is wanted and what is there to what has to be done. Pure: the same input gives the same
//! plan, and a plan that was carried out leaves an empty one.

mod address;
mod balancer;
mod beside;
mod certificates;
mod change;
mod error;
mod event;
mod fault;
mod machine;
mod pool;
mod sleep;
#[cfg(test)]
mod tests;
mod upgrade;
pub(crate) mod version;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use address::{capacity, free_address, last_free_address};
pub(crate) use beside::{
    Beside, Group, beside_node, cluster_as_of, makes_machine, newer_than_control_planes, plan_node,
};
pub use change::{Balancing, Change, Difference, Fault};
pub use error::PlanError;
pub use machine::CoeNeeds;
pub(crate) use machine::{differences, keep_host_ports, machine_image, pool_node};
pub(crate) use pool::{Counted, group_of, pool, pool_names, pool_role};

use fault::{serves, was_there};

use crate::model::{
    ClusterRecord, ClusterSpec, DesiredState, ImageName, Machine, MachineState, MemberState,
    NetworkSpec, NodeName, ObservedCluster, Phase, Role,
};

/// What has to be done, in order: control planes are repaired first, then made again where they should be other
/// machines, and then added: whatever joins is not newer than those that it joins. Workers follow in that order, and
/// what is too much goes last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Each thing.
    pub changes: Vec<Change>,
}

impl Plan {
    /// Whether the cluster's API is reached elsewhere once the plan is carried out.
    pub fn moves_endpoint(&self) -> bool {
        let moves = |change: &Change| {
            matches!(
                change,
                Change::Balance {
                    why: Balancing::New,
                    ..
                }
            )
        };
        self.changes.iter().any(moves)
    }

    /// Whether everything is as wanted.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changes as sentences for a reviewer.
    pub fn sentences(&self) -> Vec<String> {
        self.changes.iter().map(ToString::to_string).collect()
    }
}

/// What leads from `observed` (`None`: nothing is there) to `desired`. `images` are the platform's ids
/// of the images to preload, as far as it has them.
pub fn plan(
    desired: &ClusterSpec,
    observed: Option<&ObservedCluster>,
    images: &BTreeMap<ImageName, String>,
    needs: &CoeNeeds,
) -> Result<Plan, PlanError> {
    let Some(observed) = observed else {
        return plan_new(desired, needs);
    };
    let planner = Planner {
        desired,
        observed,
        images,
        needs,
    };
    if observed.has_lost_its_record() {
        // What else there is to do is seen once the COE can be asked again.
        let changes = vec![Change::RestoreRecord];
        return Ok(Plan { changes });
    }
    planner.refuse_the_impossible()?;
    let changes = match desired.desired_state {
        DesiredState::Stopped => planner.stopped()?,
        DesiredState::Running => planner.running()?,
    };
    Ok(Plan { changes })
}

fn plan_new(desired: &ClusterSpec, needs: &CoeNeeds) -> Result<Plan, PlanError> {
    let mut changes = Vec::new();
    match &desired.network {
        NetworkSpec::Isolated => {
            changes.push(Change::CreateNetwork {
                name: desired.name.clone(),
                subnet: None,
            });
        }
        NetworkSpec::Subnet(subnet) => changes.push(Change::CreateNetwork {
            name: desired.name.clone(),
            subnet: Some(subnet.to_string()),
        }),
        NetworkSpec::Existing(_) => {}
    }
    let mut nodes = Vec::new();
    for (role, count) in [
        (Role::ControlPlane, desired.control_planes.get()),
        (Role::Worker, desired.workers),
    ] {
        for name in pool_names(&desired.name, role, count)? {
            nodes.push(name.clone());
            changes.push(Change::CreateNode { name, role });
        }
    }
    if needs.has_balancer(desired, None) {
        changes.push(Change::Balance {
            cluster: desired.name.clone(),
            control_planes: desired.control_planes,
            why: Balancing::New,
        });
    }
    let loads = desired
        .preload_images
        .iter()
        .map(|image| Change::LoadImage {
            image: image.clone(),
            nodes: nodes.clone(),
        });
    changes.extend(loads);
    if desired.desired_state == DesiredState::Stopped {
        changes.push(Change::StopMachines { nodes });
    }
    Ok(Plan { changes })
}

struct Planner<'a> {
    desired: &'a ClusterSpec,
    observed: &'a ObservedCluster,
    images: &'a BTreeMap<ImageName, String>,
    needs: &'a CoeNeeds,
}

impl Planner<'_> {
    fn record(&self) -> Option<&ClusterRecord> {
        self.observed.record.as_ref()
    }

    fn is_initialized(&self) -> bool {
        self.record().is_some_and(|record| record.initialized)
    }

    fn refuse_the_impossible(&self) -> Result<(), PlanError> {
        let desired = self.desired;
        let Some(record) = self.record() else {
            return Ok(());
        };
        let cluster = record.spec.name.clone();
        if record.spec.name != desired.name {
            return Err(PlanError::IdentityChanged {
                cluster,
                what: "name",
            });
        }
        if record.spec.coe != desired.coe {
            return Err(PlanError::IdentityChanged {
                cluster,
                what: "COE",
            });
        }
        if record.spec.network != desired.network {
            return Err(PlanError::NetworkChanged { cluster });
        }
        self.refuse_versions(record)?;
        self.refuse_lost_state(record)
    }

    fn refuse_lost_state(&self, record: &ClusterRecord) -> Result<(), PlanError> {
        if !record.initialized {
            return Ok(());
        }
        let (left, lost): (Vec<_>, Vec<_>) = self
            .known_control_planes(record)
            .into_iter()
            .partition(|name| self.has_something_left(name));
        let cluster = record.spec.name.clone();
        if left.is_empty() {
            return Err(PlanError::StateLost { cluster });
        }
        let all_run = left.iter().all(|name| self.runs(name));
        // A removal that was cut off may have gone further than the record tells: whether those left agree is
        // known only once all of them run.
        if self.observed.members.is_none() && left.len() <= lost.len() && all_run {
            return Err(PlanError::QuorumLost {
                cluster,
                lost,
                left,
            });
        }
        Ok(())
    }

    /// Whether the node has a machine or volumes.
    fn has_something_left(&self, name: &NodeName) -> bool {
        self.observed.machines.contains_key(name) || self.observed.volumes.contains_key(name)
    }

    fn runs(&self, name: &NodeName) -> bool {
        let machine = self.observed.machines.get(name);
        machine.is_some_and(|machine| machine.state == MachineState::Running)
    }

    /// Every control plane that anything is known of, those of which nothing is left included.
    fn known_control_planes(&self, record: &ClusterRecord) -> BTreeSet<NodeName> {
        let observed = self.observed;
        let machines = observed
            .machines
            .values()
            .filter(|machine| machine.spec.role == Role::ControlPlane)
            .map(|machine| machine.spec.name.clone());
        let members = observed
            .members
            .iter()
            .flatten()
            .filter(|(_, member)| member.role == Role::ControlPlane)
            .map(|(name, _)| name.clone());
        let remembered = observed
            .volumes
            .keys()
            .chain(record.addresses.keys())
            .filter(|name| pool_role(&record.spec.name, name) == Some(Role::ControlPlane))
            .cloned();
        machines.chain(members).chain(remembered).collect()
    }

    fn machines_in(&self, state: MachineState) -> Vec<NodeName> {
        let machines = self.observed.machines.values();
        machines
            .filter(|machine| machine.state == state)
            .map(|machine| machine.spec.name.clone())
            .collect()
    }

    fn running(&self) -> Result<Vec<Change>, PlanError> {
        let mut changes = Vec::new();
        let stopped = self.machines_in(MachineState::Stopped);
        let starts_all = !stopped.is_empty() && stopped.len() == self.observed.machines.len();
        self.create_network(&mut changes);
        if starts_all {
            changes.push(Change::StartMachines { nodes: stopped });
        }

        let mut uncordons = Vec::new();
        let mut worker_recreations = Vec::new();
        let mut staying = BTreeSet::new();
        for (role, count) in [
            (Role::ControlPlane, self.desired.control_planes.get()),
            (Role::Worker, self.desired.workers),
        ] {
            let mut additions = Vec::new();
            let mut recreations = Vec::new();
            for name in pool(self.observed, self.desired, role, count)? {
                let first = staying.is_empty();
                staying.insert(name.clone());
                match self.node_change(name, role, first, starts_all) {
                    Some(change @ Change::CreateNode { .. }) => additions.push(change),
                    Some(change @ Change::UncordonNode { .. }) => uncordons.push(change),
                    Some(change @ Change::RecreateNode { .. }) => recreations.push(change),
                    Some(change) => changes.push(change),
                    None => {}
                }
            }
            if role == Role::ControlPlane && !starts_all {
                self.repair_for_quorum(&mut changes)?;
            }
            if starts_all {
                recreations.extend(self.other_machines(role, count)?);
            }
            // Within the loop: control planes are as wanted before a worker is looked at.
            match role {
                Role::ControlPlane => changes.extend(recreations.into_iter().chain(additions)),
                Role::Worker => {
                    changes.append(&mut additions);
                    worker_recreations = recreations;
                }
            }
        }
        let surge = self.surge(worker_recreations.len())?;
        let add_surge = |name: &NodeName| Change::AddSurge { name: name.clone() };
        changes.extend(surge.iter().map(add_surge));
        let may_answer_after = starts_all
            || changes.iter().any(|change| {
                matches!(
                    change,
                    Change::Initialize { .. }
                        | Change::RepairNode {
                            role: Role::ControlPlane,
                            ..
                        }
                )
            });
        changes.append(&mut uncordons);
        self.finish_upgrade(&mut changes);
        self.renew_certificates(&mut changes);
        self.change_labels(&mut changes);
        self.set_nodes_beside(&mut changes);
        self.load_images(&mut changes, &staying);
        changes.append(&mut worker_recreations);
        self.forget_members(&mut changes);
        let role = Role::Worker;
        let remove = |name| Change::RemoveNode { name, role };
        changes.extend(surge.into_iter().rev().map(remove));
        for role in [Role::Worker, Role::ControlPlane] {
            self.remove_surplus(&mut changes, role)?;
        }
        self.refuse_what_needs_an_answer(&changes, may_answer_after)?;
        self.balance(&mut changes, starts_all)?;
        self.remember(&mut changes);
        Ok(changes)
    }

    fn create_network(&self, changes: &mut Vec<Change>) {
        let subnet = match self.desired.network {
            NetworkSpec::Isolated => self.record().and_then(|record| record.subnet),
            NetworkSpec::Subnet(subnet) => Some(subnet),
            NetworkSpec::Existing(_) => return,
        };
        if self.observed.network.is_none() {
            changes.push(Change::CreateNetwork {
                name: self.desired.name.clone(),
                subnet: subnet.map(|subnet| subnet.to_string()),
            });
        }
    }

    /// Brings control planes back that are to be removed, while no control plane answers: they may hold
    /// votes without which the cluster cannot agree to anything, their removal included.
    fn repair_for_quorum(&self, changes: &mut Vec<Change>) -> Result<(), PlanError> {
        if self.observed.members.is_some() || !self.is_initialized() {
            return Ok(());
        }
        let (role, count) = (Role::ControlPlane, self.desired.control_planes.get());
        let surplus = pool::surplus(self.observed, self.desired, role, count)?;
        let repairs = surplus
            .into_iter()
            .rev()
            .filter_map(|name| self.node_change(name, role, false, false));
        changes.extend(repairs);
        Ok(())
    }

    /// Members that were made here, of which nothing is left and that nobody wants. One that lives or says nothing of
    /// that is on somebody else's machine, and one that the record remembers is a node beside the pool that lost its
    /// machine: both stay.
    fn forget_members(&self, changes: &mut Vec<Change>) {
        let remembers = |name: &NodeName| {
            self.record()
                .is_some_and(|record| record.addresses.contains_key(name))
        };
        let members = self.observed.members.iter().flatten();
        changes.extend(
            members
                .filter(|(name, member)| {
                    member.state == MemberState::Down
                        && member.made_here
                        && !self.has_something_left(name)
                        && !remembers(name)
                        && pool_role(&self.desired.name, name).is_none()
                })
                .map(|(name, _)| Change::ForgetMember { name: name.clone() }),
        );
    }

    /// What has to be done so that a node that should be there is there and serves.
    fn node_change(
        &self,
        name: NodeName,
        role: Role,
        first: bool,
        starts_all: bool,
    ) -> Option<Change> {
        // Whether or not it answers: what is needed by everything else may be missing.
        if first && !self.is_initialized() {
            return Some(Change::Initialize { node: name });
        }
        let fault = match self.observed.machines.get(&name) {
            None if was_there(self.observed, &name) => Fault::MachineGone,
            None => return Some(Change::CreateNode { name, role }),
            Some(machine) => match Fault::of_machine(machine.state) {
                Some(Fault::MachineStopped) if starts_all => return None,
                Some(fault) => fault,
                None => return self.running_node(machine, role),
            },
        };
        Some(Change::RepairNode { name, role, fault })
    }

    fn running_node(&self, machine: &Machine, role: Role) -> Option<Change> {
        let name = machine.spec.name.clone();
        let Some(members) = &self.observed.members else {
            let fault = if !self.is_initialized() {
                Fault::NotMember
            } else if role == Role::ControlPlane && self.every_control_plane_runs() {
                // That none of them answers has no other reason that could be repaired before.
                Fault::MemberDown
            } else {
                return None;
            };
            return Some(Change::RepairNode { name, role, fault });
        };
        let member = members.get(&name);
        if let Some(fault) = Fault::of_member(member, role) {
            let fault = match fault {
                Fault::MemberDown if !self.is_initialized() => Fault::NotMember,
                fault => fault,
            };
            return Some(Change::RepairNode { name, role, fault });
        }
        let should = pool_node(self.desired, self.needs, &name, role);
        let differences = differences(&machine.spec, &should);
        if !differences.is_empty() {
            return Some(Change::RecreateNode {
                name,
                role,
                differences,
            });
        }
        let drained = member.is_some_and(|member| member.state == MemberState::Drained);
        drained.then_some(Change::UncordonNode { name, role })
    }

    fn every_control_plane_runs(&self) -> bool {
        self.record().is_some_and(|record| {
            let known = self.known_control_planes(record);
            known.iter().all(|name| self.runs(name))
        })
    }

    fn change_labels(&self, changes: &mut Vec<Change>) {
        let Some(record) = self.record() else { return };
        for (key, value) in &self.desired.labels {
            if record.coe_labels().get(key) != Some(value) {
                changes.push(Change::SetLabel {
                    key: key.clone(),
                    value: value.clone(),
                });
            }
        }
        for key in record.coe_labels().keys() {
            if !self.desired.labels.contains_key(key) {
                changes.push(Change::ResetLabel { key: key.clone() });
            }
        }
    }

    fn load_images(&self, changes: &mut Vec<Change>, staying: &BTreeSet<NodeName>) {
        let loaded = self.record().map(|record| &record.preloaded);
        let surplus = |name: &NodeName| {
            pool_role(&self.desired.name, name).is_some() && !staying.contains(name)
        };
        let nodes: Vec<_> = self
            .observed
            .machines
            .keys()
            // One of the pool that does not run is repaired before; one beside it is not this request's to start.
            .filter(|name| !surplus(name))
            .filter(|name| self.runs(name) || pool_role(&self.desired.name, name).is_some())
            .cloned()
            .collect();
        for image in &self.desired.preload_images {
            let has = loaded.and_then(|loaded| loaded.get(&image.0));
            let as_wanted = match (has, self.images.get(image)) {
                (Some(has), Some(is)) => has == is,
                // The platform does not have it any more: the nodes have what there was.
                (Some(_), None) => true,
                (None, _) => false,
            };
            if !as_wanted {
                changes.push(Change::LoadImage {
                    image: image.clone(),
                    nodes: nodes.clone(),
                });
            }
        }
    }

    fn remove_surplus(&self, changes: &mut Vec<Change>, role: Role) -> Result<(), PlanError> {
        let count = match role {
            Role::ControlPlane => self.desired.control_planes.get(),
            Role::Worker => self.desired.workers,
        };
        let mut surplus = pool::surplus(self.observed, self.desired, role, count)?;
        // The dead first: taking a living control plane out beside a dead one may cost the quorum.
        surplus.sort_by_key(|name| serves(self.observed, name));
        changes.extend(
            surplus
                .into_iter()
                .map(|name| Change::RemoveNode { name, role }),
        );
        Ok(())
    }

    fn refuse_what_needs_an_answer(
        &self,
        changes: &[Change],
        may_answer_after: bool,
    ) -> Result<(), PlanError> {
        if self.observed.members.is_some() || !self.is_initialized() || may_answer_after {
            return Ok(());
        }
        if changes.is_empty() {
            return Ok(());
        }
        Err(PlanError::Unanswering {
            cluster: self.desired.name.clone(),
            reason: self
                .observed
                .unreachable
                .clone()
                .unwrap_or_else(|| "it was not asked".into()),
            wanted: changes.iter().map(ToString::to_string).collect(),
        })
    }

    /// What changes in the record alone.
    fn remember(&self, changes: &mut Vec<Change>) {
        let Some(record) = self.record() else { return };
        if record.spec.description != self.desired.description {
            changes.push(Change::Remember {
                what: "description",
            });
        }
        if record.phase == Phase::Going {
            changes.push(Change::KeepAfterAll);
        }
        if changes.is_empty() && record.spec != *self.desired {
            changes.push(Change::Remember {
                what: "request that the platform remembers",
            });
        }
    }
}
