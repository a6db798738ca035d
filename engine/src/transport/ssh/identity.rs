//! What a user logs in with.

use std::path::PathBuf;
use std::sync::Arc;

use russh::keys::PrivateKey;

use crate::model::Secret;

/// Keys, and an agent that has some.
#[derive(Default)]
pub struct Identities {
    pub(super) keys: Vec<Arc<PrivateKey>>,
    /// The agent's socket.
    pub(super) agent: Option<PathBuf>,
}

/// A private key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKey {
    /// It is encrypted, and nobody gave its passphrase.
    #[error("the private key is encrypted; give its passphrase")]
    Encrypted,
    /// It cannot be read, or not with this passphrase.
    #[error("the private key cannot be read: {0}")]
    Unreadable(String),
}

impl Identities {
    /// Nothing but the agent at that socket, if there is one.
    pub fn of_agent(socket: Option<PathBuf>) -> Self {
        Self {
            keys: Vec::new(),
            agent: socket,
        }
    }

    /// The public keys of the private keys, as an SSH server is told to let them in.
    pub(crate) fn public_keys(&self) -> Vec<String> {
        let keys = self.keys.iter();
        keys.filter_map(|key| key.public_key().to_openssh().ok())
            .collect()
    }

    /// These and a private key, in OpenSSH's or PEM form, with its passphrase where it is encrypted.
    pub fn with_key(
        mut self,
        key: &Secret<String>,
        passphrase: Option<&Secret<String>>,
    ) -> Result<Self, InvalidKey> {
        let passphrase = passphrase.map(|passphrase| passphrase.expose().as_str());
        let key = russh::keys::decode_secret_key(key.expose(), passphrase);
        let key = key.map_err(|error| match error {
            russh::keys::Error::KeyIsEncrypted => InvalidKey::Encrypted,
            other => InvalidKey::Unreadable(other.to_string()),
        })?;
        self.keys.push(Arc::new(key));
        Ok(self)
    }
}
