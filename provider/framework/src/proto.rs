//! The protocol's messages and services, generated from `proto/`.
//!
//! Public, so that a provider's tests can call its server as Terraform does.

/// Terraform's plugin protocol 6.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod tfplugin6 {
    tonic::include_proto!("tfplugin6");
}

/// The services of the library that starts plugins.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod go_plugin {
    tonic::include_proto!("plugin");
}
