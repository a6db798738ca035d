//! Claims: of two machines, or two users of one, that would work on a cluster at once, the second is told of the
//! first.
//!
//! The journal keeps processes of one user apart and knows which of them are dead; a claim is on the platform and
//! knows of an operation only until when it may work. Operations of this engine on one cluster share a claim:
//! the journal decides which of them may work beside one another.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;

use super::Engine;
use crate::error::EngineError;
use crate::model::{ClusterId, ClusterName, ObservedCluster, OperationId, Owner};
use crate::operation::Operation;
use crate::scheduler::Bounds;

/// How long the end of an operation waits for its claim to be gone.
const RELEASE_WITHIN: Duration = Duration::from_secs(5);

/// The claim that operations of this engine share on one cluster.
#[derive(Default)]
pub(super) struct SharedClaim {
    /// The operation that the platform knows, and until when.
    known: Option<(OperationId, Timestamp)>,
    /// Those that work now.
    at_work: HashSet<OperationId>,
}

/// The right to work on a cluster. One that is dropped without an end stays on the platform until its time is up,
/// or until this user's next operation, whose journal knows that this one is dead.
#[must_use = "a claim that is not ended keeps others from the cluster"]
pub(super) struct Claim {
    cluster: ClusterId,
    operation: OperationId,
}

impl Engine {
    /// Takes the cluster for the operation. `dead` are operations that are known to be over.
    pub(super) async fn claim(
        &self,
        cluster: ClusterId,
        name: &ClusterName,
        operation: &Operation,
        dead: &[OperationId],
    ) -> Result<Claim, EngineError> {
        let owner = Owner {
            // After its deadline an operation may still clean up.
            deadline: operation
                .deadline
                .checked_add(self.0.cleanup)
                .unwrap_or(operation.deadline),
            ..operation.owner(cluster, name)
        };
        let shared = self.0.claims.of(cluster);
        let mut shared = shared.lock().await;
        let is_covered = shared
            .known
            .is_some_and(|(_, until)| until >= owner.deadline);
        if shared.at_work.is_empty() || !is_covered {
            let own = shared.known.map(|(operation, _)| operation);
            self.take_claim(&owner, own, operation, dead).await?;
            shared.known = Some((owner.operation, owner.deadline));
        }
        shared.at_work.insert(operation.id);
        Ok(Claim {
            cluster,
            operation: operation.id,
        })
    }

    async fn take_claim(
        &self,
        owner: &Owner,
        own: Option<OperationId>,
        operation: &Operation,
        dead: &[OperationId],
    ) -> Result<(), EngineError> {
        let platform = &self.0.platform;
        let bounds = Bounds::of(operation);
        let ask = |instead_of| self.ask(&bounds, move || platform.claim(owner, instead_of));
        let Some(holder) = ask(own).await? else {
            return Ok(());
        };
        let is_over = dead.contains(&holder.operation) || holder.deadline < Timestamp::now();
        let holder = if is_over {
            match ask(Some(holder.operation)).await? {
                Some(holder) => holder,
                None => return Ok(()),
            }
        } else {
            holder
        };
        Err(EngineError::Claimed {
            holder: Box::new(holder),
        })
    }

    /// Takes away the claim of an operation that cannot do so itself any more. One that stays does no harm.
    pub(super) async fn release_of_the_dead(&self, observed: &ObservedCluster) {
        let Some(holder) = &observed.claim else {
            return;
        };
        let (cluster, operation) = (observed.id, holder.operation);
        let is_over = holder.deadline < Timestamp::now()
            || matches!(self.0.journals.is_over(cluster, operation).await, Ok(true));
        if is_over {
            let release = || self.0.platform.release(cluster, operation);
            _ = self
                .ask(&Bounds::for_cleanup(RELEASE_WITHIN), release)
                .await;
        }
    }

    /// Gives the cluster back. What cannot be given back is free when its time is up.
    pub(super) async fn release(&self, claim: Claim) {
        let shared = self.0.claims.of(claim.cluster);
        let mut shared = shared.lock().await;
        shared.at_work.remove(&claim.operation);
        if shared.at_work.is_empty()
            && let Some((known, _)) = shared.known
        {
            let platform = &self.0.platform;
            let release = || platform.release(claim.cluster, known);
            let bounds = Bounds::for_cleanup(RELEASE_WITHIN);
            if self.ask(&bounds, release).await.is_ok() {
                shared.known = None;
            }
        }
    }
}
