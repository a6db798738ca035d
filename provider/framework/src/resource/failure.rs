//! A failed create, update or delete.

use crate::{Diagnostic, Diagnostics};

/// What is true now, and why it is not what was planned.
#[derive(Debug, Clone)]
pub struct Failure<M> {
    /// What is there now. `None` after a create: nothing is left. `None` after an update or a delete: what was there
    /// before. What is unknown in it becomes null. Boxed, so that a result is not as large as its largest failure.
    pub state: Option<Box<M>>,
    /// Why. A failure without an error among them gets one that says so.
    pub diagnostics: Diagnostics,
}

impl<M> Failure<M> {
    /// A failure that leaves `state`.
    pub fn with_state(state: M, diagnostics: impl Into<Diagnostics>) -> Self {
        Self {
            state: Some(Box::new(state)),
            diagnostics: diagnostics.into(),
        }
    }
}

impl<M> From<Diagnostics> for Failure<M> {
    fn from(diagnostics: Diagnostics) -> Self {
        Self {
            state: None,
            diagnostics,
        }
    }
}

impl<M> From<Diagnostic> for Failure<M> {
    fn from(diagnostic: Diagnostic) -> Self {
        Diagnostics::from(diagnostic).into()
    }
}
