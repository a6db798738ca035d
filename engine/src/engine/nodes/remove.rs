//! Nodes that leave their cluster.

use std::collections::BTreeMap;

use super::Target;
use super::party::{Party, Remembered};
use crate::engine::Engine;
use crate::engine::memory::NodeWork;
use crate::error::{EngineError, Failure};
use crate::model::{ClusterId, ClusterRecord, GroupName, NodeName, ObservedCluster, Role};
use crate::operation::Operation;
use crate::plan::{Change, Counted, Plan, pool_role};
use crate::saga::{Lane, Saga};
use crate::scheduler::Bounds;
use crate::steps::{DeleteMachine, Volumes};

impl Engine {
    /// Takes a node out of the cluster: drains it, removes it from the COE, deletes its machine and
    /// volumes. Of a cluster that cannot be asked only the machine is deleted. Removing the absent
    /// succeeds.
    pub async fn remove_node(
        &self,
        cluster: ClusterId,
        name: &NodeName,
        operation: &Operation,
    ) -> Result<(), Failure> {
        let _changing = self.0.looks.changing(cluster);
        let bounds = Bounds::of(operation);
        let Some(mut observed) = self.look(cluster, &bounds).await? else {
            return Ok(());
        };
        // Each control plane gives up its vote while the others agree, and none of them goes meanwhile.
        let votes = self.0.votes.of(cluster);
        let mut _vote = None;
        if is_control_plane(&observed, name) {
            let lock = bounds.within(async { Ok(votes.lock().await) });
            _vote = Some(lock.await.map_err(EngineError::from)?);
            match self.look(cluster, &bounds).await? {
                Some(now) => observed = now,
                None => return Ok(()),
            }
        }
        let record = observed.record.clone();
        let record = record.ok_or(EngineError::NoRecord(cluster))?;
        let machine = observed.machines.get(name);
        let is_of_others = pool_role(&record.spec.name, name).is_some()
            || machine.is_some_and(|machine| machine.spec.group.name().is_some());
        let mut members = observed.members.iter();
        let is_there = members.any(|members| members.contains_key(name))
            || observed.machines.contains_key(name)
            || observed.volumes.contains_key(name)
            // A removal that was cut off: the cluster is not to forget its member as long as the record knows it.
            || record.addresses.contains_key(name);
        if !is_there {
            return Ok(());
        }
        if is_of_others {
            let (cluster, node) = (record.spec.name, name.clone());
            return Err(EngineError::NoNode { cluster, node }.into());
        }
        if observed.members.is_none() {
            refuse_to_lose_a_vote(&observed, &record, name)?;
        }
        let role = if is_control_plane(&observed, name) {
            Role::ControlPlane
        } else {
            Role::Worker
        };
        let target = Target { observed, record };
        let party = self.leaving(&target, std::slice::from_ref(name), role)?;
        let done = async |_site| Ok(());
        self.run_journaled(NodeWork::Change, &target, party, operation, done)
            .await
    }

    /// Takes a group of nodes out of the cluster: drains all of them, removes them from the COE, deletes their
    /// machines and volumes. Of a cluster that cannot be asked only the machines are deleted. Removing the absent
    /// succeeds.
    pub async fn remove_group(
        &self,
        cluster: ClusterId,
        name: &GroupName,
        operation: &Operation,
    ) -> Result<(), Failure> {
        let _changing = self.0.looks.changing(cluster);
        let Some(observed) = self.look(cluster, &Bounds::of(operation)).await? else {
            return Ok(());
        };
        let record = observed.record.clone();
        let record = record.ok_or(EngineError::NoRecord(cluster))?;
        let counted = Counted::Group(name);
        let nodes = counted
            .surplus(&observed, &record.spec.name, 0)
            .map_err(|error| EngineError::Plan(error.into()))?;
        if nodes.is_empty() && !record.groups.contains_key(name) {
            return Ok(());
        }
        let target = Target { observed, record };
        let party = self
            .leaving(&target, &nodes, Role::Worker)?
            .remembering(Remembered::NoGroup(name.clone()));
        let done = async |_site| Ok(());
        self.run_journaled(NodeWork::Change, &target, party, operation, done)
            .await
    }

    fn leaving(
        &self,
        target: &Target,
        names: &[NodeName],
        role: Role,
    ) -> Result<Party, EngineError> {
        let Target { observed, record } = target;
        let mut spec = record.spec.clone();
        let group = names.first().and_then(|name| target.group_of(name));
        if let Some(group) = group {
            spec.drain = group.spec.drain;
        }
        if observed.members.is_none() {
            let deletion = |name: &NodeName| -> Lane {
                vec![Box::new(DeleteMachine {
                    node: name.clone(),
                    volumes: Volumes::Delete,
                })]
            };
            let saga = Saga::new().then(names.iter().map(deletion).collect());
            return Ok(Party::of_leg(spec, names, saga));
        }
        let removal = |name: &NodeName| Change::RemoveNode {
            name: name.clone(),
            role,
        };
        let plan = Plan {
            changes: names.iter().map(removal).collect(),
        };
        let needs = self.needs(&spec)?;
        let stays = BTreeMap::new();
        Ok(Party::of_plan(spec, &needs, observed, &stays, &plan))
    }
}

fn is_control_plane(observed: &ObservedCluster, name: &NodeName) -> bool {
    let machine = observed.machines.get(name);
    let member = observed.members.as_ref().and_then(|all| all.get(name));
    machine.is_some_and(|machine| machine.spec.role == Role::ControlPlane)
        || member.is_some_and(|member| member.role == Role::ControlPlane)
}

/// Refuses to delete a control plane that the others may count on while none of them can be told.
fn refuse_to_lose_a_vote(
    observed: &ObservedCluster,
    record: &ClusterRecord,
    name: &NodeName,
) -> Result<(), EngineError> {
    let machines = observed.machines.values();
    let (mut this, mut others) = machines
        .filter(|machine| machine.spec.role == Role::ControlPlane)
        .partition::<Vec<_>, _>(|machine| machine.spec.name == *name);
    if !record.initialized || this.pop().is_none() || others.pop().is_none() {
        return Ok(());
    }
    let unasked = "the cluster does not run";
    Err(EngineError::VoteNotGivenUp {
        cluster: record.spec.name.clone(),
        node: name.clone(),
        reason: observed
            .unreachable
            .clone()
            .unwrap_or_else(|| unasked.to_owned()),
    })
}
