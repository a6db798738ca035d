//! Between the framework's types and the protocol's messages.

pub(crate) mod diagnostic;
pub(crate) mod function;
pub(crate) mod path;
pub(crate) mod schema;
pub(crate) mod value;
