//! What is inside an object, whether it is a resource, an object of a nested attribute, or a block.

use std::collections::BTreeMap;

use crate::schema::{Block, NestedBlock, NestedObject};
use crate::{Attribute, Mode, Value};

/// The attributes and blocks of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Members<'a> {
    pub(crate) attributes: &'a [Attribute],
    pub(crate) blocks: &'a [NestedBlock],
}

impl<'a> From<&'a Block> for Members<'a> {
    fn from(block: &'a Block) -> Self {
        Self {
            attributes: &block.attributes,
            blocks: &block.blocks,
        }
    }
}

impl<'a> From<&'a NestedObject> for Members<'a> {
    fn from(object: &'a NestedObject) -> Self {
        Self {
            attributes: &object.attributes,
            blocks: &[],
        }
    }
}

/// `object` with an empty collection in place of each block that is not there: Terraform takes no other for none.
/// State that was stored before the schema had the block lacks it.
pub(crate) fn with_blocks(members: Members<'_>, object: Value) -> Value {
    let Value::Object(mut values) = object else {
        return object;
    };
    for block in members.blocks {
        let inside = Members::from(&block.block);
        let fill = |element| with_blocks(inside, element);
        let blocks = values.remove(&block.name).unwrap_or(Value::Null);
        let blocks = match (block.mode, blocks) {
            (Mode::Single, single) => fill(single),
            (Mode::List, Value::Null) => Value::List(Vec::new()),
            (Mode::Set, Value::Null) => Value::Set(Vec::new()),
            (Mode::Map, Value::Null) => Value::Map(BTreeMap::new()),
            (_, Value::List(elements)) => Value::List(elements.into_iter().map(fill).collect()),
            (_, Value::Set(elements)) => Value::set(elements.into_iter().map(fill)),
            (_, Value::Map(entries)) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, element)| (key, fill(element)))
                    .collect(),
            ),
            (_, other) => other,
        };
        values.insert(block.name.clone(), blocks);
    }
    Value::Object(values)
}

static NULL: Value = Value::Null;

/// The attribute `name` of `object`: null inside null, and unknown inside what is not known.
pub(crate) fn member<'a>(object: &'a Value, name: &str) -> &'a Value {
    match object {
        Value::Object(members) => members.get(name).unwrap_or(&NULL),
        Value::Unknown(_) => object,
        _ => &NULL,
    }
}

/// The element of a list at `index`.
pub(crate) fn element(list: &Value, index: usize) -> &Value {
    match list {
        Value::List(elements) => elements.get(index).unwrap_or(&NULL),
        Value::Unknown(_) => list,
        _ => &NULL,
    }
}

/// The element of a map under `key`.
pub(crate) fn entry<'a>(map: &'a Value, key: &str) -> &'a Value {
    match map {
        Value::Map(entries) => entries.get(key).unwrap_or(&NULL),
        Value::Unknown(_) => map,
        _ => &NULL,
    }
}

/// The elements of a set; none where there is no set.
pub(crate) fn elements(set: &Value) -> &[Value] {
    match set {
        Value::Set(elements) => elements,
        _ => &[],
    }
}

/// A reference to null, for what is not there.
pub(crate) fn null() -> &'static Value {
    &NULL
}
