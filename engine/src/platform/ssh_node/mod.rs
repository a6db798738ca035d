//! Machines that are reached over SSH, whoever made them: what makes one a node, and what the node runs.

mod machine;
mod packages;
mod service;

pub(in crate::platform) use machine::SshMachine;
pub(in crate::platform) use packages::Packages;
pub(in crate::platform) use service::NodeService;
