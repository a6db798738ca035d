//! Nodes beside a cluster's pool that one operation works on: one of them, or those of a group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Target;
use crate::cluster::Cluster;
use crate::engine::Engine;
use crate::engine::course::{COMEBACK, Course, Leg};
use crate::engine::memory::{NodeWork, outcome};
use crate::error::{EngineError, Failure, chain};
use crate::model::{
    ClusterRecord, ClusterSpec, GroupName, GroupRecord, MachineState, MemberState, NodeName,
    ObservedCluster, Phase,
};
use crate::operation::Operation;
use crate::plan::{Beside, Change, CoeNeeds, Plan};
use crate::platform::Scope;
use crate::saga::journal::Journal;
use crate::saga::{OnFailure, Saga, Step as _};
use crate::scheduler::Bounds;
use crate::steps::{PutRecord, Site, WaitForReturn};

/// What the cluster's record is to say of a group.
#[derive(Debug, Clone)]
pub(super) enum Remembered {
    /// It has it.
    Group(GroupRecord),
    /// It has it no more.
    NoGroup(GroupName),
}

impl Remembered {
    /// Has the record say it.
    pub(super) fn put_into(self, record: &mut ClusterRecord) {
        match self {
            Self::Group(group) => {
                record.groups.insert(group.spec.name.clone(), group);
            }
            Self::NoGroup(name) => {
                record.groups.remove(&name);
            }
        }
    }
}

/// Nodes that one operation works on.
pub(super) struct Party {
    /// The cluster as these nodes have it: [`cluster_as_of`](crate::plan::cluster_as_of) it.
    spec: ClusterSpec,
    /// All of them.
    names: BTreeSet<NodeName>,
    /// New ones, in the order in which they get addresses.
    expected: Vec<NodeName>,
    legs: Vec<Leg>,
    remembered: Option<Remembered>,
}

impl Party {
    /// The nodes of the plan. `nodes` are those that are to be there after it.
    pub(super) fn of_plan(
        spec: ClusterSpec,
        needs: &CoeNeeds,
        observed: &ObservedCluster,
        nodes: &BTreeMap<NodeName, Beside>,
        plan: &Plan,
    ) -> Self {
        let legs = Course {
            spec: &spec,
            observed,
            needs,
            beside: nodes,
        }
        .of_nodes(plan);
        let planned = plan.changes.iter().filter_map(Change::node);
        let is_new = |change: &&Change| {
            matches!(change, Change::CreateNode { .. } | Change::AddSurge { .. })
        };
        let expected = plan.changes.iter().filter(is_new).filter_map(Change::node);
        Self {
            names: planned.chain(nodes.keys()).cloned().collect(),
            expected: expected.cloned().collect(),
            spec,
            legs,
            remembered: None,
        }
    }

    /// Those nodes, to which that is done.
    pub(super) fn of_leg(spec: ClusterSpec, names: &[NodeName], saga: Saga) -> Self {
        let on_failure = OnFailure::Keep;
        Self {
            spec,
            names: names.iter().cloned().collect(),
            expected: Vec::new(),
            legs: vec![Leg { saga, on_failure }],
            remembered: None,
        }
    }

    /// The same, of which the record says that in the end.
    #[must_use]
    pub(super) fn remembering(mut self, remembered: Remembered) -> Self {
        self.remembered = Some(remembered);
        self
    }
}

impl Engine {
    /// Does what the party is about, and then looks. The cluster as it is seen then, or else as the steps have left
    /// it: what was made must not be lost because one look failed.
    pub(super) async fn work_on(
        &self,
        work: NodeWork,
        target: &Target,
        party: Party,
        operation: &Operation,
    ) -> Result<Cluster, Failure> {
        let id = target.observed.id;
        let names = party.names.clone();
        let then_look = async |site: Site| {
            let look = async || match self.last_look(id).await {
                Ok(seen) => seen.ok_or(EngineError::NoCluster(id)),
                Err(error) => Ok(site.as_left_by_its_steps(Phase::There, chain(&error))),
            };
            let observed = look().await?;
            let late: Vec<NodeName> = names
                .into_iter()
                .filter(|name| is_late(&observed, name))
                .collect();
            if late.is_empty() {
                return Ok(self.cluster(observed));
            }
            self.wait_for_late(&site, late, operation).await;
            Ok(self.cluster(look().await?))
        };
        Box::pin(self.run_journaled(work, target, party, operation, then_look)).await
    }

    /// Gives nodes time that were ready a moment ago, by what the cluster knew of the machines that they had before.
    async fn wait_for_late(&self, site: &Site, nodes: Vec<NodeName>, operation: &Operation) {
        let wait = WaitForReturn {
            nodes,
            patience: COMEBACK,
        };
        let waited = Bounds::of(operation).within(wait.ensure(site)).await;
        if let Err(error) = waited {
            tracing::warn!(error = chain(&error), "did not wait for nodes to come back");
        }
    }

    /// The operation ends after `then`: one whose process dies before it can tell of the nodes has not told.
    pub(super) async fn run_journaled<T>(
        &self,
        work: NodeWork,
        target: &Target,
        party: Party,
        operation: &Operation,
        then: impl AsyncFnOnce(Site) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (id, of) = (target.observed.id, &target.record.spec.name);
        let work = self.begin_node(work, id, of, operation).await?;
        let run = self.run_party(target, party, operation, &work.journal);
        let result = match Box::pin(run).await {
            Ok(site) => then(site).await,
            Err(failure) => Err(failure),
        };
        work.end(outcome(&result)).await;
        result
    }

    /// Carries the party's legs out, and then keeps the nodes' addresses in the record, as they are by then.
    async fn run_party(
        &self,
        target: &Target,
        party: Party,
        operation: &Operation,
        journal: &Journal,
    ) -> Result<Site, Failure> {
        let id = target.observed.id;
        let site = self
            .site(party.spec, &target.observed, operation)?
            .expecting(party.expected);
        let carried_out = self.carry_out(&site, operation, journal, party.legs);
        if let Err(failure) = carried_out.await {
            return Err(self.failed(id, failure).await);
        }
        // Several nodes of a cluster are added at once: each writes what the others have written.
        let _record = self.0.records.lock().await;
        let now = self.observe(&Scope::Id(id), &Bounds::of(operation)).await?;
        let Some((observed, mut record)) = now
            .into_iter()
            .find_map(|observed| Some((observed.clone(), observed.record?)))
        else {
            return Ok(site);
        };
        for name in &party.names {
            if observed.machines.contains_key(name) {
                record.departed.remove(name);
            } else {
                record.addresses.remove(name);
                record.api_ports.remove(name);
                if record.initialized && target.observed.members.is_none() {
                    record.departed.insert(name.clone());
                }
            }
            // What was done to the node now is newer than what it was to get.
            record.put_off.remove(name);
        }
        if let Some(remembered) = party.remembered {
            remembered.put_into(&mut record);
        }
        let spec = record.spec.clone();
        let observed = ObservedCluster {
            record: Some(record),
            ..observed
        };
        let site = self.site(spec, &observed, operation)?;
        let saga = Saga::new().then_step(PutRecord {
            cluster: target.record.spec.name.clone(),
            phase: Phase::There,
        });
        journal.foresee(saga.count_steps());
        match self
            .runner(&site, operation, journal)
            .run(&saga, OnFailure::Keep)
            .await
        {
            Ok(()) => Ok(site),
            Err(failure) => Err(self.failed(id, failure).await),
        }
    }

    fn site(
        &self,
        spec: ClusterSpec,
        observed: &ObservedCluster,
        operation: &Operation,
    ) -> Result<Site, EngineError> {
        Ok(Site::of(
            Arc::clone(&self.0.platform),
            Arc::clone(self.driver(spec.coe)?),
            operation.owner(observed.id, &spec.name),
            spec,
            observed,
            Arc::clone(&self.0.given),
        ))
    }
}

/// Whether the node's machine runs and its cluster says that it does not answer.
fn is_late(observed: &ObservedCluster, name: &NodeName) -> bool {
    let machine = observed.machines.get(name);
    let member = observed.members.as_ref().and_then(|all| all.get(name));
    machine.is_some_and(|machine| machine.state == MachineState::Running)
        && member.is_some_and(|member| member.state == MemberState::Down)
}
