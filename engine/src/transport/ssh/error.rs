//! Why a machine could not be reached over SSH.

use std::time::Duration;

use crate::platform::Retry;

/// A machine that could not be spoken to.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{location}: {kind}")]
pub struct SshError {
    /// Which: `admin@machine:22`.
    pub location: String,
    /// Why.
    pub kind: SshErrorKind,
}

/// Why a machine could not be spoken to.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SshErrorKind {
    /// Nobody said by which key the machine is known.
    #[error(
        "nobody said by which key it is known. It shows {fingerprint}; if that is right, give it as `host_key = \"{line}\"`"
    )]
    UnknownHostKey {
        /// `SHA256:…`.
        fingerprint: String,
        /// What to write.
        line: String,
    },
    /// The machine shows another key than the one by which it is known.
    #[error(
        "it shows another host key ({fingerprint}) than the one by which it is known ({known}): it is another machine, was \
         installed anew, or somebody stands between. If that is right, give it as `host_key = \"{line}\"`"
    )]
    OtherHostKey {
        /// The one by which it is known.
        known: String,
        /// The one that it shows.
        fingerprint: String,
        /// What to write.
        line: String,
    },
    /// It was reached, and let nobody in.
    #[error(
        "it lets {user} in by none of: {tried}. Add the public key to ~{user}/.ssh/authorized_keys there"
    )]
    Refused {
        /// Who tried.
        user: String,
        /// By what.
        tried: String,
    },
    /// There is nothing to log in with.
    #[error(
        "there is no key to log in with: give a private key, or start an agent (SSH_AUTH_SOCK)"
    )]
    NoKey,
    /// The server through which it is reached failed.
    #[error("it is reached through {via}, which failed: {why}")]
    Via {
        /// Which.
        via: String,
        /// Why.
        why: Box<SshError>,
    },
    /// It did not answer in time.
    #[error("{what}: nothing came of it within {seconds} s")]
    Silent {
        /// What was tried.
        what: &'static str,
        /// How long.
        seconds: u64,
    },
    /// It refused, or did not answer as an SSH server does.
    #[error("{what}: {reason}")]
    Connection {
        /// What was tried.
        what: &'static str,
        /// What came back.
        reason: String,
    },
}

impl SshErrorKind {
    pub(super) fn connection(what: &'static str, error: &russh::Error) -> Self {
        Self::Connection {
            what,
            reason: error.to_string(),
        }
    }

    pub(super) fn silent(what: &'static str, waited: Duration) -> Self {
        let seconds = waited.as_secs();
        Self::Silent { what, seconds }
    }

    /// Whether the same machine may be reached later.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Via { why, .. } => why.kind.retry(),
            Self::Silent { .. } | Self::Connection { .. } => Retry::Later,
            Self::UnknownHostKey { .. }
            | Self::OtherHostKey { .. }
            | Self::Refused { .. }
            | Self::NoKey => Retry::Never,
        }
    }
}
