//! Changes a cluster until it is as wanted: observe → plan → steps, and again until nothing is left.
//!
//! Never undone, but for nodes that a failed scale-up has made.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Engine;
use super::course::Course;
use super::memory::outcome;
use crate::cluster::Cluster;
use crate::error::{EngineError, Failure};
use crate::model::{
    ClusterEvent, ClusterId, ClusterName, ClusterRecord, ClusterSpec, ClusterStatus, NodeName,
    ObservedCluster, Phase,
};
use crate::operation::Operation;
use crate::plan::{Change, Plan};
use crate::saga::journal::{Journal, OperationKind, Outcome};
use crate::scheduler::Bounds;
use crate::steps::Site;

/// How often what is there is looked at again: a cluster that was stopped shows only after its start
/// what is wrong with its members.
const ROUNDS: usize = 4;

impl Engine {
    /// Changes the cluster until it is as wanted. On failure what is done stays, and the next update
    /// carries on from there.
    pub async fn update(
        &self,
        id: ClusterId,
        spec: &ClusterSpec,
        operation: &Operation,
    ) -> Result<Cluster, Failure> {
        let work = self
            .begin(OperationKind::Update, id, &spec.name, operation)
            .await?;
        let result = self.change(id, spec, operation, &work.journal).await;
        let outcome = match &result {
            Err(failure) if matches!(failure.error, EngineError::NoCluster(_)) => Outcome::Gone,
            result => outcome(result),
        };
        work.end(outcome).await;
        result
    }

    pub(super) async fn change(
        &self,
        id: ClusterId,
        spec: &ClusterSpec,
        operation: &Operation,
        journal: &Journal,
    ) -> Result<Cluster, Failure> {
        let _changing = self.0.looks.changing(id);
        let mut remaining = Plan::default();
        for round in 0..=ROUNDS {
            let observed = self.look(id, &Bounds::of(operation)).await?;
            let observed = observed.ok_or(EngineError::NoCluster(id))?;
            if observed.has_lost_its_record() {
                self.restore_record(spec, &observed, operation).await?;
                continue;
            }
            if observed.record.is_none() {
                return Err(self.failed_with(id, EngineError::NoRecord(id)).await);
            }
            let bounds = Bounds::of(operation);
            let images = self.image_ids_within(&spec.preload_images, &bounds).await?;
            let plan = match self.plan(spec, Some(&observed), &images) {
                Ok(plan) => plan,
                Err(error) => {
                    let cluster = Some(self.cluster(observed));
                    return Err(Failure {
                        cluster,
                        error: error.into(),
                        leftovers: Vec::new(),
                    });
                }
            };
            if plan.is_empty() {
                return Ok(self.cluster(observed));
            }
            if round == ROUNDS {
                remaining = plan;
                break;
            }
            self.refuse_invalid(spec, Some(&observed), operation)
                .await?;
            let mut status = self.cluster(observed.clone()).status();
            if status == ClusterStatus::Starting {
                // What a create has left that came to no end: this update goes on with it.
                status = passage(&spec.name, status, ClusterEvent::FaultsDetected)?;
            }
            let moving = passage(&spec.name, status, plan.request(status))?;
            let carried_out = self.carry_out_plan(spec, &observed, &plan, operation, journal);
            let carried_out = carried_out.await;
            let end = match &carried_out {
                Ok(()) => ClusterEvent::OperationSucceeded,
                Err(_) => ClusterEvent::OperationFailed,
            };
            passage(&spec.name, moving, end)?;
            carried_out?;
        }
        let cluster = spec.name.clone();
        let error = EngineError::NotConverged {
            cluster,
            remaining: remaining.sentences(),
        };
        Err(self.failed_with(id, error).await)
    }

    /// Has the platform remember the cluster again, as far as its machines tell what it is: what the COE differs
    /// in is seen next.
    async fn restore_record(
        &self,
        spec: &ClusterSpec,
        observed: &ObservedCluster,
        operation: &Operation,
    ) -> Result<(), EngineError> {
        let owner = operation.owner(observed.id, &spec.name);
        let site = Site::of(
            Arc::clone(&self.0.platform),
            Arc::clone(self.driver(spec.coe)?),
            owner.clone(),
            spec.clone(),
            observed,
            Arc::clone(&self.0.given),
        );
        let record = ClusterRecord {
            // A machine is made for a cluster that has begun: one that was never one is found not to answer.
            initialized: true,
            ..site.record(Phase::There)
        };
        self.ask(&Bounds::of(operation), || {
            self.0.platform.put_record(&owner, &record)
        })
        .await
    }

    async fn carry_out_plan(
        &self,
        spec: &ClusterSpec,
        observed: &ObservedCluster,
        plan: &Plan,
        operation: &Operation,
        journal: &Journal,
    ) -> Result<(), Failure> {
        let needs = self.needs(spec).map_err(EngineError::from)?;
        let site = Site::of(
            Arc::clone(&self.0.platform),
            Arc::clone(self.driver(spec.coe)?),
            operation.owner(observed.id, &spec.name),
            spec.clone(),
            observed,
            Arc::clone(&self.0.given),
        )
        .expecting(created(plan));
        let legs = Course {
            spec,
            observed,
            needs: &needs,
            beside: &BTreeMap::new(),
        }
        .of(plan);
        match self.carry_out(&site, operation, journal, legs).await {
            Ok(()) => Ok(()),
            Err(failure) => Err(self.failed(observed.id, failure).await),
        }
    }
}

/// The state of the cluster after the event, which is told.
pub(super) fn passage(
    cluster: &ClusterName,
    from: ClusterStatus,
    event: ClusterEvent,
) -> Result<ClusterStatus, EngineError> {
    let to = from.after(event)?;
    tracing::info!(%cluster, %from, %event, %to, "moves on");
    Ok(to)
}

fn created(plan: &Plan) -> Vec<NodeName> {
    plan.changes
        .iter()
        .filter_map(|change| match change {
            Change::CreateNode { name, .. } | Change::AddSurge { name } => Some(name.clone()),
            _ => None,
        })
        .collect()
}
