//! The resources, one folder a noun, and what several of them have in common.

mod arguments;
pub(crate) mod cluster_node;
pub(crate) mod container_cluster;
pub(crate) mod node_group;
mod node_settings;
mod upgrade_settings;
