//! Machines that are reached over SSH, whoever made them: what makes one a node, and what the node runs.

mod hosts;
mod machine;
mod new_machine;
mod packages;
mod service;
mod user_data;

pub(in crate::platform) use hosts::{CloudExec, FindsHosts, Hosts};
pub(in crate::platform) use machine::SshMachine;
pub(in crate::platform) use new_machine::NewMachine;
pub(in crate::platform) use packages::Packages;
pub(in crate::platform) use service::{Afterwards, NodeService};
pub(in crate::platform) use user_data::NewHostKey;
