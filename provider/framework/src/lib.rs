//! A framework for Terraform providers: protocol 6, from typed Rust models.
//!
//! It knows nothing of any platform. An author writes a struct, derives [`Model`] for it, implements
//! [`Resource`] and serves a [`Provider`].

pub mod attr;
pub mod codec;
pub mod diagnostic;
mod log;
pub mod model;
pub mod number;
pub mod path;
pub mod proto;
pub mod schema;
pub mod serve;
pub mod types;
pub mod value;

pub use attr::Attr;
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use model::{AttributeType, BlockType, Fields, Model};
pub use number::Number;
pub use path::{Path, Step};
pub use schema::{Attribute, AttributeKind, Block, Mode, NestedObject, Schema};
pub use serve::{Mode as ServeMode, ServeOptions};
pub use types::Type;
pub use value::Value;
