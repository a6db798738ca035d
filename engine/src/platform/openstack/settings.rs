//! Which cloud it is, who asks there, and what machines are made of.

use std::collections::BTreeMap;

use crate::model::Secret;
use crate::transport::ssh::{Identities, SshAddress};

/// A cloud, and how machines are made in it.
pub struct OpenStackSettings {
    /// Where Keystone is, with or without its version: `https://cloud:5000/v3`.
    pub auth_url: String,
    /// Who asks.
    pub authentication: Authentication,
    /// Which region of the catalogue; `None`: the only one.
    pub region: Option<String>,
    /// CAs that signed the cloud's certificates, PEM, beside those of the system.
    pub ca_certificate: Option<String>,
    /// What machines are made from where a cluster names nothing that the cloud has: an image's name or id.
    pub image: Option<String>,
    /// How large machines are where a cluster does not say: a flavor's name or id.
    pub flavor: Option<String>,
    /// The zone that machines are made in; `None`: the cloud chooses.
    pub availability_zone: Option<String>,
    /// A key pair of the user's that machines are given too.
    pub key_pair: Option<String>,
    /// The network that leads out: clusters' networks get a router to it.
    pub external_network: Option<String>,
    /// Who logs in on machines.
    pub user: String,
    /// What logs in on machines and bastions.
    pub identities: Identities,
    /// Through which servers machines are reached, the one that is reached from here first.
    pub bastions: Vec<SshAddress>,
    /// Which packages of a distribution bring a program, where it is not the usual one.
    pub packages: BTreeMap<String, Vec<String>>,
}

/// Who asks, and how that is shown.
#[derive(Clone)]
pub enum Authentication {
    /// A user with a password, in a project.
    Password {
        /// Who.
        user: NameOrId,
        /// The domain of a user that is named.
        user_domain: Option<NameOrId>,
        /// The password.
        password: Secret<String>,
        /// In which project.
        project: NameOrId,
        /// The domain of a project that is named.
        project_domain: Option<NameOrId>,
    },
    /// An application credential, which is of one project.
    ApplicationCredential {
        /// Which one.
        credential: NameOrId,
        /// Whose it is, where it is named.
        user: Option<NameOrId>,
        /// The domain of a user that is named.
        user_domain: Option<NameOrId>,
        /// Its secret.
        secret: Secret<String>,
    },
    /// A token that somebody else has got.
    Token {
        /// The token.
        token: Secret<String>,
        /// In which project; `None`: the token's.
        project: Option<NameOrId>,
        /// The domain of a project that is named.
        project_domain: Option<NameOrId>,
    },
}

/// How something of Keystone's is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameOrId {
    /// By its name.
    Name(String),
    /// By its id.
    Id(String),
}

impl Authentication {
    /// Whose objects are seen: a word that tells projects of one cloud apart.
    pub(super) fn whose(&self) -> String {
        match self {
            Self::Password {
                project,
                project_domain,
                ..
            } => format!("{project}{}", of_domain(project_domain.as_ref())),
            Self::ApplicationCredential { credential, .. } => format!("credential {credential}"),
            Self::Token {
                project,
                project_domain,
                ..
            } => project.as_ref().map_or_else(
                || "the token's project".to_owned(),
                |project| format!("{project}{}", of_domain(project_domain.as_ref())),
            ),
        }
    }
}

fn of_domain(domain: Option<&NameOrId>) -> String {
    domain.map_or_else(String::new, |domain| format!("@{domain}"))
}

impl std::fmt::Display for NameOrId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Name(text) | Self::Id(text)) = self;
        formatter.write_str(text)
    }
}
