//! Nodes that leave their cluster.

use super::super::Engine;
use super::super::course::{Leg, remove};
use super::super::memory::NodeWork;
use super::Target;
use crate::error::{EngineError, Failure};
use crate::model::{ClusterId, ClusterRecord, MemberState, NodeName, ObservedCluster, Role};
use crate::operation::Operation;
use crate::plan::pool_role;
use crate::saga::{Lane, OnFailure, Saga};
use crate::scheduler::Bounds;
use crate::steps::{DeleteMachine, DrainNode, Volumes};

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
        let is_of_pool = pool_role(&record.spec.name, name).is_some();
        let member = observed
            .members
            .as_ref()
            .and_then(|members| members.get(name));
        let is_there = member.is_some()
            || observed.machines.contains_key(name)
            || observed.volumes.contains_key(name);
        if !is_there {
            return Ok(());
        }
        if is_of_pool {
            let (cluster, node) = (record.spec.name, name.clone());
            return Err(EngineError::NoNode { cluster, node }.into());
        }
        let mut steps: Lane = Vec::new();
        if observed.members.is_some() {
            if member.is_some_and(|member| member.state == MemberState::Ready) {
                steps.push(Box::new(DrainNode { node: name.clone() }));
            }
            steps.extend(remove(name));
        } else {
            refuse_to_lose_a_vote(&observed, &record, name)?;
            steps.push(Box::new(DeleteMachine {
                node: name.clone(),
                volumes: Volumes::Delete,
            }));
        }
        let saga = Saga::new().then(vec![steps]);
        let leg = Leg {
            saga,
            on_failure: OnFailure::Keep,
        };
        let target = Target { observed, record };
        let done = async |_site| Ok(());
        self.run_journaled(NodeWork::Change, target, name, operation, leg, done)
            .await
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
