//! Deletes everything of a cluster by its labels, whether or not its COE answers.
//!
//! Goes on past what cannot be deleted, and ends with the list of it. Deleting the absent succeeds.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Engine;
use super::memory::{Work, outcome};
use super::update::passage;
use crate::error::{EngineError, Failure, chain};
use crate::model::{ClusterEvent, ClusterId, ClusterRecord, NodeName, ObservedCluster, Phase};
use crate::operation::{Event, Operation, StepProgress};
use crate::platform::Scope;
use crate::saga::StepError;
use crate::saga::journal::{Direction, Journal, OperationKind, Outcome, StepRecord};
use crate::scheduler::Bounds;

/// How often what is there is deleted: something may be made while the rest is, and what is in use now may
/// not be a moment later.
const ROUNDS: usize = 3;

/// How long what could not be deleted is left alone.
const BETWEEN_ROUNDS: Duration = Duration::from_millis(500);

impl Engine {
    /// Deletes everything that carries the cluster's id, nodes beside its pool included.
    pub async fn delete(&self, id: ClusterId, operation: &Operation) -> Result<(), Failure> {
        let scope = Scope::Id(id);
        let found = self.observe(&scope, &Bounds::of(operation)).await;
        let Some(observed) = found?.pop() else {
            let forgotten = self.0.journals.forget(id).await;
            return Ok(forgotten.map_err(EngineError::from)?);
        };
        let name = &observed.owner.cluster_name;
        let status = self.cluster(observed.clone()).status();
        let going = passage(name, status, ClusterEvent::DestroyRequested)?;
        let work = self
            .begin(OperationKind::Delete, id, name, operation)
            .await?;
        self.mark_as_going(&observed, operation).await;
        let deleted = self.delete_all(id, operation, work).await;
        let end = match &deleted {
            Ok(()) => ClusterEvent::OperationSucceeded,
            Err(_) => ClusterEvent::OperationFailed,
        };
        passage(name, going, end)?;
        deleted
    }

    /// The same for an operation that is remembered already.
    pub(super) async fn delete_all(
        &self,
        id: ClusterId,
        operation: &Operation,
        work: Work,
    ) -> Result<(), Failure> {
        let journal = &work.journal;
        let result = self.delete_until_gone(id, operation, journal).await;
        let outcome = match &result {
            Ok(()) => Outcome::Gone,
            failed => outcome(failed),
        };
        work.end(outcome).await;
        result
    }

    async fn delete_until_gone(
        &self,
        id: ClusterId,
        operation: &Operation,
        journal: &Journal,
    ) -> Result<(), Failure> {
        let _changing = self.0.looks.changing(id);
        let bounds = Bounds::of(operation);
        let leftovers = self
            .sweep_until_gone(id, operation, &bounds, journal)
            .await?;
        if leftovers.is_empty() {
            return Ok(());
        }
        let error = if operation.cancellation.is_cancelled() {
            EngineError::Interrupted
        } else if bounds.remaining().is_zero() {
            EngineError::OutOfTime
        } else {
            EngineError::NotDeleted(id)
        };
        Err(Failure {
            leftovers,
            ..self.failed_with(id, error).await
        })
    }

    /// Has the platform remember that the cluster is being deleted, so that whoever looks at what is left of it
    /// knows why. A deletion does without that where it cannot be remembered.
    async fn mark_as_going(&self, observed: &ObservedCluster, operation: &Operation) {
        let record = observed.record.as_ref();
        let Some(record) = record.filter(|record| record.phase == Phase::There) else {
            return;
        };
        let owner = operation.owner(observed.id, &record.spec.name);
        let record = ClusterRecord {
            phase: Phase::Going,
            ..record.clone()
        };
        let remember = || self.0.platform.put_record(&owner, &record);
        _ = self.ask(&Bounds::of(operation), remember).await;
    }

    /// Sweeps until nothing of the cluster is there. Of what remains after some rounds, each by name and with
    /// the reason.
    pub(super) async fn sweep_until_gone(
        &self,
        id: ClusterId,
        operation: &Operation,
        bounds: &Bounds,
        journal: &Journal,
    ) -> Result<Vec<String>, EngineError> {
        let scope = Scope::Id(id);
        let mut leftovers = Vec::new();
        for round in 0..ROUNDS {
            let found = self.observe(&scope, bounds).await?;
            let Some(observed) = found.first() else {
                self.0.given.take_back(id);
                return Ok(Vec::new());
            };
            if round > 0 {
                let pause = async {
                    tokio::time::sleep(BETWEEN_ROUNDS).await;
                    Ok(())
                };
                if bounds.within(pause).await.is_err() {
                    break;
                }
            }
            leftovers = self.sweep(observed, operation, bounds, journal).await;
        }
        let found = self.observe(&scope, bounds).await?;
        if leftovers.is_empty() && !found.is_empty() {
            leftovers.push(format!("what was made of cluster {id} meanwhile"));
        }
        Ok(leftovers)
    }

    /// Deletes what was observed: nodes beside one another, then the balancer, the network, then the record, by which
    /// the cluster is known. What could not be deleted, and why.
    pub(super) async fn sweep(
        &self,
        observed: &ObservedCluster,
        operation: &Operation,
        bounds: &Bounds,
        journal: &Journal,
    ) -> Vec<String> {
        let platform = &self.0.platform;
        let id = observed.id;
        let nodes: BTreeSet<&NodeName> = observed
            .machines
            .keys()
            .chain(observed.volumes.keys())
            .collect();
        // Its network and its record besides, and what leads to it.
        journal.foresee(nodes.len() + 2 + usize::from(observed.balancer.is_some()));
        let sweep = Sweep {
            engine: self,
            observed,
            operation,
            bounds,
            journal,
        };
        let sweep = &sweep;
        let of_nodes = nodes.into_iter().map(|node| async move {
            let step = StepRecord {
                kind: "delete_machine".to_owned(),
                target: node.to_string(),
                title: format!("delete the machine and volumes of {node}"),
            };
            let delete = || async move {
                platform.delete_machine(id, node).await?;
                Ok(platform.delete_volumes(id, node).await?)
            };
            sweep.delete(Some(node), step, delete).await
        });
        let mut leftovers: Vec<String> = futures_util::future::join_all(of_nodes)
            .await
            .into_iter()
            .flatten()
            .collect();
        if let (Some(_), Some(balances)) = (&observed.balancer, platform.balances()) {
            let step = StepRecord {
                kind: "delete_balancer".to_owned(),
                target: observed.owner.cluster_name.to_string(),
                title: format!("delete the balancer of {}", observed.owner.cluster_name),
            };
            let delete = || async { Ok(balances.delete_balancer(id).await?) };
            leftovers.extend(sweep.delete(None, step, delete).await);
        }
        if leftovers.is_empty() {
            let step = StepRecord {
                kind: "delete_network".to_owned(),
                target: observed.owner.cluster_name.to_string(),
                title: format!("delete the network of {}", observed.owner.cluster_name),
            };
            let delete = || async { Ok(platform.delete_network(id).await?) };
            leftovers.extend(sweep.delete(None, step, delete).await);
        }
        if leftovers.is_empty() {
            let step = StepRecord {
                kind: "delete_record".to_owned(),
                target: observed.owner.cluster_name.to_string(),
                title: format!("forget {}", observed.owner.cluster_name),
            };
            let delete = || async { Ok(platform.delete_record(id).await?) };
            leftovers.extend(sweep.delete(None, step, delete).await);
        }
        leftovers
    }
}

/// The deletion of what was observed of a cluster.
struct Sweep<'a> {
    engine: &'a Engine,
    observed: &'a ObservedCluster,
    operation: &'a Operation,
    bounds: &'a Bounds,
    journal: &'a Journal,
}

impl Sweep<'_> {
    /// Deletes one thing; what to say of it if that was not possible.
    async fn delete<F: Future<Output = Result<(), StepError>>>(
        &self,
        node: Option<&NodeName>,
        step: StepRecord,
        delete: impl Fn() -> F,
    ) -> Option<String> {
        let scheduler = &self.engine.0.scheduler;
        let deleted = async {
            let _permit = scheduler.admit(self.bounds).await?;
            // What cannot be remembered is deleted all the same: it is found by its labels.
            _ = self.journal.intend(Direction::Do, step.clone()).await;
            self.report(node, &step, StepProgress::Started);
            let again = |error: &StepError, after| {
                let error = chain(error);
                self.report(node, &step, StepProgress::Retried { error, after });
            };
            scheduler.persevere(self.bounds, again, &delete).await
        };
        let (progress, leftover) = match deleted.await {
            Ok(()) => (StepProgress::Finished, None),
            Err(error) => {
                let error = chain(&error);
                let leftover = format!("{} ({error})", step.title);
                (StepProgress::Failed { error }, Some(leftover))
            }
        };
        self.report(node, &step, progress.clone());
        self.journal.note(Direction::Do, step, progress);
        leftover
    }

    fn report(&self, node: Option<&NodeName>, step: &StepRecord, progress: StepProgress) {
        self.operation.progress.report(Event {
            operation: self.operation.id,
            cluster: self.observed.owner.cluster_name.clone(),
            node: node.cloned(),
            step: step.title.clone(),
            undo: false,
            progress,
        });
    }
}
