//! What goes wrong, and at which call.

use std::fmt;

/// How one call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    /// It is refused for good and has no effect.
    FailBefore,
    /// It has its effect and is told to have failed for good.
    FailAfter,
    /// It is refused for now and has no effect.
    Busy,
    /// It has its effect, and its answer is lost: asked again, it is asked twice.
    LostAnswer,
    /// The user interrupts the operation before the effect.
    CancelBefore,
    /// The user interrupts the operation after the effect, before the answer.
    CancelAfter,
    /// The process is killed before the effect.
    KillBefore,
    /// The process is killed after the effect, before the answer.
    KillAfter,
    /// It is carried out twice.
    Repeat,
    /// It takes longer than anybody waits, and has no effect until then.
    SlowBefore,
    /// It has its effect, and its answer takes longer than anybody waits.
    SlowAfter,
}

impl Harm {
    pub(crate) const ALL: [Self; 11] = [
        Self::FailBefore,
        Self::FailAfter,
        Self::Busy,
        Self::LostAnswer,
        Self::CancelBefore,
        Self::CancelAfter,
        Self::KillBefore,
        Self::KillAfter,
        Self::Repeat,
        Self::SlowBefore,
        Self::SlowAfter,
    ];

    /// Whether it is another one for a call that has an effect only.
    pub(crate) fn needs_effect(self) -> bool {
        matches!(
            self,
            Self::FailAfter
                | Self::LostAnswer
                | Self::CancelAfter
                | Self::KillAfter
                | Self::Repeat
                | Self::SlowAfter
        )
    }

    /// Whether it is another one where undo fails: a process that was killed undoes nothing.
    pub(crate) fn may_be_undone(self) -> bool {
        !matches!(self, Self::KillBefore | Self::KillAfter)
    }

    /// As it is written in a trial: `kill_after`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::FailBefore => "fail_before",
            Self::FailAfter => "fail_after",
            Self::Busy => "busy",
            Self::LostAnswer => "lost_answer",
            Self::CancelBefore => "cancel_before",
            Self::CancelAfter => "cancel_after",
            Self::KillBefore => "kill_before",
            Self::KillAfter => "kill_after",
            Self::Repeat => "repeat",
            Self::SlowBefore => "slow_before",
            Self::SlowAfter => "slow_after",
        }
    }
}

/// What goes wrong in the life of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// In which calls of its operation, counted from 1, and how.
    pub(crate) at: Vec<(usize, Harm)>,
    /// Whether nothing can be deleted from the first of them on.
    pub(crate) undo_fails: bool,
}

impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, harm) in &self.at {
            write!(formatter, "{position} {} ", harm.as_str())?;
        }
        formatter.write_str(if self.undo_fails {
            "undo_fails"
        } else {
            "undo_works"
        })
    }
}
