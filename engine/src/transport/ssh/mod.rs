//! Nodes that are reached over SSH: one connection a machine, with as many channels as there are commands.
//!
//! A machine is known by its host key, which is given and never learnt: one that shows another key, or whose key
//! was not given, is an error that says which key it showed.

mod connection;
mod error;
mod exec;
mod identity;
mod quote;

use std::sync::Arc;

use russh::keys::PublicKey;
use tokio::sync::{Mutex, Semaphore};

pub use self::error::{SshError, SshErrorKind};
pub(crate) use self::exec::SshExec;
pub use self::identity::{Identities, InvalidKey};
pub(crate) use self::quote::quoted;

/// Where an SSH server listens, who logs in there, and by what it is known.
#[derive(Clone)]
pub struct SshAddress {
    /// A name or an address.
    pub host: String,
    /// 22, mostly.
    pub port: u16,
    /// Who logs in. Anybody but `root` has to become root by `sudo` without a password.
    pub user: String,
    /// By what it is known; `None`: nobody said, and it is not spoken to.
    pub host_key: Option<HostKey>,
}

/// The public key of an SSH server.
#[derive(Clone, PartialEq, Eq)]
pub struct HostKey(PublicKey);

/// A text that is no public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is not a host key: one is \"ssh-ed25519 AAAA…\", as in /etc/ssh/ssh_host_ed25519_key.pub: {0}"
)]
pub struct InvalidHostKey(String);

impl std::str::FromStr for HostKey {
    type Err = InvalidHostKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        PublicKey::from_openssh(text.trim())
            .map(Self)
            .map_err(|error| InvalidHostKey(error.to_string()))
    }
}

/// One SSH server. Clones of the `Arc` share its connection, which is made at the first command, and made again
/// after it was lost.
pub struct SshHost {
    address: SshAddress,
    identities: Arc<Identities>,
    /// The server through which it is reached.
    via: Option<Arc<SshHost>>,
    link: Mutex<connection::Link>,
    /// A server gives a connection a number of channels for commands (sshd: `MaxSessions`, 10).
    commands: Semaphore,
}

/// Fewer than `MaxSessions` of an sshd that nobody has configured.
const MOST_COMMANDS: usize = 8;

impl SshHost {
    /// A server that is reached from here, or through another. No I/O.
    pub fn new(
        address: SshAddress,
        identities: Arc<Identities>,
        via: Option<Arc<SshHost>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            address,
            identities,
            via,
            link: Mutex::default(),
            commands: Semaphore::new(MOST_COMMANDS),
        })
    }

    /// As a person writes it: `admin@machine:22`.
    pub fn location(&self) -> String {
        let SshAddress {
            host, port, user, ..
        } = &self.address;
        if host.contains(':') {
            format!("{user}@[{host}]:{port}")
        } else {
            format!("{user}@{host}:{port}")
        }
    }
}
