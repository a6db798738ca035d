//! What creates that came to no end have left on the platform, and whether it may go; and the claims of operations
//! that came to none.
//!
//! A finished cluster is never among it: nobody can know which state has it. A half-made node of a finished cluster
//! is not either: the next update of that cluster repairs it. What carries no labels of ours is not looked at.

use jiff::Timestamp;

use super::Engine;
use crate::error::{EngineError, Failure};
use crate::model::{ClusterId, ObservedCluster, OperationId, Owner};
use crate::operation::Operation;
use crate::platform::Scope;
use crate::saga::journal::{JournalError, OperationKind, Outcome, Running, Worker};
use crate::scheduler::Bounds;

/// What an unfinished create has made and not taken back.
#[derive(Debug)]
pub struct Leftover {
    /// Everything of it that is there.
    pub observed: ObservedCluster,
    /// When the create began, if anything tells.
    pub begun: Option<Timestamp>,
    /// Whether it may go.
    pub fate: Fate,
}

/// A claim that an operation has on a cluster, which is whole for all that.
#[derive(Debug)]
pub struct Held {
    /// Whose it is: the operation, the cluster, and until when.
    pub holder: Owner,
    /// Whether it may be ended.
    pub fate: Fate,
}

/// Whether what is left may go.
#[derive(Debug)]
pub enum Fate {
    /// It may: nobody works on it any more.
    Over(Over),
    /// It may not: somebody may work on it.
    Spared(Spared),
}

/// Why nobody works on it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// The deadline of its operation has passed.
    TimeUp,
    /// The process of its operation died on this machine.
    ProcessDied,
    /// Somebody who knows has said that its process is gone.
    Said,
}

/// Why it is spared.
#[derive(Debug)]
pub enum Spared {
    /// A process of this machine works on it; which one, if it has said so.
    AtWork(Option<Box<Running>>),
    /// The deadline of its operation has not passed, and nothing tells that its process is gone.
    MayLive,
    /// Its journal cannot be read, which would tell.
    NotKnown(JournalError),
}

impl Engine {
    /// Everything on the platform that unfinished creates have left, the oldest deadline first. `ended` is an
    /// operation of which the caller knows that its process is gone; one that this machine sees at work is spared
    /// all the same.
    pub async fn garbage(&self, ended: Option<OperationId>) -> Result<Vec<Leftover>, EngineError> {
        let found = self.observe(&Scope::All, &Bounds::for_look()).await?;
        let mut leftovers = Vec::new();
        for observed in found {
            // Without its record nothing tells how far a cluster is, and it is no leftover.
            if !observed.is_complete() && !observed.has_lost_its_record() {
                leftovers.push(self.leftover(observed, ended).await);
            }
        }
        leftovers.sort_by_key(|leftover| (leftover.observed.owner.deadline, leftover.observed.id));
        Ok(leftovers)
    }

    /// The claims on all clusters of the platform, the oldest deadline first. `ended` as with [`Engine::garbage`].
    pub async fn claims(&self, ended: Option<OperationId>) -> Result<Vec<Held>, EngineError> {
        let found = self.observe(&Scope::All, &Bounds::for_look()).await?;
        let mut claims = Vec::new();
        for holder in found.into_iter().filter_map(|observed| observed.claim) {
            let (fate, _) = self.fate(&holder, ended).await;
            claims.push(Held { holder, fate });
        }
        claims.sort_by_key(|claim| (claim.holder.deadline, claim.holder.cluster));
        Ok(claims)
    }

    /// Ends the claim that `operation` has on the cluster, if it may be ended by what is there now. One that somebody
    /// may work under is an error and stays. One that is gone is ended, and so is one whose place another has taken.
    pub async fn end_claim(
        &self,
        cluster: ClusterId,
        operation: OperationId,
        ended: Option<OperationId>,
    ) -> Result<(), EngineError> {
        let bounds = Bounds::for_look();
        let found = self.observe(&Scope::Id(cluster), &bounds).await?.pop();
        let claim = found.and_then(|observed| observed.claim);
        let Some(holder) = claim.filter(|holder| holder.operation == operation) else {
            return Ok(());
        };
        match self.fate(&holder, ended).await.0 {
            Fate::Over(_) => {
                let release = || self.0.platform.release(cluster, operation);
                self.ask(&bounds, release).await
            }
            Fate::Spared(Spared::NotKnown(error)) => Err(error.into()),
            Fate::Spared(Spared::AtWork(_) | Spared::MayLive) => {
                let holder = Box::new(holder);
                Err(EngineError::Claimed { holder })
            }
        }
    }

    /// Deletes what an unfinished create has left, if it may go by what is there now. A cluster that was finished
    /// meanwhile is an error, and so is one that somebody may work on; both are left as they are. What is gone
    /// already is deleted.
    pub async fn remove_garbage(
        &self,
        id: ClusterId,
        ended: Option<OperationId>,
        operation: &Operation,
    ) -> Result<(), Failure> {
        let bounds = Bounds::of(operation);
        let Some(observed) = self.unfinished(id, &bounds).await? else {
            let forgotten = self.0.journals.forget(id).await;
            return Ok(forgotten.map_err(EngineError::from)?);
        };
        let Leftover { observed, fate, .. } = self.leftover(observed, ended).await;
        if let Fate::Spared(Spared::MayLive) = fate {
            let owner = Box::new(observed.owner);
            return Err(EngineError::Unfinished { owner }.into());
        }
        // A process that works on it, and a journal that cannot be read, are refused here.
        let name = &observed.owner.cluster_name;
        let work = self
            .begin(OperationKind::Delete, id, name, operation)
            .await?;
        // Between the look and the journal, somebody may have imported and finished it.
        match self.unfinished(id, &bounds).await {
            Ok(_) => self.delete_all(id, operation, work).await,
            Err(error) => {
                let told = error.to_string();
                work.end(Outcome::Failed { error: told }).await;
                Err(error.into())
            }
        }
    }

    async fn unfinished(
        &self,
        id: ClusterId,
        bounds: &Bounds,
    ) -> Result<Option<ObservedCluster>, EngineError> {
        let scope = Scope::Id(id);
        let found = self.observe(&scope, bounds).await?.pop();
        match found {
            Some(observed) if observed.has_lost_its_record() => Err(EngineError::RecordLost {
                name: observed.owner.cluster_name,
                id,
            }),
            Some(observed) if observed.is_complete() => Err(EngineError::Finished {
                name: observed.owner.cluster_name,
                id,
            }),
            found => Ok(found),
        }
    }

    async fn leftover(&self, observed: ObservedCluster, ended: Option<OperationId>) -> Leftover {
        let recorded = observed.record.as_ref().map(|record| record.created_at);
        let (fate, remembered) = self.fate(&observed.owner, ended).await;
        Leftover {
            begun: recorded.or(remembered),
            observed,
            fate,
        }
    }

    /// Whether what an operation has left may go, and when the operation began by the journal.
    async fn fate(&self, owner: &Owner, ended: Option<OperationId>) -> (Fate, Option<Timestamp>) {
        let journals = &self.0.journals;
        let worker = journals.worker(owner.cluster, owner.operation).await;
        let remembered = match &worker {
            Ok(Worker::Gone(begun)) => Some(*begun),
            Ok(Worker::Here(Some(running))) => Some(running.started),
            _ => None,
        };
        let fate = match worker {
            Err(error) => Fate::Spared(Spared::NotKnown(error)),
            Ok(Worker::Here(running)) => Fate::Spared(Spared::AtWork(running)),
            Ok(Worker::Gone(_)) => Fate::Over(Over::ProcessDied),
            Ok(Worker::NotKnown) if owner.deadline <= Timestamp::now() => Fate::Over(Over::TimeUp),
            Ok(Worker::NotKnown) if ended == Some(owner.operation) => Fate::Over(Over::Said),
            Ok(Worker::NotKnown) => Fate::Spared(Spared::MayLive),
        };
        (fate, remembered)
    }
}
