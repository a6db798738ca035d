//! What `watch` prints as text. Pure.

use std::fmt::Write as _;

use coe_engine::saga::journal::{Direction, Ending, Process};
use jiff::Timestamp;

use super::change::{Change, What};
use super::history::{OperationHistory, State, StepHistory};
use crate::commands::span::{between, exact};

/// An operation with all its steps.
pub(super) fn whole(operation: &OperationHistory, now: Timestamp) -> String {
    let mut text = summary(operation, now);
    text.push('\n');
    for step in &operation.steps {
        let took = match &step.ended {
            Some((at, _)) => exact(between(step.started, *at)),
            None => match operation.state {
                State::Open(Process::Living | Process::Elsewhere) => "running".to_owned(),
                State::Open(Process::Dead) | State::Ended(..) => "cut off".to_owned(),
            },
        };
        let _ = write!(text, "  {took:>12}  {}", title(step));
        if let Some((_, Err(error))) = &step.ended {
            let _ = write!(text, "\n                FAILED: {error}");
        }
        text.push('\n');
    }
    text
}

fn title(step: &StepHistory) -> String {
    titled(&step.step.title, step.direction)
}

pub(super) fn titled(title: &str, direction: Direction) -> String {
    match direction {
        Direction::Do => title.to_owned(),
        Direction::Undo => format!("undo: {title}"),
    }
}

/// An operation in one line, or more where it failed.
pub(super) fn summary(operation: &OperationHistory, now: Timestamp) -> String {
    let begun = &operation.begun;
    let (done, all) = operation.progress();
    let steps = format!("{done} of {all} steps");
    let state = match &operation.state {
        State::Ended(at, Ending::Succeeded) => format!(
            "succeeded in {}, {done} {}",
            exact(between(operation.started, *at)),
            if done == 1 { "step" } else { "steps" }
        ),
        State::Ended(at, Ending::Failed { error }) => {
            format!(
                "FAILED after {}: {error}",
                exact(between(operation.started, *at))
            )
        }
        State::Ended(at, Ending::Died) => died(operation, *at, &steps),
        State::Open(Process::Dead) => died(operation, operation.last, &steps),
        State::Open(Process::Living) => format!(
            "at work for {}, {}{steps}, process {}",
            exact(between(operation.started, now)),
            if operation.is_undoing() {
                "undoing, "
            } else {
                ""
            },
            begun.process
        ),
        State::Open(Process::Elsewhere) => format!(
            "{steps}, process {} of {}: whether it lives cannot be seen from here; it has until {:.0}",
            begun.process, begun.host, begun.deadline
        ),
    };
    format!(
        "{:.0}  {}  {}  {state}",
        operation.started, begun.name, begun.kind
    )
}

fn died(operation: &OperationHistory, at: Timestamp, steps: &str) -> String {
    format!(
        "DIED after {}, {steps}: process {} is gone",
        exact(between(operation.started, at)),
        operation.begun.process
    )
}

/// Something that happened, in one line.
pub(super) fn line(change: &Change) -> String {
    let begun = &change.begun;
    let what = match &change.what {
        What::Begun => format!(
            "begun by process {} of {}, has until {:.0}",
            begun.process, begun.host, begun.deadline
        ),
        What::StepsAhead(1) => "1 step ahead".to_owned(),
        What::StepsAhead(steps) => format!("{steps} steps ahead"),
        What::StepBegun(step, direction) => titled(&step.title, *direction),
        What::StepEnded {
            step,
            direction,
            took,
            result,
        } => {
            let title = titled(&step.title, *direction);
            match result {
                Ok(()) => format!("{title}: done in {}", exact(*took)),
                Err(error) => format!("{title}: FAILED after {}: {error}", exact(*took)),
            }
        }
        What::Ended(Ending::Succeeded, took) => format!("succeeded in {}", exact(*took)),
        What::Ended(Ending::Failed { error }, took) => {
            format!("FAILED after {}: {error}", exact(*took))
        }
        What::Ended(Ending::Died, took) | What::FoundDead(took) => format!(
            "DIED after {}: process {} is gone",
            exact(*took),
            begun.process
        ),
        What::Gone(took) => format!("over after {}: nothing of it is left", exact(*took)),
    };
    format!("{:.0}  {}  {}  {what}", change.at, begun.name, begun.kind)
}
