//! What the journals are told of operations, and what they know of those of dead processes.

use super::Engine;
use super::claim::Claim;
use crate::error::{EngineError, Failure};
use crate::model::{ClusterId, ClusterName, ClusterSpec, ObservedCluster, OperationId, Phase};
use crate::operation::Operation;
use crate::saga::journal::{
    Intent, Journal, JournalError, Left, OperationBegun, OperationKind, Outcome, this_host,
};

/// What is done to a node beside a cluster's pool.
#[derive(Debug, Clone, Copy)]
pub(super) enum NodeWork {
    /// It is added.
    Add,
    /// Its add came to no end in that operation, and is carried on.
    CarryOn(OperationId),
    /// It is changed or removed.
    Change,
}

/// The right to work on a cluster that is there, and the memory of what is done.
pub(super) struct Work {
    engine: Engine,
    pub(super) journal: Journal,
    /// `None`: what is left of a cluster that nobody has is nobody's to claim.
    claim: Option<Claim>,
}

impl Work {
    /// Work on what a create left.
    pub(super) fn on_leftovers(engine: &Engine, journal: Journal) -> Self {
        Self {
            engine: engine.clone(),
            journal,
            claim: None,
        }
    }

    /// Ends the work.
    pub(super) async fn end(self, outcome: Outcome) {
        if let Some(claim) = self.claim {
            self.engine.release(claim).await;
        }
        self.journal.end(outcome);
    }
}

impl Engine {
    /// Begins an operation on a cluster that is there: remembers it and takes the cluster for it. An error where
    /// another one works on it.
    pub(super) async fn begin(
        &self,
        kind: OperationKind,
        cluster: ClusterId,
        name: &ClusterName,
        operation: &Operation,
    ) -> Result<Work, EngineError> {
        let journal = self.remember(kind, cluster, name, operation).await?;
        self.take_cluster(journal, cluster, name, operation).await
    }

    /// The same for work on a node beside the pool, which may carry on what a dead process began.
    pub(super) async fn begin_node(
        &self,
        work: NodeWork,
        cluster: ClusterId,
        name: &ClusterName,
        operation: &Operation,
    ) -> Result<Work, EngineError> {
        let journal = self.remember_node(work, cluster, name, operation).await?;
        self.take_cluster(journal, cluster, name, operation).await
    }

    async fn take_cluster(
        &self,
        journal: Journal,
        cluster: ClusterId,
        name: &ClusterName,
        operation: &Operation,
    ) -> Result<Work, EngineError> {
        match self.claim(cluster, name, operation, journal.over()).await {
            Ok(claim) => Ok(Work {
                engine: self.clone(),
                journal,
                claim: Some(claim),
            }),
            Err(error) => {
                let told = error.to_string();
                journal.end(Outcome::Failed { error: told });
                Err(error)
            }
        }
    }

    /// Begins to remember an operation; an error where another one works on the cluster.
    pub(super) async fn remember(
        &self,
        kind: OperationKind,
        cluster: ClusterId,
        name: &ClusterName,
        operation: &Operation,
    ) -> Result<Journal, JournalError> {
        let intent = self.intent(kind, cluster, name, operation, None);
        self.0.journals.begin(intent).await
    }

    async fn remember_node(
        &self,
        work: NodeWork,
        cluster: ClusterId,
        name: &ClusterName,
        operation: &Operation,
    ) -> Result<Journal, JournalError> {
        let (kind, instead_of) = match work {
            NodeWork::Add => (OperationKind::AddNode, None),
            NodeWork::CarryOn(dead) => (OperationKind::AddNode, Some(dead)),
            NodeWork::Change => (OperationKind::Node, None),
        };
        let intent = self.intent(kind, cluster, name, operation, instead_of);
        self.0.journals.begin(intent).await
    }

    /// Whether a create of `spec` goes on with this finished cluster: an earlier create of just that cluster
    /// died on this machine before it could tell of it, so that nobody has it.
    pub async fn goes_on_with(
        &self,
        found: &ObservedCluster,
        spec: &ClusterSpec,
    ) -> Result<bool, EngineError> {
        let is_the_same = found
            .record
            .as_ref()
            .is_some_and(|record| record.phase == Phase::There && record.spec == *spec);
        let journals = &self.0.journals;
        Ok(is_the_same
            && journals
                .is_abandoned(found.id, found.owner.operation, OperationKind::Create)
                .await?)
    }

    /// Begins to delete what an unfinished create has left, or to go on with what a finished one could not tell
    /// of any more; `None`: its process may live, or somebody may have the cluster.
    pub(super) async fn take_over(
        &self,
        found: &ObservedCluster,
        operation: &Operation,
    ) -> Result<Option<Journal>, JournalError> {
        let (kind, left) = if found.is_complete() {
            (OperationKind::Create, Left::Whole)
        } else {
            (OperationKind::Delete, Left::Parts)
        };
        let owner = &found.owner;
        let dead = owner.operation;
        let intent = self.intent(kind, found.id, &owner.cluster_name, operation, Some(dead));
        self.0.journals.take_over(dead, left, intent).await
    }

    fn intent(
        &self,
        kind: OperationKind,
        cluster: ClusterId,
        name: &ClusterName,
        operation: &Operation,
        instead_of: Option<OperationId>,
    ) -> Intent {
        Intent {
            operation: operation.id,
            begun: OperationBegun {
                kind,
                cluster,
                name: name.clone(),
                platform: self.0.platform.name().to_owned(),
                location: self.0.platform.location(),
                deadline: operation.deadline,
                host: this_host(),
                process: std::process::id(),
                instead_of,
            },
        }
    }

    /// Removes the journals of clusters of that name of which the platform has nothing.
    pub(super) async fn forget_all_but(
        &self,
        found: &[ObservedCluster],
        name: &ClusterName,
    ) -> Result<(), EngineError> {
        let there = found.iter().map(|observed| observed.id).collect();
        let platform = &self.0.platform;
        let (kind, location) = (platform.name(), platform.location());
        let journals = &self.0.journals;
        Ok(journals
            .forget_all_but(there, name.clone(), kind, location)
            .await?)
    }

    /// Removes the journal of a cluster of which the platform has nothing: that of a deletion that died or was cut
    /// off at its very end. Whoever learns that the cluster is gone asks for no deletion any more. One that cannot
    /// be removed is left: it is a hint.
    pub(super) async fn forget_gone(&self, cluster: ClusterId) {
        let platform = &self.0.platform;
        let (kind, location) = (platform.name(), platform.location());
        let forgotten = self.0.journals.forget_gone(cluster, kind, location).await;
        if let Err(error) = forgotten {
            tracing::warn!(%cluster, %error, "left the journal of a cluster that is gone");
        }
    }
}

/// What a journal is told at the end of an operation after which the cluster should be there.
pub(super) fn outcome<T>(result: &Result<T, Failure>) -> Outcome {
    match result {
        Ok(_) => Outcome::AsWanted,
        Err(failure) => Outcome::Failed {
            error: failure.to_string(),
        },
    }
}
