//! What is done to clusters, one file a step.
//!
//! Each step says in its module what it guarantees and what its undo does, and can be read without the
//! others. They work at a [`Site`].

mod back_up;
mod configure_coe;
mod delete_balancer;
mod delete_machine;
mod drain_node;
mod ensure_balancer;
mod ensure_image;
mod ensure_machine;
mod ensure_network;
mod found_node;
mod init_control_plane;
mod join_node;
mod load_images;
mod put_record;
mod remove_member;
mod renew_certificates;
mod restart_silent;
mod restore_member;
mod set_node_labels;
mod set_node_taints;
mod site;
mod start_machine;
mod stop_machine;
mod uncordon_node;
mod upgrade_node;
mod wait_for_return;
mod wait_until_ready;

pub use back_up::BackUp;
pub use configure_coe::ConfigureCoe;
pub use delete_balancer::DeleteBalancer;
pub use delete_machine::{DeleteMachine, Volumes};
pub use drain_node::DrainNode;
pub use ensure_balancer::EnsureBalancer;
pub use ensure_image::EnsureImage;
pub use ensure_machine::{EnsureMachine, NodeOrigin};
pub use ensure_network::EnsureNetwork;
pub use found_node::FoundNode;
pub use init_control_plane::InitControlPlane;
pub use join_node::JoinNode;
pub use load_images::LoadImages;
pub use put_record::PutRecord;
pub use remove_member::RemoveMember;
pub use renew_certificates::RenewCertificates;
pub use restart_silent::RestartSilent;
pub use restore_member::{Comeback, RestoreMember};
pub use set_node_labels::SetNodeLabels;
pub use set_node_taints::SetNodeTaints;
pub use site::{GivenAddresses, Origin, Site};
pub use start_machine::StartMachine;
pub use stop_machine::StopMachine;
pub use uncordon_node::UncordonNode;
pub use upgrade_node::UpgradeNode;
pub use wait_for_return::WaitForReturn;
pub use wait_until_ready::WaitUntilReady;
