//! Through which all calls of one process go: counts them, and makes them go wrong.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coe_engine::platform::Retry;
use coe_engine::platform::simulated::Call;
use tokio_util::sync::CancellationToken;

use crate::fault::{Faults, Harm};
use crate::secrets::is_traced;

/// Longer than anybody waits.
const FOR_EVER: Duration = Duration::from_hours(24);

/// A call that went wrong.
pub(crate) struct Refusal {
    pub(crate) reason: &'static str,
    pub(crate) retry: Retry,
}

const FOR_GOOD: Refusal = Refusal {
    reason: "it was told to fail",
    retry: Retry::Never,
};

const FOR_NOW: Refusal = Refusal {
    reason: "it was told to be lost",
    retry: Retry::Later,
};

/// A call that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) call: Call,
    pub(crate) has_effect: bool,
}

#[derive(Default)]
struct Counted {
    /// Whether calls are counted by now.
    armed: bool,
    made: Vec<Made>,
    /// Whether one of the faults has happened.
    tripped: bool,
}

/// See the module.
pub(crate) struct Gate {
    faults: Faults,
    counted: Mutex<Counted>,
    /// Fires when the user interrupts the operation.
    pub(crate) interrupted: CancellationToken,
    /// Fires when the process is killed; from then on no call comes to an end.
    pub(crate) killed: CancellationToken,
}

impl Gate {
    pub(crate) fn new(faults: Faults) -> Arc<Self> {
        Arc::new(Self {
            faults,
            counted: Mutex::default(),
            interrupted: CancellationToken::new(),
            killed: CancellationToken::new(),
        })
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the calls from now on.
    pub(crate) fn arm(&self) {
        self.counted().armed = true;
    }

    /// The calls that were counted.
    pub(crate) fn made(&self) -> Vec<Made> {
        self.counted().made.clone()
    }

    /// Whether one of the faults has happened.
    pub(crate) fn has_tripped(&self) -> bool {
        self.counted().tripped
    }

    fn count(&self, made: Made) -> Option<Harm> {
        let mut counted = self.counted();
        if !counted.armed {
            return None;
        }
        counted.made.push(made);
        let position = counted.made.len();
        let at = self.faults.at.iter().find(|(at, _)| *at == position);
        let harm = at.map(|(_, harm)| *harm);
        counted.tripped |= harm.is_some();
        harm
    }

    /// Whether what deletes fails now.
    pub(crate) fn keeps_all(&self) -> bool {
        self.faults.undo_fails && self.has_tripped()
    }

    /// Makes the call, or what it is to come to.
    pub(crate) async fn pass<T, E, F>(
        &self,
        made: Made,
        refused: impl Fn(Refusal) -> E + Send + Sync,
        effect: impl Fn() -> F + Send + Sync,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>> + Send,
        T: Send,
        E: Send,
    {
        if self.killed.is_cancelled() {
            std::future::pending::<()>().await;
        }
        let harm = self.count(made);
        if is_traced() {
            println!("{} {} {harm:?}", self.counted().made.len(), made.call);
        }
        if deletes(made.call) && self.keeps_all() && harm.is_none() {
            return Err(refused(FOR_GOOD));
        }
        match harm {
            Some(Harm::FailBefore) => return Err(refused(FOR_GOOD)),
            Some(Harm::Busy) => return Err(refused(FOR_NOW)),
            Some(Harm::CancelBefore) => self.interrupt().await,
            Some(Harm::KillBefore) => self.kill().await,
            Some(Harm::SlowBefore) => tokio::time::sleep(FOR_EVER).await,
            Some(Harm::Repeat) => _ = effect().await?,
            _ => {}
        }
        let done = effect().await;
        match harm {
            Some(Harm::FailAfter) => return Err(refused(FOR_GOOD)),
            Some(Harm::LostAnswer) => return Err(refused(FOR_NOW)),
            Some(Harm::CancelAfter) => self.interrupt().await,
            Some(Harm::KillAfter) => self.kill().await,
            Some(Harm::SlowAfter) => tokio::time::sleep(FOR_EVER).await,
            _ => {}
        }
        done
    }

    /// Lets whoever waits for the call hear of the interruption before the call goes on.
    async fn interrupt(&self) {
        self.interrupted.cancel();
        tokio::task::yield_now().await;
    }

    async fn kill(&self) {
        self.killed.cancel();
        std::future::pending::<()>().await;
    }
}

fn deletes(call: Call) -> bool {
    matches!(
        call,
        Call::DeleteMachine | Call::DeleteVolumes | Call::DeleteNetwork | Call::DeleteRecord
    )
}
