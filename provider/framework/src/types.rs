//! Terraform's type system.

use std::collections::BTreeMap;

/// A type constraint, as it travels in JSON: `"string"`, `["list","string"]`, `["object",{…}]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// true or false.
    Bool,
    /// A decimal number of any size.
    Number,
    /// Unicode text.
    String,
    /// Any type: the value brings its own.
    Dynamic,
    /// Elements of one type, in order.
    List(Box<Type>),
    /// Distinct elements of one type, without an order.
    Set(Box<Type>),
    /// Elements of one type by key.
    Map(Box<Type>),
    /// Elements of a type each, in order.
    Tuple(Vec<Type>),
    /// Attributes of a type each, by name.
    Object(BTreeMap<String, Type>),
}
