//! What `gc` prints. Pure: what it knows of the time is given.

use std::fmt::Write as _;
use std::time::Duration;

use coe_engine::engine::{Fate, Leftover, Over, Spared};
use coe_engine::model::{ObservedCluster, OperationId};
use jiff::{SignedDuration, Timestamp};

use crate::commands::span::{between, rough};
use crate::diagnostics::sentence;

/// Who says whether what is listed is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// It is not: it is a dry run.
    DryRun,
    /// Nobody, because nobody can be asked.
    NobodyToAsk,
    /// The person at the terminal.
    Asked,
    /// The command line has said yes.
    Answered,
}

/// What was found.
pub(super) struct Listing {
    now: Timestamp,
    older_than: SignedDuration,
    /// What may go.
    pub(super) garbage: Vec<Leftover>,
    /// What may go and is too young.
    young: Vec<Leftover>,
    /// What somebody may work on.
    spared: Vec<Leftover>,
}

impl Listing {
    /// Sorts what was found; of what `ended` names, only that.
    pub(super) fn of(
        found: Vec<Leftover>,
        ended: Option<OperationId>,
        older_than: Duration,
        now: Timestamp,
    ) -> Self {
        let older_than = SignedDuration::try_from(older_than).unwrap_or(SignedDuration::MAX);
        let mut listing = Self {
            now,
            older_than,
            garbage: Vec::new(),
            young: Vec::new(),
            spared: Vec::new(),
        };
        for leftover in found {
            let operation = leftover.observed.owner.operation;
            if ended.is_some_and(|ended| ended != operation) {
                continue;
            }
            let into = match leftover.fate {
                Fate::Spared(_) => &mut listing.spared,
                Fate::Over(_) if between(begun(&leftover), now) < older_than => &mut listing.young,
                Fate::Over(_) => &mut listing.garbage,
            };
            into.push(leftover);
        }
        listing
    }

    /// Whether nothing was found at all.
    pub(super) fn is_empty(&self) -> bool {
        [&self.garbage, &self.young, &self.spared]
            .iter()
            .all(|found| found.is_empty())
    }

    /// The list, and what is done with it.
    pub(super) fn render(&self, place: &str, question: Question) -> String {
        let mut text = if self.garbage.is_empty() {
            format!("Nothing to remove on {place}.\n")
        } else {
            format!("Left by creates that came to no end, on {place}:\n")
        };
        self.describe(&self.garbage, &mut text);
        if !self.young.is_empty() {
            let _ = write!(
                text,
                "\nLeft alone, because it is not older than {}:\n",
                rough(self.older_than)
            );
            self.describe(&self.young, &mut text);
        }
        if !self.spared.is_empty() {
            text.push_str("\nNot touched, because somebody may be at work on it:\n");
            self.describe(&self.spared, &mut text);
        }
        if !self.garbage.is_empty() {
            text.push_str(match question {
                Question::DryRun => "\nA dry run: nothing was removed.\n",
                Question::NobodyToAsk => {
                    "\nNothing was removed, because nobody can be asked here: --yes removes it.\n"
                }
                Question::Asked => "\nRemove it? Only \"yes\" removes it: ",
                Question::Answered => "\n",
            });
        }
        text
    }

    fn describe(&self, leftovers: &[Leftover], text: &mut String) {
        for leftover in leftovers {
            let owner = &leftover.observed.owner;
            let _ = write!(
                text,
                "\n  {}  {}\n    cluster id  {}\n    operation   {}, {}\n    {}\n",
                owner.cluster_name,
                size(&leftover.observed),
                leftover.observed.id,
                owner.operation,
                self.age(leftover),
                self.reason(leftover)
            );
        }
    }

    fn age(&self, leftover: &Leftover) -> String {
        match leftover.begun {
            Some(begun) => format!("begun {} ago", rough(between(begun, self.now))),
            None => "begun at a time that is not known".to_owned(),
        }
    }

    fn reason(&self, leftover: &Leftover) -> String {
        let deadline = leftover.observed.owner.deadline;
        match &leftover.fate {
            Fate::Over(Over::TimeUp) => {
                format!("its time was up {} ago", rough(between(deadline, self.now)))
            }
            Fate::Over(Over::ProcessDied) => "its process died on this machine".to_owned(),
            Fate::Over(Over::Said) => format!(
                "it has until {deadline:.0}, and you say that its process is gone: if it is not, it will make more"
            ),
            Fate::Spared(Spared::AtWork(Some(running))) => format!(
                "process {} of this machine is at work on it, and has until {:.0}",
                running.begun.process, running.begun.deadline
            ),
            Fate::Spared(Spared::AtWork(None)) => {
                "a process of this machine has just begun to work on it".to_owned()
            }
            Fate::Spared(Spared::MayLive) => format!(
                "it has until {deadline:.0}, and nothing on this machine tells whether its process lives.\n    Where \
                 you know that it is gone, this removes it before: --ended {}",
                leftover.observed.owner.operation
            ),
            Fate::Spared(Spared::NotKnown(error)) => sentence(error),
        }
    }
}

/// When it began. Where nothing tells, the end of its time: it was begun before that.
fn begun(leftover: &Leftover) -> Timestamp {
    leftover.begun.unwrap_or(leftover.observed.owner.deadline)
}

fn size(observed: &ObservedCluster) -> String {
    let volumes: usize = observed.volumes.values().map(Vec::len).sum();
    let networks = usize::from(
        observed
            .network
            .as_ref()
            .is_some_and(|network| network.owned),
    );
    let records = usize::from(observed.record.is_some());
    let counted = [
        (observed.machines.len(), "machine"),
        (volumes, "volume"),
        (networks, "network"),
        (records, "record"),
    ];
    let parts = counted
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| match count {
            1 => format!("1 {what}"),
            count => format!("{count} {what}s"),
        });
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() {
        // What a platform makes on its way to a machine, and does not count.
        return "a part of something".to_owned();
    }
    parts.join(", ")
}

/// What is said of an operation that has left nothing.
pub(super) fn unknown(ended: OperationId, place: &str) -> String {
    format!(
        "no unfinished create on {place} is of operation {ended}; gc without --ended lists those that are there"
    )
}

/// What came of it.
pub(super) fn end(removed: usize, failed: usize) -> String {
    let clusters = |count| match count {
        1 => "1 cluster".to_owned(),
        count => format!("{count} clusters"),
    };
    match failed {
        0 => format!("Removed what was left of {}.\n", clusters(removed)),
        _ => format!(
            "Removed what was left of {}, and not of {}.\n",
            clusters(removed),
            clusters(failed)
        ),
    }
}

#[cfg(test)]
mod tests;
