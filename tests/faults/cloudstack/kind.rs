//! What goes wrong at a call to a cloud.

use std::fmt;

use coe_tests::await_condition;
use coe_tests::cloudstack::Cloud;
use coe_tests::process::{Signal, provider_of, send};
use serde_json::{Value, json};

use super::place::Place;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Refused,
    Closed,
    ReplyLost,
    JobFails,
    JobFailsAfterAll,
    KilledBefore,
    KilledAfter,
    Restart,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::Refused,
        Self::Closed,
        Self::ReplyLost,
        Self::JobFails,
        Self::JobFailsAfterAll,
        Self::KilledBefore,
        Self::KilledAfter,
        Self::Restart,
    ];

    /// Whether a call of that place can go wrong so.
    pub(crate) fn befalls(self, place: &Place) -> bool {
        match self {
            Self::JobFails | Self::JobFailsAfterAll => place.begins_job(),
            // What changes nothing is the same before and after.
            Self::ReplyLost | Self::KilledAfter => !place.is_read(),
            Self::Refused | Self::Closed | Self::KilledBefore | Self::Restart => true,
        }
    }

    /// The fault as the cloud is told of it.
    pub(crate) fn fault(self, place: &Place) -> Value {
        let kind = match self {
            Self::Refused => "fail",
            Self::Closed | Self::Restart => "close",
            Self::ReplyLost => "drop",
            Self::JobFails => "fail_job",
            Self::JobFailsAfterAll => "fail_job_after",
            Self::KilledBefore => "hang",
            Self::KilledAfter => "silence",
        };
        json!({ "command": place.command, "call": place.nth, "kind": kind })
    }

    /// What is done beside it while terraform runs, once the call is there. `has_ended`: terraform's run.
    pub(crate) fn meanwhile(
        self,
        cloud: &Cloud,
        terraform: u32,
        mut has_ended: impl FnMut() -> bool,
    ) {
        if !matches!(self, Self::KilledBefore | Self::KilledAfter | Self::Restart) {
            return;
        }
        let mut is_there = false;
        while !is_there && !has_ended() {
            is_there = cloud.state()["faults_waiting"] == 0;
        }
        if !is_there {
            return;
        }
        if self == Self::Restart {
            cloud.set(&json!({ "restart": { "seconds": 2.0 } }));
            return;
        }
        // Of the several that a terraform starts, one after the other, one is there when a call is.
        await_condition("a provider is there", || {
            provider_of(terraform).is_some_and(|provider| {
                send(Signal::Kill, provider);
                true
            }) || has_ended()
        });
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Refused => "refused with 530",
            Self::Closed => "connection cut before the effect",
            Self::ReplyLost => "effect, reply lost",
            Self::JobFails => "job fails before the effect",
            Self::JobFailsAfterAll => "effect, job fails",
            Self::KilledBefore => "SIGKILL of the provider before the effect",
            Self::KilledAfter => "effect, SIGKILL of the provider",
            Self::Restart => "management server restarts",
        })
    }
}
