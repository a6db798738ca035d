//! Operations as their journals tell of them: which steps, how long each took, how they ended. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;

use coe_engine::model::OperationId;
use coe_engine::operation::StepProgress;
use coe_engine::saga::journal::{
    Direction, Ending, Entry, JournalLook, OperationBegun, Process, Record, StepRecord,
};
use jiff::Timestamp;

/// How it stands with an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It has not ended.
    Open(Process),
    /// It has.
    Ended(Timestamp, Ending),
}

/// A step of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StepHistory {
    pub(super) step: StepRecord,
    pub(super) direction: Direction,
    pub(super) started: Timestamp,
    /// When it ended, and why it failed if it did.
    pub(super) ended: Option<(Timestamp, Result<(), String>)>,
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OperationHistory {
    pub(super) id: OperationId,
    pub(super) begun: OperationBegun,
    pub(super) started: Timestamp,
    /// When it was known that so many more steps are ahead.
    pub(super) foreseen: Vec<(Timestamp, usize)>,
    pub(super) steps: Vec<StepHistory>,
    pub(super) state: State,
    /// The last that was heard of it.
    pub(super) last: Timestamp,
}

/// The operations of each journal.
pub(super) type Histories = BTreeMap<PathBuf, Vec<OperationHistory>>;

/// The operations of a journal, oldest first.
pub(super) fn operations(look: &JournalLook) -> Vec<OperationHistory> {
    let mut operations: Vec<OperationHistory> = Vec::new();
    for record in look.records.iter() {
        if let Entry::OperationBegun(begun) = &record.entry {
            let process = look.unended.get(&record.operation).copied();
            operations.push(OperationHistory {
                id: record.operation,
                begun: begun.clone(),
                started: record.at,
                foreseen: Vec::new(),
                steps: Vec::new(),
                // What the look took for ended has its end further on.
                state: State::Open(process.unwrap_or(Process::Dead)),
                last: record.at,
            });
        }
        let of = operations
            .iter_mut()
            .find(|operation| operation.id == record.operation);
        if let Some(operation) = of {
            operation.add(record);
        }
    }
    operations
}

impl OperationHistory {
    fn add(&mut self, record: &Record) {
        let at = record.at;
        match &record.entry {
            Entry::OperationBegun(_) => {}
            Entry::StepsAhead { steps } => self.foreseen.push((at, *steps)),
            Entry::Step {
                direction,
                step,
                progress,
            } => self.add_step(at, *direction, step, progress),
            Entry::OperationEnded(Ending::Died) => {
                // It is noted by the next operation, which says nothing of when it happened.
                self.state = State::Ended(self.last, Ending::Died);
                return;
            }
            Entry::OperationEnded(ending) => self.state = State::Ended(at, ending.clone()),
        }
        self.last = at;
    }

    fn add_step(
        &mut self,
        at: Timestamp,
        direction: Direction,
        step: &StepRecord,
        progress: &StepProgress,
    ) {
        let result = match progress {
            StepProgress::Started => None,
            // It is told as it happens and not remembered: the step goes on.
            StepProgress::Retried { .. } => return,
            StepProgress::Finished => Some(Ok(())),
            StepProgress::Failed { error } => Some(Err(error.clone())),
        };
        let open = self.steps.iter_mut().rev().find(|known| {
            known.ended.is_none() && known.direction == direction && known.step == *step
        });
        match (open, result) {
            (Some(open), Some(result)) => open.ended = Some((at, result)),
            // One that ends without a beginning could not even be begun.
            (_, result) => self.steps.push(StepHistory {
                step: step.clone(),
                direction,
                started: at,
                ended: result.map(|result| (at, result)),
            }),
        }
    }

    /// Whether it is taking back what it has done.
    pub(super) fn is_undoing(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| step.direction == Direction::Undo)
    }

    /// How many steps are done, and how many there are as far as is known. While it takes back, of those that it
    /// takes back.
    pub(super) fn progress(&self) -> (usize, usize) {
        let done = |direction| {
            let steps = self.steps.iter();
            steps
                .filter(|step| step.direction == direction && step.ended.is_some())
                .count()
        };
        if self.is_undoing() {
            let before = self.steps.iter();
            let started = before
                .take_while(|step| step.direction == Direction::Do)
                .count();
            return (done(Direction::Undo), started);
        }
        let foreseen: usize = self.foreseen.iter().map(|(_, steps)| steps).sum();
        (done(Direction::Do), foreseen.max(self.steps.len()))
    }

    /// Whether it is one of a cluster of that name or id.
    pub(super) fn is_of(&self, cluster: &str) -> bool {
        self.begun.name.as_str() == cluster || self.begun.cluster.to_string() == cluster
    }
}
