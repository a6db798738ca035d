//! Counts calls and says which of them go wrong.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::settings::{Call, Fault, FaultKind};

/// The faults of one [`Simulated`](super::Simulated), and how often each call was made on it.
pub(super) struct Faults {
    faults: Vec<Fault>,
    made: Mutex<BTreeMap<Call, u32>>,
}

impl Faults {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self {
            faults,
            made: Mutex::new(BTreeMap::new()),
        }
    }

    /// Counts a call that is made now; what goes wrong with it.
    pub(super) fn count(&self, call: Call) -> Option<FaultKind> {
        let nth = {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            let made = made.entry(call).or_default();
            *made += 1;
            *made
        };
        self.faults
            .iter()
            .find(|fault| fault.call == call && fault.nth.get() == nth)
            .map(|fault| fault.kind)
    }
}
