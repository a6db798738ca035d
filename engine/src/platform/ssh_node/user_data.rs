//! What a machine of a cloud is told when it is made: to let us in, and by which key it is to be known. No more.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey};
use serde_json::json;

use super::Hosts;
use crate::model::Secret;
use crate::platform::{PlatformError, Retry};

/// A key by which a machine is known.
pub(in crate::platform) struct NewHostKey {
    /// `ssh-ed25519 AAAA…`
    pub(in crate::platform) public: String,
    private: Secret<String>,
}

impl NewHostKey {
    /// A key of its own for a machine.
    pub(in crate::platform) fn new() -> Result<Self, PlatformError> {
        let failed = |error: russh::keys::ssh_key::Error| PlatformError::Refused {
            what: "make a machine's host key".to_owned(),
            reason: error.to_string(),
            help: None,
            retry: Retry::Never,
        };
        let mut random = russh::keys::key::safe_rng();
        let key = PrivateKey::random(&mut random, Algorithm::Ed25519).map_err(failed)?;
        let private = key.to_openssh(LineEnding::LF).map_err(failed)?;
        Ok(Self {
            public: key.public_key().to_openssh().map_err(failed)?,
            private: Secret::new(private.to_string()),
        })
    }
}

impl Hosts {
    /// The user data of a machine, as clouds take it. JSON is YAML.
    pub(in crate::platform) fn user_data(&self, host_key: &NewHostKey) -> String {
        let (user, keys) = (self.user(), self.public_keys());
        let mut users = vec![json!("default")];
        users.push(if user == "root" {
            json!({ "name": user, "ssh_authorized_keys": keys })
        } else {
            json!({
                "name": user,
                "shell": "/bin/bash",
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "lock_passwd": true,
                "ssh_authorized_keys": keys,
            })
        });
        let told = json!({
            "users": users,
            "disable_root": user != "root",
            // A node's name is set with its service.
            "preserve_hostname": true,
            "ssh_deletekeys": true,
            "ssh_keys": {
                "ed25519_private": host_key.private.expose(),
                "ed25519_public": host_key.public,
            },
        });
        STANDARD.encode(format!("#cloud-config\n{told}\n"))
    }
}
