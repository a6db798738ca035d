//! Deletes everything of a cluster by its labels, whether or not its COE answers.
//!
//! Goes on past what cannot be deleted, and ends with the list of it. Deleting the absent succeeds.

use std::collections::BTreeSet;

use super::Engine;
use crate::error::{EngineError, Failure, chain};
use crate::model::{ClusterId, NodeName, ObservedCluster};
use crate::operation::{Event, Operation, StepProgress};
use crate::platform::Scope;
use crate::saga::StepError;
use crate::scheduler::Bounds;

/// How often the platform is looked at again for what was made while the rest was deleted.
const ROUNDS: usize = 3;

impl Engine {
    /// Deletes everything that carries the cluster's id, nodes beside its pool included.
    pub async fn delete(&self, id: ClusterId, operation: &Operation) -> Result<(), Failure> {
        let _changing = self.0.looks.changing(id);
        let bounds = Bounds::of(operation);
        let scope = Scope::Id(id);
        for _ in 0..ROUNDS {
            let found = self
                .0
                .platform
                .observe(&scope)
                .await
                .map_err(EngineError::from)?;
            let Some(observed) = found.first() else {
                return Ok(());
            };
            let leftovers = self.sweep(observed, operation, &bounds).await;
            if !leftovers.is_empty() {
                let error = if operation.cancellation.is_cancelled() {
                    EngineError::Interrupted
                } else if bounds.remaining().is_zero() {
                    EngineError::OutOfTime
                } else {
                    EngineError::NotDeleted(id)
                };
                return Err(Failure {
                    leftovers,
                    ..self.failed_with(id, error).await
                });
            }
        }
        match self.0.platform.observe(&scope).await {
            Ok(found) if found.is_empty() => Ok(()),
            Ok(_) => Err(self.failed_with(id, EngineError::NotDeleted(id)).await),
            Err(error) => Err(EngineError::from(error).into()),
        }
    }

    /// Deletes what was observed: nodes beside one another, then the network, then the record, by which
    /// the cluster is known. What could not be deleted, and why.
    pub(super) async fn sweep(
        &self,
        observed: &ObservedCluster,
        operation: &Operation,
        bounds: &Bounds,
    ) -> Vec<String> {
        let platform = &self.0.platform;
        let id = observed.id;
        let nodes: BTreeSet<&NodeName> = observed
            .machines
            .keys()
            .chain(observed.volumes.keys())
            .collect();
        let of_nodes = nodes.into_iter().map(|node| async move {
            let title = format!("delete the machine and volumes of {node}");
            let delete = || async move {
                platform.delete_machine(id, node).await?;
                Ok(platform.delete_volumes(id, node).await?)
            };
            self.delete_one(observed, operation, bounds, Some(node), title, delete)
                .await
        });
        let mut leftovers: Vec<String> = futures_util::future::join_all(of_nodes)
            .await
            .into_iter()
            .flatten()
            .collect();
        if leftovers.is_empty() {
            let title = format!("delete the network of {}", observed.owner.cluster_name);
            let delete = || async { Ok(platform.delete_network(id).await?) };
            leftovers.extend(
                self.delete_one(observed, operation, bounds, None, title, delete)
                    .await,
            );
        }
        if leftovers.is_empty() {
            let title = format!("forget {}", observed.owner.cluster_name);
            let delete = || async { Ok(platform.delete_record(id).await?) };
            leftovers.extend(
                self.delete_one(observed, operation, bounds, None, title, delete)
                    .await,
            );
        }
        leftovers
    }

    async fn delete_one<F: Future<Output = Result<(), StepError>>>(
        &self,
        observed: &ObservedCluster,
        operation: &Operation,
        bounds: &Bounds,
        node: Option<&NodeName>,
        title: String,
        delete: impl Fn() -> F,
    ) -> Option<String> {
        let report = |progress| {
            operation.progress.report(Event {
                operation: operation.id,
                cluster: observed.owner.cluster_name.clone(),
                node: node.cloned(),
                step: title.clone(),
                undo: false,
                progress,
            });
        };
        let deleted = async {
            let _permit = self.0.scheduler.admit(bounds).await?;
            report(StepProgress::Started);
            self.0.scheduler.persevere(bounds, &delete).await
        };
        match deleted.await {
            Ok(()) => {
                report(StepProgress::Finished);
                None
            }
            Err(error) => {
                let error = chain(&error);
                let leftover = format!("{title} ({error})");
                report(StepProgress::Failed { error });
                Some(leftover)
            }
        }
    }
}
