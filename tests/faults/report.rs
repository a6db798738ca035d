//! What trials came to, as a page.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use crate::chain::Trial;
use crate::operation::Operation;

#[derive(Default)]
struct Row {
    trials: usize,
    converged: usize,
    imported: usize,
    orphans: usize,
    duplicates: usize,
}

/// One row for each kind of fault in each operation.
pub(crate) fn table<K: Copy + Display + Ord>(trials: &[Trial<K>]) -> String {
    let mut rows: BTreeMap<(K, Operation), Row> = BTreeMap::new();
    for trial in trials {
        let row = rows.entry((trial.kind, trial.operation)).or_default();
        row.trials += 1;
        row.converged += usize::from(trial.outcome.failure.is_none());
        row.imported += usize::from(trial.outcome.imported);
        row.orphans += trial.outcome.orphans.len();
        row.duplicates += trial.outcome.duplicates.len();
    }
    let mut text = String::from(
        "| fault | operation | trials | converged | of them imported | orphans | duplicates |\n\
         |---|---|--:|--:|--:|--:|--:|\n",
    );
    for ((kind, operation), row) in rows {
        _ = writeln!(
            text,
            "| {kind} | {operation} | {} | {} | {} | {} | {} |",
            row.trials, row.converged, row.imported, row.orphans, row.duplicates
        );
    }
    text
}

/// Each trial that did not end well, in words.
pub(crate) fn complaints<K: Display>(trials: &[Trial<K>]) -> String {
    let bad = trials.iter().filter(|trial| !is_well(trial));
    bad.fold(String::new(), |text, trial| text + &line(trial) + "\n")
}

/// A trial in words.
pub(crate) fn line<K: Display>(trial: &Trial<K>) -> String {
    let outcome = &trial.outcome;
    format!(
        "{} at call {} of {} ({}): orphans {:?}, duplicates {:?}, {}",
        trial.kind,
        trial.nth,
        trial.operation,
        trial.call,
        outcome.orphans,
        outcome.duplicates,
        outcome.failure.as_deref().unwrap_or("converged")
    )
}

fn is_well<K>(trial: &Trial<K>) -> bool {
    let outcome = &trial.outcome;
    outcome.failure.is_none() && outcome.orphans.is_empty() && outcome.duplicates.is_empty()
}
