//! A framework for Terraform providers: protocol 6, from typed Rust models.
//!
//! It knows nothing of any platform. An author
//!
//! 1. writes a struct for what a resource holds and [derives `Model`](derive@Model) for it: that page has the words
//!    for an attribute in one table. A field that may be null or unknown in a plan is an [`Attr`];
//! 2. implements [`Resource`] for it: create, read, update and delete. [`DataSource`], [`Ephemeral`] and [`Function`]
//!    are alike and smaller;
//! 3. lists them in a [`Provider`] and serves that with [`serve()`].
//!
//! What the framework does for all of them: it checks configurations and answers by the rules that Terraform would
//! apply later, plans defaults, and keeps the state that was there when something fails. Errors are [`Diagnostic`]s. A
//! long call watches [`Call::cancellation`]. A test makes the calls of Terraform on a [`ProviderServer`], and asks its
//! [`problems`](ProviderServer::problems) for what is wrong with the schemas.
//!
//! # A complete provider
//!
//! It keeps notes in a folder: a resource, a data source, an ephemeral resource and a function. Its `main` is
//! `serve(Notes::default(), ServeOptions::new("example.com/notes/notes")).await`.
//!
//! ```
#![doc = include_str!("../examples/notes/provider.rs")]
//! # fn main() {}
//! ```

// The derive macro names the crate as its users do; in the crate itself too.
extern crate self as terraform_framework;

pub mod attr;
pub mod call;
pub mod codec;
pub mod configuration;
mod convert;
pub mod data_source;
pub mod diagnostic;
pub mod duration;
pub mod ephemeral;
pub mod function;
mod log;
pub mod model;
pub mod modifiers;
pub mod number;
pub mod path;
pub mod proto;
pub mod provider;
mod reencode;
pub mod resource;
pub mod schema;
pub mod serve;
pub mod server;
mod set;
pub mod timeouts;
pub mod types;
pub mod validators;
pub mod value;

pub use attr::Attr;
pub use call::{Call, Deferral, Private};
pub use data_source::{BoxedDataSource, DataSource, data_source};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use ephemeral::{BoxedEphemeral, Ephemeral, Opened, Renewed, ephemeral};
pub use function::{BoxedFunction, Function, FunctionError, function};
pub use model::{AttributeType, BlockType, Fields, Model};
pub use number::Number;
pub use path::{Path, Step};
pub use provider::Provider;
pub use resource::{
    BoxedResource, Change, Failure, Identity, IdentitySchema, ImportTarget, ImportUse, MovedState,
    Resource, Upgrader, resource,
};
pub use schema::{Attribute, AttributeKind, Block, Mode, NestedObject, Schema};
pub use serve::{ServeOptions, serve};
pub use server::ProviderServer;
pub use set::Set;
pub use terraform_framework_derive::Model;
pub use timeouts::Timeouts;
pub use types::Type;
pub use value::Value;
