//! What an import is told to find.

use super::Identity;

/// The name that the user gave for what exists already.
#[derive(Debug, Clone, PartialEq)]
pub enum ImportTarget {
    /// `terraform import <address> <id>`, or an `import` block with `id`.
    Id(String),
    /// An `import` block with `identity` (Terraform 1.12 and newer).
    Identity(Identity),
}
