//! How a Terraform finds a provider that it has not started.

use std::{path::Path, process};

use serde_json::json;

use super::handshake::PROTOCOL_VERSION;

/// The variable to set for each Terraform that shall use the provider at `socket`, as a shell takes it.
pub(super) fn line(address: &str, socket: &Path) -> String {
    let providers = json!({
        address: {
            "Protocol": "grpc",
            "ProtocolVersion": PROTOCOL_VERSION,
            "Pid": process::id(),
            // Terraform then leaves the process alone when it is done with it.
            "Test": true,
            "Addr": { "Network": "unix", "String": socket.display().to_string() },
        },
    });
    format!("TF_REATTACH_PROVIDERS='{providers}'")
}
