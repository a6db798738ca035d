//! Through which all work on nodes goes: so much at once, tried again where that may help, never beyond
//! its deadline or its cancellation.

use std::future::Future;
use std::num::NonZeroUsize;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::operation::{Operation, RetryBudget};
use crate::platform::Retry;
use crate::saga::StepError;

/// For how long work is tried again while its error is one that may pass: an engine that is started again
/// is back by then.
const PATIENCE: Duration = Duration::from_secs(30);

/// For how long what only looks is tried again: a connection that was cut is made anew, and whoever waits
/// learns soon that nobody answers.
const PATIENCE_OF_LOOKS: Duration = Duration::from_millis(500);

/// How long the first pause between two tries is; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How long a pause is at the most, unless the platform asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// From when on patience is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    /// Whoever looks waits no longer for one that was slow to fail.
    Begin,
    /// What took long before it failed is not worth less patience.
    FirstFailure,
}

/// Until when work may go on, and how often it is tried again.
#[derive(Debug, Clone)]
pub struct Bounds {
    deadline: Timestamp,
    cancellation: CancellationToken,
    patience: Duration,
    patience_since: Since,
    retries: RetryBudget,
}

impl Bounds {
    /// The bounds of an operation.
    pub fn of(operation: &Operation) -> Self {
        Self {
            deadline: operation.deadline,
            cancellation: operation.cancellation.clone(),
            patience: PATIENCE,
            patience_since: Since::FirstFailure,
            retries: operation.retries.clone(),
        }
    }

    /// The bounds of who only looks, and stops by dropping the look.
    pub fn for_look() -> Self {
        Self {
            deadline: Timestamp::MAX,
            cancellation: CancellationToken::new(),
            patience: PATIENCE_OF_LOOKS,
            patience_since: Since::Begin,
            retries: RetryBudget::default(),
        }
    }

    /// That long from now, whatever becomes of the operation: for its clean-up, which is tried again all
    /// that time.
    pub fn for_cleanup(within: Duration) -> Self {
        // A time that cannot be represented is as far away as one that can.
        let deadline = Timestamp::now()
            .checked_add(within)
            .unwrap_or(Timestamp::MAX);
        Self {
            deadline,
            cancellation: CancellationToken::new(),
            patience: within,
            patience_since: Since::FirstFailure,
            retries: RetryBudget::default(),
        }
    }

    /// The work's result, or why it was dropped. Work is not begun once the bounds are reached.
    pub async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, StepError>>,
    ) -> Result<T, StepError> {
        tokio::select! {
            biased;
            () = self.cancellation.cancelled() => Err(StepError::Interrupted),
            () = tokio::time::sleep(self.remaining()) => Err(StepError::OutOfTime),
            result = work => result,
        }
    }

    /// How much time there is; nothing once the deadline has passed.
    pub fn remaining(&self) -> Duration {
        Duration::try_from(self.deadline.duration_since(Timestamp::now())).unwrap_or_default()
    }
}

/// Admits so many pieces of work at once.
pub struct Scheduler {
    permits: Semaphore,
}

impl Scheduler {
    /// A scheduler that admits `parallelism` pieces of work at once.
    pub fn new(parallelism: NonZeroUsize) -> Self {
        Self {
            permits: Semaphore::new(parallelism.get()),
        }
    }

    /// Waits until there is room; the work may go on until the permit is dropped.
    pub async fn admit(&self, bounds: &Bounds) -> Result<SemaphorePermit<'_>, StepError> {
        bounds
            .within(async {
                self.permits
                    .acquire()
                    .await
                    .map_err(|_closed| StepError::Interrupted)
            })
            .await
    }

    /// Does the work, and does it again while its error is one that may pass: after pauses that grow and are
    /// never the same for two, or that the platform asks for; as long as patience, budget and bounds allow.
    /// `again` is told of each retry.
    pub async fn persevere<T, F>(
        &self,
        bounds: &Bounds,
        mut again: impl FnMut(&StepError, Duration),
        mut work: impl FnMut() -> F,
    ) -> Result<T, StepError>
    where
        F: Future<Output = Result<T, StepError>>,
    {
        let mut impatient_since = match bounds.patience_since {
            Since::Begin => Some(Instant::now()),
            Since::FirstFailure => None,
        };
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match bounds.within(work()).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let waited = impatient_since.get_or_insert_with(Instant::now).elapsed();
            let jittered = pause.mul_f64(0.5 + fastrand::f64());
            let wait = match error.retry() {
                Retry::Never => return Err(error),
                Retry::Later if waited + jittered > bounds.patience => return Err(error),
                Retry::Later => jittered,
                Retry::After(asked) => asked.max(jittered),
            };
            if wait >= bounds.remaining() || !bounds.retries.take() {
                return Err(error);
            }
            again(&error, wait);
            bounds
                .within(async {
                    tokio::time::sleep(wait).await;
                    Ok(())
                })
                .await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::platform::PlatformError;

    fn refused(retry: Retry) -> StepError {
        StepError::Platform(PlatformError::Refused {
            what: "make a machine".to_owned(),
            reason: "busy".to_owned(),
            help: None,
            retry,
        })
    }

    fn scheduler() -> Scheduler {
        Scheduler::new(NonZeroUsize::MIN)
    }

    /// Work that is refused so often before it is done: what came of it, and the pauses.
    async fn refused_times(
        times: u32,
        retry: Retry,
        bounds: &Bounds,
    ) -> (Result<(), StepError>, Vec<Duration>) {
        let left = Cell::new(times);
        let pauses = RefCell::new(Vec::new());
        let result = scheduler()
            .persevere(
                bounds,
                |_, pause| pauses.borrow_mut().push(pause),
                async || match left.get() {
                    0 => Ok(()),
                    more => {
                        left.set(more - 1);
                        Err(refused(retry))
                    }
                },
            )
            .await;
        (result, pauses.into_inner())
    }

    /// The patience of an operation, without its deadline, which is a time of the clock.
    fn operation() -> Bounds {
        Bounds {
            patience: PATIENCE,
            deadline: Timestamp::MAX,
            ..cleanup()
        }
    }

    fn cleanup() -> Bounds {
        Bounds::for_cleanup(Duration::from_mins(1))
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_none_is_endless() {
        let (result, pauses) = refused_times(9, Retry::Later, &cleanup()).await;
        result.unwrap();
        assert_eq!(pauses.len(), 9);
        for (doublings, pause) in (0..).zip(pauses) {
            let middle = (FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE);
            assert!(pause >= middle / 2 && pause <= middle * 3 / 2, "{pause:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_for_good_is_not_asked_again() {
        let (result, pauses) = refused_times(1, Retry::Never, &cleanup()).await;
        assert!(result.is_err());
        assert!(pauses.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_platform_that_asks_for_a_pause_gets_it() {
        let asked = Duration::from_secs(40);
        let (result, pauses) = refused_times(1, Retry::After(asked), &cleanup()).await;
        result.unwrap();
        assert_eq!(pauses, [asked]);
        // Beyond the deadline nobody waits: the platform's answer is the error.
        let late = Retry::After(Duration::from_mins(2));
        let (result, pauses) = refused_times(1, late, &cleanup()).await;
        assert!(matches!(result, Err(StepError::Platform(_))));
        assert!(pauses.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends() {
        let began = Instant::now();
        let (result, _) = refused_times(u32::MAX, Retry::Later, &Bounds::for_look()).await;
        assert!(matches!(result, Err(StepError::Platform(_))));
        assert!(began.elapsed() <= PATIENCE_OF_LOOKS);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_took_long_before_it_failed_is_tried_again_and_a_look_is_not() {
        let slow = PATIENCE * 2;
        for (bounds, tries) in [(operation(), 2), (Bounds::for_look(), 1)] {
            let tried = Cell::new(0);
            let result: Result<(), _> = scheduler()
                .persevere(
                    &bounds,
                    |_, _| {},
                    async || {
                        tried.set(tried.get() + 1);
                        tokio::time::sleep(slow).await;
                        Err(refused(Retry::Later))
                    },
                )
                .await;
            assert!(result.is_err());
            assert_eq!(tried.get(), tries);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_retries_of_an_operation_are_counted_together() {
        let bounds = Bounds {
            retries: RetryBudget::of(3),
            ..cleanup()
        };
        let (result, pauses) = refused_times(2, Retry::Later, &bounds).await;
        result.unwrap();
        assert_eq!(pauses.len(), 2);
        let (result, pauses) = refused_times(2, Retry::Later, &bounds).await;
        assert!(result.is_err());
        assert_eq!(pauses.len(), 1);
    }
}
