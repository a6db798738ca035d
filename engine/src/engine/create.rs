//! Makes a cluster: network → machines → first control plane → joins → ready, or nothing.

use std::sync::Arc;

use jiff::Timestamp;

use super::Engine;
use super::course::{Founding, additions, preparations, stop};
use super::memory::{Work, outcome};
use super::update::passage;
use crate::cluster::Cluster;
use crate::error::{EngineError, Failure, chain};
use crate::model::{
    ClusterEvent, ClusterId, ClusterSpec, ClusterStatus, DesiredState, NodeName, NodeSpec,
    OnCreateFailure, Phase, Role,
};
use crate::operation::Operation;
use crate::plan::{PlanError, machine_image, pool_names, pool_node, pool_role};
use crate::platform::Scope;
use crate::saga::journal::{Journal, OperationKind, Outcome};
use crate::saga::{OnFailure, Saga, SagaFailure};
use crate::scheduler::Bounds;
use crate::steps::{PutRecord, Site};

impl Engine {
    /// Makes the cluster. When it fails, everything that it made is removed, or with
    /// [`OnCreateFailure::Keep`] stays for an update to finish. What an earlier create of that name left
    /// is removed first, once no live process works on it; a cluster of that name is an error, unless its
    /// create died on this machine at its very end.
    pub async fn create(
        &self,
        spec: &ClusterSpec,
        on_failure: OnCreateFailure,
        operation: &Operation,
    ) -> Result<Cluster, Failure> {
        if let Some((id, journal)) = self.make_room(spec, operation).await? {
            let result = self.change(id, spec, operation, &journal).await;
            journal.end(outcome(&result));
            return result;
        }
        self.refuse_invalid(spec, None, operation).await?;
        let id = ClusterId::new();
        let journal = self
            .remember(OperationKind::Create, id, &spec.name, operation)
            .await
            .map_err(EngineError::from)?;
        let result = self.make(id, spec, on_failure, operation, &journal).await;
        let is_gone = result
            .as_ref()
            .is_err_and(|failure| failure.cluster.is_none() && failure.leftovers.is_empty());
        journal.end(if is_gone {
            Outcome::Gone
        } else {
            outcome(&result)
        });
        result
    }

    async fn make(
        &self,
        id: ClusterId,
        spec: &ClusterSpec,
        on_failure: OnCreateFailure,
        operation: &Operation,
        journal: &Journal,
    ) -> Result<Cluster, Failure> {
        let _changing = self.0.looks.changing(id);
        let name = &spec.name;
        let starting = passage(name, ClusterStatus::Created, ClusterEvent::StartRequested)?;
        let nodes = self.nodes_of_new(spec)?;
        let site = Site::new_cluster(
            Arc::clone(&self.0.platform),
            Arc::clone(self.driver(spec.coe)?),
            operation.owner(id, &spec.name),
            spec.clone(),
            nodes.iter().map(|node| node.name.clone()).collect(),
            Arc::clone(&self.0.given),
        );
        let saga = self.saga_of_new(spec, nodes)?;
        let undo = match on_failure {
            OnCreateFailure::Rollback => OnFailure::Undo,
            OnCreateFailure::Keep => OnFailure::Keep,
        };
        journal.foresee(saga.count_steps());
        let runner = self.runner(&site, operation, journal);
        let done = runner.run(&saga, undo).await;
        let event = match (&done, on_failure) {
            (Ok(()), _) => ClusterEvent::OperationSucceeded,
            (Err(_), OnCreateFailure::Rollback) => ClusterEvent::CreateFailed,
            (Err(_), OnCreateFailure::Keep) => ClusterEvent::OperationFailed,
        };
        passage(name, starting, event)?;
        if let Err(failure) = done {
            return Err(match on_failure {
                OnCreateFailure::Rollback => {
                    self.after_rollback(&site, operation, failure, journal)
                        .await
                }
                OnCreateFailure::Keep => self.keep(&site, failure).await,
            });
        }
        match self.last_look_at(&site, Phase::There).await {
            Some(cluster) => Ok(cluster),
            None => Err(EngineError::NoCluster(id).into()),
        }
    }

    /// The cluster of a create that is over: as it is seen, or else as its steps have left it. What was made
    /// must not be lost to who asked for it because one look failed.
    async fn last_look_at(&self, site: &Site, phase: Phase) -> Option<Cluster> {
        let observed = match self.last_look(site.owner.cluster).await {
            Ok(seen) => seen?,
            Err(error) => site.as_left_by_its_steps(phase, chain(&error)),
        };
        Some(self.cluster(observed))
    }

    fn nodes_of_new(&self, spec: &ClusterSpec) -> Result<Vec<NodeSpec>, EngineError> {
        let needs = self.needs(spec)?;
        let mut nodes = Vec::new();
        for (role, count) in [
            (Role::ControlPlane, spec.control_planes.get()),
            (Role::Worker, spec.workers),
        ] {
            let names = pool_names(&spec.name, role, count).map_err(PlanError::from)?;
            nodes.extend(names.iter().map(|name| pool_node(spec, &needs, name, role)));
        }
        Ok(nodes)
    }

    fn saga_of_new(&self, spec: &ClusterSpec, nodes: Vec<NodeSpec>) -> Result<Saga, EngineError> {
        let put_record = |phase| PutRecord {
            cluster: spec.name.clone(),
            phase,
        };
        let names: Vec<NodeName> = nodes.iter().map(|node| node.name.clone()).collect();
        let needs = self.needs(spec)?;
        let image = machine_image(spec, &needs);
        let mut first_stage = preparations(spec, std::slice::from_ref(&image));
        first_stage.push(vec![Box::new(put_record(Phase::Making))]);
        let coe = self.driver(spec.coe)?.as_ref();
        let founding = names.first().map(|first| Founding {
            first,
            coe,
            share_a_host: self.0.platform.machines_share_a_host(),
            balancer: needs.has_balancer(spec, None).then_some(&image),
        });
        let mut saga = additions(Saga::new().then(first_stage), spec, nodes, founding);
        if spec.desired_state == DesiredState::Stopped {
            let is_control_plane =
                |node: &NodeName| pool_role(&spec.name, node) == Some(Role::ControlPlane);
            saga = stop(saga, &names, is_control_plane);
        }
        Ok(saga.then_step(put_record(Phase::There)))
    }

    /// Removes what earlier creates of that name left; a cluster of that name is an error, unless a create of
    /// just that cluster died on this machine before it could tell of it: then it is the one to go on with.
    async fn make_room(
        &self,
        spec: &ClusterSpec,
        operation: &Operation,
    ) -> Result<Option<(ClusterId, Journal)>, Failure> {
        let scope = Scope::Name(spec.name.clone());
        let found = self.observe(&scope, &Bounds::of(operation)).await?;
        self.forget_all_but(&found, &spec.name).await?;
        for observed in found {
            let name = spec.name.clone();
            let id = observed.id;
            if observed.has_lost_its_record() {
                return Err(EngineError::RecordLost { name, id }.into());
            }
            if observed.is_complete() {
                if self.goes_on_with(&observed, spec).await? {
                    let taken_over = self.take_over(&observed, operation).await;
                    if let Some(journal) = taken_over.map_err(EngineError::from)? {
                        return Ok(Some((id, journal)));
                    }
                }
                return Err(EngineError::Exists { name, id }.into());
            }
            let owner = &observed.owner;
            if owner.deadline > Timestamp::now() {
                let taken_over = self.take_over(&observed, operation).await;
                if let Some(journal) = taken_over.map_err(EngineError::from)? {
                    let work = Work::on_leftovers(self, journal);
                    self.delete_all(id, operation, work).await?;
                    continue;
                }
                let owner = Box::new(owner.clone());
                return Err(EngineError::Unfinished { owner }.into());
            }
            self.delete(id, operation).await?;
        }
        Ok(None)
    }

    /// What is still there after the undo is swept away: a call whose answer was not awaited may have
    /// had its effect after its undo.
    async fn after_rollback(
        &self,
        site: &Site,
        operation: &Operation,
        mut failure: SagaFailure,
        journal: &Journal,
    ) -> Failure {
        let id = site.owner.cluster;
        let mut leftovers = std::mem::take(&mut failure.leftovers);
        let swept = self.sweep_until_gone(id, operation, &failure.cleanup, journal);
        match swept.await {
            Ok(swept) => leftovers = swept,
            Err(unseen) => leftovers.push(format!(
                "what else there may be of cluster {id} ({})",
                chain(&unseen)
            )),
        }
        let cluster = if leftovers.is_empty() {
            None
        } else {
            // It can only be destroyed: its machines and networks are of no use to anybody.
            let record = site.record(Phase::Failed);
            let remember = || self.0.platform.put_record(&site.owner, &record);
            _ = self.ask(&failure.cleanup, remember).await;
            self.last_look_at(site, Phase::Failed).await
        };
        Failure {
            cluster,
            error: failure.into(),
            leftovers,
        }
    }

    /// Makes a cluster of what is there, for an update to finish.
    async fn keep(&self, site: &Site, mut failure: SagaFailure) -> Failure {
        let mut record = site.record(Phase::There);
        // Which nodes have which image is not known: the update loads them all.
        record.preloaded.clear();
        let remember = || self.0.platform.put_record(&site.owner, &record);
        let remembered = self.ask(&failure.cleanup, remember).await;
        let mut leftovers = std::mem::take(&mut failure.leftovers);
        if let Err(error) = remembered {
            leftovers.push(format!("its record could not be kept ({})", chain(&error)));
        }
        Failure {
            cluster: self.last_look_at(site, Phase::There).await,
            error: failure.into(),
            leftovers,
        }
    }
}
