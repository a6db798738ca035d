//! A framework for Terraform providers: protocol 6, from typed Rust models.
//!
//! It knows nothing of any platform. An author writes a struct, derives [`Model`] for it, implements
//! [`Resource`] and serves a [`Provider`].

pub mod attr;
pub mod diagnostic;
pub mod model;
pub mod number;
pub mod path;
pub mod proto;
pub mod schema;
pub mod types;
pub mod value;

pub use attr::Attr;
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use model::{AttributeType, Model};
pub use number::Number;
pub use path::{Path, Step};
pub use schema::{Attribute, AttributeKind, Block, Mode, NestedObject, Schema};
pub use types::Type;
pub use value::Value;
