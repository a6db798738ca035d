//! The ephemeral resources, one file a noun.

pub(crate) mod cluster_credentials;
