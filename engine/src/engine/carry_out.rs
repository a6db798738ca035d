//! Runs sagas for an operation, and says what is true when one fails.

use super::Engine;
use super::course::Leg;
use crate::error::{EngineError, Failure};
use crate::model::ClusterId;
use crate::operation::Operation;
use crate::saga::journal::Journal;
use crate::saga::{Runner, SagaFailure, StepError};
use crate::steps::Site;

impl Engine {
    pub(super) fn runner<'a>(
        &'a self,
        site: &'a Site,
        operation: &'a Operation,
        journal: &'a Journal,
    ) -> Runner<'a> {
        Runner {
            site,
            scheduler: &self.0.scheduler,
            operation,
            journal,
            cleanup: self.0.cleanup,
        }
    }

    /// One leg after the other, up to the first that fails.
    pub(super) async fn carry_out(
        &self,
        site: &Site,
        operation: &Operation,
        journal: &Journal,
        legs: Vec<Leg>,
    ) -> Result<(), SagaFailure> {
        let runner = self.runner(site, operation, journal);
        journal.foresee(legs.iter().map(|leg| leg.saga.count_steps()).sum());
        for leg in legs {
            runner.run(&leg.saga, leg.on_failure).await?;
        }
        Ok(())
    }

    /// The failure of an operation on a cluster that stays, with what is there now.
    pub(super) async fn failed(&self, id: ClusterId, failure: SagaFailure) -> Failure {
        let leftovers = failure.leftovers.clone();
        Failure {
            leftovers,
            ..self.failed_with(id, failure.into()).await
        }
    }

    /// The same for an error that left nothing behind.
    pub(super) async fn failed_with(&self, id: ClusterId, error: EngineError) -> Failure {
        // A platform that cannot be looked at either has said so in the error.
        let observed = self.last_look(id).await.ok().flatten();
        Failure {
            cluster: observed.map(|observed| self.cluster(observed)),
            error,
            leftovers: Vec::new(),
        }
    }
}

impl From<SagaFailure> for EngineError {
    fn from(failure: SagaFailure) -> Self {
        match (failure.step, failure.error) {
            (Some(step), source) => Self::Step { step, source },
            (None, StepError::OutOfTime) => Self::OutOfTime,
            (None, _) => Self::Interrupted,
        }
    }
}
