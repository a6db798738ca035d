//! What `gc` prints. Pure: what it knows of the time is given.

use std::fmt::Write as _;
use std::time::Duration;

use coe_engine::engine::{Fate, Held, Leftover, Over, Spared};
use coe_engine::model::{ObservedCluster, OperationId, Owner};
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

/// What an operation that came to no end has left.
pub(super) trait Left {
    /// The operation, its cluster, and until when it may work.
    fn owner(&self) -> &Owner;
    /// When it began, if anything tells.
    fn begun(&self) -> Option<Timestamp>;
    fn fate(&self) -> &Fate;
    /// What it is.
    fn what(&self) -> String;
    /// What it means where the process lives, against what somebody says.
    const IF_IT_LIVES: &str;
    /// What is done with it.
    const DONE: &str;
}

impl Left for Leftover {
    fn owner(&self) -> &Owner {
        &self.observed.owner
    }

    fn begun(&self) -> Option<Timestamp> {
        self.begun
    }

    fn fate(&self) -> &Fate {
        &self.fate
    }

    fn what(&self) -> String {
        size(&self.observed)
    }

    const IF_IT_LIVES: &str = "it will make more";
    const DONE: &str = "removes";
}

impl Left for Held {
    fn owner(&self) -> &Owner {
        &self.holder
    }

    fn begun(&self) -> Option<Timestamp> {
        self.holder.operation.began()
    }

    fn fate(&self) -> &Fate {
        &self.fate
    }

    fn what(&self) -> String {
        "a claim, which keeps others from changing it".to_owned()
    }

    const IF_IT_LIVES: &str = "two will change it at once";
    const DONE: &str = "ends";
}

/// What was found of one kind.
pub(super) struct Sorted<L> {
    /// What may go.
    pub(super) over: Vec<L>,
    /// What may go and is too young.
    young: Vec<L>,
    /// What somebody may work on.
    spared: Vec<L>,
}

impl<L: Left> Sorted<L> {
    fn of(
        found: Vec<L>,
        ended: Option<OperationId>,
        older_than: SignedDuration,
        now: Timestamp,
    ) -> Self {
        let mut sorted = Self {
            over: Vec::new(),
            young: Vec::new(),
            spared: Vec::new(),
        };
        for left in found {
            if ended.is_some_and(|ended| ended != left.owner().operation) {
                continue;
            }
            let into = match left.fate() {
                Fate::Spared(_) => &mut sorted.spared,
                Fate::Over(_) if between(begun(&left), now) < older_than => &mut sorted.young,
                Fate::Over(_) => &mut sorted.over,
            };
            into.push(left);
        }
        sorted
    }

    fn is_empty(&self) -> bool {
        self.over.is_empty() && self.young.is_empty() && self.spared.is_empty()
    }
}

/// What was found.
pub(super) struct Listing {
    now: Timestamp,
    older_than: SignedDuration,
    pub(super) leftovers: Sorted<Leftover>,
    pub(super) claims: Sorted<Held>,
}

impl Listing {
    /// Sorts what was found; of what `ended` names, only that.
    pub(super) fn of(
        leftovers: Vec<Leftover>,
        claims: Vec<Held>,
        ended: Option<OperationId>,
        older_than: Duration,
        now: Timestamp,
    ) -> Self {
        let older_than = SignedDuration::try_from(older_than).unwrap_or(SignedDuration::MAX);
        Self {
            now,
            older_than,
            leftovers: Sorted::of(leftovers, ended, older_than, now),
            claims: Sorted::of(claims, ended, older_than, now),
        }
    }

    /// Whether nothing was found at all.
    pub(super) fn is_empty(&self) -> bool {
        self.leftovers.is_empty() && self.claims.is_empty()
    }

    /// Whether nothing was found that may go.
    pub(super) fn has_nothing_to_do(&self) -> bool {
        self.leftovers.over.is_empty() && self.claims.over.is_empty()
    }

    /// The list, and what is done with it.
    pub(super) fn render(&self, place: &str, question: Question) -> String {
        let Self {
            leftovers, claims, ..
        } = self;
        let mut text = String::new();
        if self.has_nothing_to_do() {
            let _ = writeln!(text, "Nothing to remove on {place}.");
        }
        if !leftovers.over.is_empty() {
            let _ = writeln!(text, "Left by creates that came to no end, on {place}:");
            self.describe(&leftovers.over, &mut text);
        }
        if !claims.over.is_empty() {
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(
                text,
                "{gap}Claims of operations that came to no end, on {place}:"
            );
            self.describe(&claims.over, &mut text);
        }
        if !(leftovers.young.is_empty() && claims.young.is_empty()) {
            let _ = write!(
                text,
                "\nLeft alone, because it is not older than {}:\n",
                rough(self.older_than)
            );
            self.describe(&leftovers.young, &mut text);
            self.describe(&claims.young, &mut text);
        }
        if !(leftovers.spared.is_empty() && claims.spared.is_empty()) {
            text.push_str("\nNot touched, because somebody may be at work on it:\n");
            self.describe(&leftovers.spared, &mut text);
            self.describe(&claims.spared, &mut text);
        }
        if !self.has_nothing_to_do() {
            text.push_str(match question {
                Question::DryRun => "\nA dry run: nothing was removed.\n",
                Question::NobodyToAsk => {
                    "\nNothing was removed, because nobody can be asked here: --yes removes it.\n"
                }
                Question::Asked if leftovers.over.is_empty() => {
                    "\nEnd the claim and leave the cluster as it is? Only \"yes\" ends it: "
                }
                Question::Asked => "\nRemove it? Only \"yes\" removes it: ",
                Question::Answered => "\n",
            });
        }
        text
    }

    fn describe<L: Left>(&self, found: &[L], text: &mut String) {
        for left in found {
            let owner = left.owner();
            let _ = write!(
                text,
                "\n  {}  {}\n    cluster id  {}\n    operation   {}, {}\n    {}\n",
                owner.cluster_name,
                left.what(),
                owner.cluster,
                owner.operation,
                self.age(left.begun()),
                self.reason(left)
            );
        }
    }

    fn age(&self, begun: Option<Timestamp>) -> String {
        match begun {
            Some(begun) => format!("begun {} ago", rough(between(begun, self.now))),
            None => "begun at a time that is not known".to_owned(),
        }
    }

    fn reason<L: Left>(&self, left: &L) -> String {
        let Owner {
            deadline,
            operation,
            ..
        } = left.owner();
        match left.fate() {
            Fate::Over(Over::TimeUp) => {
                format!(
                    "its time was up {} ago",
                    rough(between(*deadline, self.now))
                )
            }
            Fate::Over(Over::ProcessDied) => "its process died on this machine".to_owned(),
            Fate::Over(Over::Said) => format!(
                "it has until {deadline:.0}, and you say that its process is gone: if it is not, {}",
                L::IF_IT_LIVES
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
                 you know that it is gone, this {} it before: --ended {operation}",
                L::DONE
            ),
            Fate::Spared(Spared::NotKnown(error)) => sentence(error),
        }
    }
}

/// When it began. Where nothing tells, the end of its time: it was begun before that.
fn begun(left: &impl Left) -> Timestamp {
    left.begun().unwrap_or(left.owner().deadline)
}

fn size(observed: &ObservedCluster) -> String {
    let volumes: usize = observed.volumes.values().map(Vec::len).sum();
    let networks = usize::from(
        observed
            .network
            .as_ref()
            .is_some_and(|network| network.owned),
    );
    let balancers = usize::from(observed.balancer.is_some());
    let records = usize::from(observed.record.is_some());
    let counted = [
        (observed.machines.len(), "machine"),
        (volumes, "volume"),
        (balancers, "balancer"),
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
        "no unfinished create and no claim on {place} is of operation {ended}; gc without --ended lists those that \
         are there"
    )
}

/// What came of it.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    pub(super) done: usize,
    pub(super) failed: usize,
}

/// What came of all of it.
pub(super) fn end(leftovers: Tally, claims: Tally) -> String {
    let counted = |count, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let told = |tally: Tally, done: &str, not: &str, what: &str| {
        let of = counted(tally.done, what);
        match (tally.done, tally.failed) {
            (0, 0) => String::new(),
            (_, 0) => format!("{done} {of}.\n"),
            (_, failed) => format!("{done} {of}, and {not} {}.\n", counted(failed, what)),
        }
    };
    told(leftovers, "Removed what was left of", "not of", "cluster")
        + &told(claims, "Ended", "not", "claim")
}

#[cfg(test)]
mod tests;
