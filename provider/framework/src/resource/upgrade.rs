//! State that was written by another version of a resource, or by another resource.

use crate::Diagnostics;

/// Makes stored state of version `from` into state of version `from + 1`.
#[derive(Debug, Clone, Copy)]
pub struct Upgrader {
    /// The version that it reads.
    pub from: i64,
    /// Gets the whole object as JSON and returns the whole object. A number with more digits than JSON values hold here
    /// is the string of its digits, and may be returned so.
    pub upgrade: fn(serde_json::Value) -> Result<serde_json::Value, Diagnostics>,
}

/// The state of the resource that a `moved` block names as the source.
#[derive(Debug, Clone)]
pub struct MovedState {
    /// The source of the provider that wrote it: `registry.terraform.io/hashicorp/null`.
    pub provider_address: String,
    /// The resource type that wrote it.
    pub type_name: String,
    /// The version of that type's schema.
    pub schema_version: i64,
    /// The whole object; in it, a number with more digits than JSON values hold here is the string of its digits.
    pub state: serde_json::Value,
    /// Its identity, where it had one.
    pub identity: Option<serde_json::Value>,
}
