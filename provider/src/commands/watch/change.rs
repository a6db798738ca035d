//! What happened between two looks at the journals. Pure.

use coe_engine::model::OperationId;
use coe_engine::saga::journal::{Direction, Ending, OperationBegun, Process, StepRecord};
use jiff::{SignedDuration, Timestamp};

use super::history::{Histories, OperationHistory, State};
use crate::commands::span::between;

/// Something that happened in an operation.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) at: Timestamp,
    pub(super) operation: OperationId,
    pub(super) begun: OperationBegun,
    pub(super) what: What,
}

/// What happened.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// It began.
    Begun,
    /// So many more steps are ahead.
    StepsAhead(usize),
    /// A step began.
    StepBegun(StepRecord, Direction),
    /// A step ended.
    StepEnded {
        step: StepRecord,
        direction: Direction,
        took: SignedDuration,
        result: Result<(), String>,
    },
    /// It ended.
    Ended(Ending, SignedDuration),
    /// Its process was found dead.
    FoundDead(SignedDuration),
    /// Its journal is gone, and so is what it worked on.
    Gone(SignedDuration),
}

/// What happened between two looks, oldest first. `now` is the time of the second: at it the first look's
/// operations went of which the second shows nothing.
pub(super) fn changes(before: &Histories, after: &Histories, now: Timestamp) -> Vec<Change> {
    let mut changes = Vec::new();
    for (path, operations) in after {
        let known = before.get(path).map_or(&[][..], Vec::as_slice);
        for operation in operations {
            let known = known.iter().find(|known| known.id == operation.id);
            of_operation(known, operation, &mut changes);
        }
    }
    for (path, operations) in before {
        let is_there = |id| {
            let after = after.get(path).into_iter().flatten();
            after.into_iter().any(|operation| operation.id == id)
        };
        let went = operations
            .iter()
            .filter(|operation| !is_over(&operation.state) && !is_there(operation.id));
        for operation in went {
            let took = between(operation.started, now);
            let what = if after.contains_key(path) {
                // A journal is begun anew only after a success.
                What::Ended(Ending::Succeeded, took)
            } else {
                What::Gone(took)
            };
            changes.push(change(operation, now, what));
        }
    }
    changes.sort_by_key(|change| change.at);
    changes
}

fn change(operation: &OperationHistory, at: Timestamp, what: What) -> Change {
    Change {
        at,
        operation: operation.id,
        begun: operation.begun.clone(),
        what,
    }
}

fn of_operation(
    known: Option<&OperationHistory>,
    operation: &OperationHistory,
    changes: &mut Vec<Change>,
) {
    let mut add = |at, what| changes.push(change(operation, at, what));
    if known.is_none() {
        add(operation.started, What::Begun);
    }
    let foreseen = known.map_or(0, |known| known.foreseen.len());
    for (at, steps) in operation.foreseen.iter().skip(foreseen) {
        add(*at, What::StepsAhead(*steps));
    }
    for (position, step) in operation.steps.iter().enumerate() {
        let known = known.and_then(|known| known.steps.get(position));
        if known.is_none() {
            let what = What::StepBegun(step.step.clone(), step.direction);
            add(step.started, what);
        }
        if let Some((at, result)) = &step.ended
            && known.is_none_or(|known| known.ended.is_none())
        {
            let what = What::StepEnded {
                step: step.step.clone(),
                direction: step.direction,
                took: between(step.started, *at),
                result: result.clone(),
            };
            add(*at, what);
        }
    }
    let was_over = known.is_some_and(|known| is_over(&known.state));
    match &operation.state {
        _ if was_over => {}
        State::Ended(at, ending) => {
            let took = between(operation.started, *at);
            add(*at, What::Ended(ending.clone(), took));
        }
        State::Open(Process::Dead) => {
            let took = between(operation.started, operation.last);
            add(operation.last, What::FoundDead(took));
        }
        State::Open(Process::Living | Process::Elsewhere) => {}
    }
}

/// Whether nobody works on it any more.
pub(super) fn is_over(state: &State) -> bool {
    matches!(state, State::Ended(..) | State::Open(Process::Dead))
}
