//! Names and ids, each a type of its own.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Role;

/// The identity of a cluster, in a label of every object that it owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClusterId(Uuid);

/// The identity of one run of create, update or delete, in a label of every object that it made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationId(Uuid);

impl ClusterId {
    /// A new one, at random.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(Uuid::new_v4())
    }
}

impl OperationId {
    /// The id of an operation that begins now (RFC 9562, 5.7: it tells when).
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// When the operation began, if its id tells.
    pub fn began(self) -> Option<Timestamp> {
        let (seconds, nanoseconds) = self.0.get_timestamp()?.to_unix();
        let nanoseconds = i32::try_from(nanoseconds).ok()?;
        Timestamp::new(i64::try_from(seconds).ok()?, nanoseconds).ok()
    }
}

macro_rules! uuid_newtype {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }
    };
}

uuid_newtype!(ClusterId);
uuid_newtype!(OperationId);

/// The name of a cluster: `^[a-zA-Z][a-zA-Z0-9_.-]*$`, at most 63 characters, because platforms make
/// host names of it. Unique within what one platform configuration reaches.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterName(String);

/// The name of a node, unique in its platform: `<cluster>-control-plane-1`, `<cluster>-worker-1`, or
/// what the user called it. The same rules as for a [`ClusterName`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeName(String);

/// The name of a group of nodes beside a cluster's pool, unique in its cluster: its nodes are named after both,
/// `<cluster>-<group>-1`. The same rules as for a [`ClusterName`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupName(String);

/// A name that breaks the rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Longer than 63 characters.
    #[error(
        "{name:?} has {length} characters; a name has at most 63, because host names are made of it"
    )]
    TooLong {
        /// The name as given.
        name: String,
        /// Its length in characters.
        length: usize,
    },
    /// Empty, or with a character that may not stand there.
    #[error(
        "{0:?} is not a name: it begins with a letter and goes on with letters, digits, `_`, `.` and `-`"
    )]
    Pattern(String),
}

const LONGEST_NAME: usize = 63;

fn check_name(name: &str) -> Result<(), InvalidName> {
    let mut characters = name.chars();
    let begins_well = characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic());
    let goes_on_well = characters
        .all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-'));
    if !begins_well || !goes_on_well {
        return Err(InvalidName::Pattern(name.to_owned()));
    }
    if name.len() > LONGEST_NAME {
        return Err(InvalidName::TooLong {
            name: name.to_owned(),
            length: name.len(),
        });
    }
    Ok(())
}

macro_rules! checked_name {
    ($name:ident) => {
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                check_name(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

checked_name!(ClusterName);
checked_name!(NodeName);
checked_name!(GroupName);

impl ClusterName {
    /// The name of the cluster's own node number `ordinal`, from 1: `demo-worker-2`.
    ///
    /// A cluster's name leaves room for it: see the check of the spec.
    pub fn node(&self, role: Role, ordinal: u32) -> Result<NodeName, InvalidName> {
        format!("{self}-{}-{ordinal}", name_of_pool(role)).parse()
    }

    /// The name of node number `ordinal`, from 1, of a group beside the cluster's pool: `demo-large-2`.
    pub fn group_node(&self, group: &GroupName, ordinal: u32) -> Result<NodeName, InvalidName> {
        format!("{self}-{group}-{ordinal}").parse()
    }
}

impl GroupName {
    /// Whether its nodes would have the names of the pool's.
    pub fn is_of_pool(&self) -> bool {
        let pools = [Role::ControlPlane, Role::Worker];
        pools.map(name_of_pool).contains(&self.as_str())
    }
}

fn name_of_pool(role: Role) -> &'static str {
    match role {
        Role::ControlPlane => "control-plane",
        Role::Worker => "worker",
    }
}
