//! What is to go wrong, with which call.

use serde::Deserialize;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// It is refused, without effect.
    Fail,
    /// The connection is closed, and it had no effect.
    Close,
    /// It is never answered, and had no effect.
    Hang,
    /// It has its effect, and then the connection is closed.
    Drop,
    /// It has its effect, and is never answered.
    Silence,
    /// It is answered, and the job that it began fails before it has done anything.
    FailJob,
    /// It is answered, and the job that it began fails after it has done all of it.
    FailJobAfter,
}

/// A fault as the control endpoint takes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// In whatever case; `*` is any.
    pub(crate) command: String,
    pub(crate) kind: Kind,
    /// The how manieth of the calls from now on.
    #[serde(default = "one")]
    pub(crate) call: u32,
    /// How many calls from that one on.
    #[serde(default = "one")]
    pub(crate) times: u32,
    #[serde(default = "internal_error")]
    pub(crate) code: u16,
    #[serde(default = "text")]
    pub(crate) text: String,
}

fn one() -> u32 {
    1
}

fn internal_error() -> u16 {
    530
}

fn text() -> String {
    "Internal error executing command, please contact your system administrator".to_owned()
}

/// Those that wait for their call.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn arm(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn disarm_all(&mut self) {
        self.0.clear();
    }

    pub(crate) fn waiting(&self) -> usize {
        self.0.len()
    }

    /// The one that befalls this call of a command.
    pub(crate) fn at(&mut self, command: &str) -> Option<Fault> {
        let mut befalls = None;
        for fault in &mut self.0 {
            if fault.command != "*" && !fault.command.eq_ignore_ascii_case(command) {
                continue;
            }
            if fault.call > 1 {
                fault.call -= 1;
            } else if befalls.is_none() {
                fault.times = fault.times.saturating_sub(1);
                befalls = Some(fault.clone());
            }
        }
        self.0.retain(|fault| fault.times > 0);
        befalls
    }
}
