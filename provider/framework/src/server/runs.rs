//! One run of Terraform after another, each with a stop of its own.
//!
//! A provider that Terraform starts sees one run and ends. One that is being debugged sees many, and a Ctrl-C in one
//! of them must not reach the next.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The runs that a process sees.
#[derive(Debug)]
pub(super) struct Runs {
    process: CancellationToken,
    current: Mutex<CancellationToken>,
}

impl Runs {
    pub(super) fn new() -> Self {
        let process = CancellationToken::new();
        Self {
            current: Mutex::new(process.child_token()),
            process,
        }
    }

    /// Ends all runs, those to come too.
    pub(super) fn process(&self) -> &CancellationToken {
        &self.process
    }

    /// A token that fires when the current run is stopped, and when the process ends.
    pub(super) fn call(&self) -> CancellationToken {
        self.current().child_token()
    }

    /// A run begins. One that has been stopped is then over; another goes on, as Terraform configures a provider
    /// also in the middle of a run, for each alias once.
    pub(super) fn begin(&self) {
        let mut current = self.current();
        if current.is_cancelled() {
            *current = self.process.child_token();
        }
    }

    /// Stops the current run: its calls that are running, and those that come before another run begins.
    pub(super) fn stop(&self) {
        self.current().cancel();
    }

    fn current(&self) -> MutexGuard<'_, CancellationToken> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
