//! Each call of the protocol, made in process as Terraform makes it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop at the first surprise

mod apply_resource_change;
mod ephemeral_resource;
mod import_resource_state;
mod not_offered;
#[path = "../../examples/notes/provider.rs"]
mod notes;
mod notes_provider;
mod offer;
mod plan_resource_change;
mod read_resource;
mod stop_provider;
mod stored_state;
mod thing;
mod validate_config;
mod wire;
