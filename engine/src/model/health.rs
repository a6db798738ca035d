//! How well a cluster does.

use serde::{Deserialize, Serialize};

/// How well a cluster does; apart from its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Health {
    /// Every node is a ready member.
    Healthy,
    /// It works, and a node does not.
    Degraded,
    /// It does not work: too few of its control planes run, or they answer that they cannot serve.
    Unhealthy,
    /// It could not be asked: it is stopped, or its machines run and none of its control planes answers. Never
    /// drops anything from state.
    Unknown,
}

impl Health {
    /// As a person reads it: `HEALTHY`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "HEALTHY",
            Self::Degraded => "DEGRADED",
            Self::Unhealthy => "UNHEALTHY",
            Self::Unknown => "UNKNOWN",
        }
    }
}
