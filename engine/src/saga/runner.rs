//! Runs a saga, and undoes it when a step of it fails.
//!
//! Guarantees: no step starts after the cancellation, the deadline or, unless it is to carry on, the first
//! failure. At a failure the steps that run are awaited, so that none of them has its effect after its undo; at cancellation and
//! at the deadline they are dropped. Undo is called for every step that started, in the reverse order,
//! under a bound of its own, and goes on past those that fail.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use super::journal::{Direction, Journal, StepRecord};
use super::{Lane, Saga, Stage, Step, StepError};
use crate::error::chain;
use crate::operation::{Event, Operation, StepProgress};
use crate::scheduler::{Bounds, Scheduler};
use crate::steps::Site;

/// What becomes of what a failed saga has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// It stays.
    Keep,
    /// It is undone.
    Undo,
    /// It stays, and what else is to do is done all the same: only the lane of the step that failed ends.
    CarryOn,
}

/// A saga that failed.
#[derive(Debug)]
pub struct SagaFailure {
    /// The title of the step that failed first; `None`: the saga was stopped between two steps.
    pub step: Option<String>,
    /// Why.
    pub error: StepError,
    /// What could not be undone: the title of each step, and why.
    pub leftovers: Vec<String>,
    /// What is left of the time to clean up.
    pub cleanup: Bounds,
}

/// How many steps of each lane of a stage have started.
type Started = Vec<AtomicUsize>;

/// Runs sagas of one operation at one site.
pub struct Runner<'a> {
    /// Where the steps work.
    pub site: &'a Site,
    /// Through which they work.
    pub scheduler: &'a Scheduler,
    /// For which operation.
    pub operation: &'a Operation,
    /// Where it is remembered what they do.
    pub journal: &'a Journal,
    /// How long the clean-up after a failure may take, from the failure on.
    pub cleanup: Duration,
}

impl Runner<'_> {
    /// Does the steps of the saga; `Err` after the undo, if there is one.
    pub async fn run(&self, saga: &Saga, on_failure: OnFailure) -> Result<(), SagaFailure> {
        let started: Vec<Started> = saga
            .stages
            .iter()
            .map(|stage| stage.iter().map(|_| AtomicUsize::new(0)).collect())
            .collect();
        let mut first_failure = None;
        for (stage, started_of_stage) in saga.stages.iter().zip(&started) {
            if let Err(failure) = self.run_stage(stage, started_of_stage, on_failure).await {
                first_failure.get_or_insert(failure);
                if on_failure != OnFailure::CarryOn {
                    break;
                }
            }
        }
        let Some((step, error)) = first_failure else {
            return Ok(());
        };
        let cleanup = Bounds::for_cleanup(self.cleanup);
        let leftovers = match on_failure {
            OnFailure::Keep | OnFailure::CarryOn => Vec::new(),
            OnFailure::Undo => self.undo(saga, &started, &cleanup).await,
        };
        Err(SagaFailure {
            step,
            error,
            leftovers,
            cleanup,
        })
    }

    async fn run_stage(
        &self,
        stage: &Stage,
        started: &Started,
        on_failure: OnFailure,
    ) -> Result<(), (Option<String>, StepError)> {
        let stop = CancellationToken::new();
        let mut lanes: FuturesUnordered<_> = stage
            .iter()
            .zip(started)
            .map(|(lane, started)| self.run_lane(lane, started, &stop))
            .collect();
        let mut first_failure = None;
        while let Some(result) = lanes.next().await {
            if let Err(failure) = result {
                if on_failure != OnFailure::CarryOn {
                    stop.cancel();
                }
                first_failure.get_or_insert(failure);
            }
        }
        first_failure.map_or(Ok(()), Err)
    }

    async fn run_lane(
        &self,
        lane: &Lane,
        started: &AtomicUsize,
        stop: &CancellationToken,
    ) -> Result<(), (Option<String>, StepError)> {
        let bounds = Bounds::of(self.operation);
        for step in lane {
            let permit = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                permit = self.scheduler.admit(&bounds) => permit.map_err(|error| (None, error))?,
            };
            let intended = self
                .journal
                .intend(Direction::Do, remembered(step.as_ref()));
            if let Err(error) = intended.await {
                return Err((Some(step.title()), error.into()));
            }
            started.fetch_add(1, Ordering::Relaxed);
            self.report(step.as_ref(), Direction::Do, StepProgress::Started);
            let result = self
                .scheduler
                .persevere(
                    &bounds,
                    self.tells_retries(step.as_ref(), Direction::Do),
                    || step.ensure(self.site),
                )
                .await;
            drop(permit);
            self.note(step.as_ref(), Direction::Do, &result);
            result.map_err(|error| (Some(step.title()), error))?;
        }
        Ok(())
    }

    async fn undo(&self, saga: &Saga, started: &[Started], bounds: &Bounds) -> Vec<String> {
        let mut leftovers = Vec::new();
        for (stage, started) in saga.stages.iter().zip(started).rev() {
            let lanes = stage
                .iter()
                .zip(started)
                .map(|(lane, started)| self.undo_lane(lane, started, bounds));
            let of_stage = futures_util::future::join_all(lanes).await;
            leftovers.extend(of_stage.into_iter().flatten());
        }
        leftovers
    }

    async fn undo_lane(&self, lane: &Lane, started: &AtomicUsize, bounds: &Bounds) -> Vec<String> {
        let started = started.load(Ordering::Relaxed);
        let mut leftovers = Vec::new();
        for step in lane.iter().take(started).rev() {
            let undone = async {
                let _permit = self.scheduler.admit(bounds).await?;
                // What cannot be remembered is undone all the same: it is found by its labels.
                _ = self
                    .journal
                    .intend(Direction::Undo, remembered(step.as_ref()))
                    .await;
                self.report(step.as_ref(), Direction::Undo, StepProgress::Started);
                self.scheduler
                    .persevere(
                        bounds,
                        self.tells_retries(step.as_ref(), Direction::Undo),
                        || step.undo(self.site),
                    )
                    .await
            };
            let undone = undone.await;
            self.note(step.as_ref(), Direction::Undo, &undone);
            if let Err(error) = undone {
                leftovers.push(format!("{} ({})", step.title(), chain(&error)));
            }
        }
        leftovers
    }

    /// Remembers and tells what came of a step.
    fn note(&self, step: &dyn Step, direction: Direction, result: &Result<(), StepError>) {
        let progress = match result {
            Ok(()) => StepProgress::Finished,
            Err(error) => StepProgress::Failed {
                error: chain(error),
            },
        };
        self.journal
            .note(direction, remembered(step), progress.clone());
        self.report(step, direction, progress);
    }

    fn tells_retries(
        &self,
        step: &dyn Step,
        direction: Direction,
    ) -> impl FnMut(&StepError, Duration) {
        move |error, after| {
            let error = chain(error);
            self.report(step, direction, StepProgress::Retried { error, after });
        }
    }

    fn report(&self, step: &dyn Step, direction: Direction, progress: StepProgress) {
        self.operation.progress.report(Event {
            operation: self.operation.id,
            cluster: self.site.spec.name.clone(),
            node: step.node().cloned(),
            step: step.title(),
            undo: direction == Direction::Undo,
            progress,
        });
    }
}

fn remembered(step: &dyn Step) -> StepRecord {
    let name = step.name();
    StepRecord {
        kind: name.kind.to_owned(),
        target: name.target,
        title: step.title(),
    }
}
