//! Terraform's values.

use std::collections::BTreeMap;

use crate::{Number, Type};

/// A value. Its type is known from the schema; only [`Value::Dynamic`] brings its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// Not set.
    Null,
    /// Not known before apply, with what is known about it all the same.
    Unknown(Refinement),
    /// true or false.
    Bool(bool),
    /// A decimal number.
    Number(Number),
    /// Unicode text.
    String(String),
    /// The elements of a list or a tuple.
    List(Vec<Value>),
    /// The elements of a set: equal to another in any order.
    Set(Vec<Value>),
    /// The elements of a map.
    Map(BTreeMap<String, Value>),
    /// The attributes of an object.
    Object(BTreeMap<String, Value>),
    /// A value of an attribute whose type is [`Type::Dynamic`], with its type.
    Dynamic(Box<Type>, Box<Value>),
}

/// What is known of a value that is not known itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Refinement {
    /// Whether it will be null (`Some(true)`) or will not (`Some(false)`).
    pub is_null: Option<bool>,
    /// How a string will begin.
    pub prefix: Option<String>,
    /// The least that a number can be, and whether it can be just that.
    pub lower_bound: Option<(Number, bool)>,
    /// The most that a number can be, and whether it can be just that.
    pub upper_bound: Option<(Number, bool)>,
    /// The least number of elements.
    pub least_length: Option<u64>,
    /// The greatest number of elements.
    pub greatest_length: Option<u64>,
}

impl Value {
    /// A value that is not known, and nothing is known about it.
    pub fn unknown() -> Self {
        Self::Unknown(Refinement::default())
    }
}
