//! The Terraform provider `coe`: Terraform on one side, the engine on the other.
//!
//! Resources decode, call the engine once, and encode. They know no platform's API and no COE.

pub mod commands;
mod configuration;
mod credentials;
mod data_sources;
mod diagnostics;
mod ephemeral;
mod known_clusters;
mod operation;
mod provider;
mod resources;

pub use provider::CoeProvider;

/// Where Terraform finds the provider.
pub const ADDRESS: &str = "registry.terraform.io/coe-project/coe";
