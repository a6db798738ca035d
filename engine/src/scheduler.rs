//! Through which all work on nodes goes: so much at once, tried again where that may help, never beyond
//! its deadline or its cancellation.

use std::future::Future;
use std::num::NonZeroUsize;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use crate::operation::Operation;
use crate::saga::StepError;

/// How often a step is tried before its error counts.
const ATTEMPTS: u32 = 4;

/// How long the first pause between two tries is; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Until when work may go on.
#[derive(Debug, Clone)]
pub struct Bounds {
    deadline: Timestamp,
    cancellation: CancellationToken,
}

impl Bounds {
    /// The bounds of an operation.
    pub fn of(operation: &Operation) -> Self {
        Self {
            deadline: operation.deadline,
            cancellation: operation.cancellation.clone(),
        }
    }

    /// That long from now, whatever becomes of the operation: for its clean-up.
    pub fn for_cleanup(within: Duration) -> Self {
        // A time that cannot be represented is as far away as one that can.
        let deadline = Timestamp::now()
            .checked_add(within)
            .unwrap_or(Timestamp::MAX);
        Self {
            deadline,
            cancellation: CancellationToken::new(),
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

    /// Does the work, and does it again, after pauses that grow and are never the same for two, while
    /// its error is one that may pass.
    pub async fn persevere<T, F>(
        &self,
        bounds: &Bounds,
        mut work: impl FnMut() -> F,
    ) -> Result<T, StepError>
    where
        F: Future<Output = Result<T, StepError>>,
    {
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            match bounds.within(work()).await {
                Err(error) if error.is_retryable() => {}
                result => return result,
            }
            let jittered = pause.mul_f64(0.5 + fastrand::f64());
            bounds
                .within(async {
                    tokio::time::sleep(jittered).await;
                    Ok(())
                })
                .await?;
            pause *= 2;
        }
        bounds.within(work()).await
    }
}
