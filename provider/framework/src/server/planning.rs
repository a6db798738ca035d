//! What becomes of a proposed new state before the resource's own plan hook sees it.
//!
//! The order, each step in a file: write-only values are dropped, defaults stand in for what is not configured, and
//! if the state then differs from the prior one, computed attributes become unknown and plan modifiers run.

mod defaults;
mod modifiers;
mod replacement;
mod unknown_until_apply;
mod walk;
mod write_only;

pub(crate) use defaults::with_defaults;
pub(crate) use replacement::replaced_paths;
pub(crate) use write_only::without_write_only;

use self::walk::Place;
use super::members::Members;
use crate::{Diagnostics, Path, Value};

/// A plan that the resource's own hook has not seen yet.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Equal to the prior state where nothing differs from it.
    pub(crate) planned: Value,
    /// Attributes whose change replaces the resource, changed or not.
    pub(crate) replaced_by: Vec<Path>,
    /// What plan modifiers had to say.
    pub(crate) diagnostics: Diagnostics,
}

/// Plans a create (`prior` is `None`) or an update.
pub(crate) fn draft(
    members: Members<'_>,
    config: &Value,
    prior: Option<&Value>,
    proposed: Value,
) -> Draft {
    let place = Place {
        path: Path::root(),
        config,
        prior,
    };
    let proposed = without_write_only(members, proposed);
    let planned = defaults::apply(members, &place, proposed);
    // Computed values would else be unknown in every plan, and no plan would be empty.
    if prior == Some(&planned) {
        return Draft {
            planned,
            replaced_by: Vec::new(),
            diagnostics: Diagnostics::new(),
        };
    }
    let planned = unknown_until_apply::mark(members, &place, planned);
    modifiers::run(members, &place, planned)
}
