//! The data sources, one file a noun.

pub(crate) mod container_cluster;
