//! The resources, one folder a noun.

pub(crate) mod cluster_node;
pub(crate) mod container_cluster;
