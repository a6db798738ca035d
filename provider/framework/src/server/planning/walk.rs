//! Goes through a planned object, attribute by attribute, with configuration and prior state beside it.

use std::collections::BTreeMap;

use crate::schema::NestedBlock;
use crate::server::members::{Members, element, entry, member, null};
use crate::server::set_elements::{Unpaired, comes_from};
use crate::{Attribute, AttributeKind, Mode, Path, Value};

/// What stands beside a planned value.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    pub(super) path: Path,
    pub(super) config: &'a Value,
    /// `None`: the resource is created. Null: it is not, but this part of it is new.
    pub(super) prior: Option<&'a Value>,
}

/// What a planned value is of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Visited<'a> {
    Attribute(&'a Attribute),
    /// All blocks of one name.
    Blocks(&'a NestedBlock),
}

/// Makes a planned value into another.
pub(super) type Visit<'v> = dyn FnMut(Visited<'_>, &Place<'_>, Value) -> Value + 'v;

/// `planned` with `visit` applied to each attribute and to all blocks of a name: outer ones before those inside them, so that what an outer one
/// became decides which inner ones there are.
pub(super) fn walk(
    members: Members<'_>,
    place: &Place<'_>,
    planned: Value,
    visit: &mut Visit<'_>,
) -> Value {
    let Value::Object(mut values) = planned else {
        return planned;
    };
    for attribute in members.attributes {
        let inside = place.member(&attribute.name);
        let value = values.remove(&attribute.name).unwrap_or(Value::Null);
        let mut value = visit(Visited::Attribute(attribute), &inside, value);
        if let AttributeKind::Nested(object) = &attribute.kind {
            // Inside a default, what the default says is as good as configured.
            let config = match &attribute.default {
                Some(default) if inside.config.is_null() => default,
                _ => inside.config,
            };
            let inside = Place { config, ..inside };
            value = walk_nested(object.into(), object.mode, &inside, value, visit);
        }
        values.insert(attribute.name.clone(), value);
    }
    for block in members.blocks {
        let inside = place.member(&block.name);
        let value = values.remove(&block.name).unwrap_or(Value::Null);
        let value = visit(Visited::Blocks(block), &inside, value);
        let value = walk_nested((&block.block).into(), block.mode, &inside, value, visit);
        values.insert(block.name.clone(), value);
    }
    Value::Object(values)
}

fn walk_nested(
    members: Members<'_>,
    mode: Mode,
    place: &Place<'_>,
    planned: Value,
    visit: &mut Visit<'_>,
) -> Value {
    match (mode, planned) {
        (Mode::Single, planned) => walk(members, place, planned, visit),
        (_, Value::List(planned)) => {
            let mut walked = Vec::with_capacity(planned.len());
            for (index, planned) in planned.into_iter().enumerate() {
                walked.push(walk(members, &place.element(index), planned, visit));
            }
            Value::List(walked)
        }
        (_, Value::Map(planned)) => {
            let mut walked = BTreeMap::new();
            for (key, planned) in planned {
                let value = walk(members, &place.entry(&key), planned, visit);
                walked.insert(key, value);
            }
            Value::Map(walked)
        }
        (_, Value::Set(planned)) => Value::set(walk_set(members, place, planned, visit)),
        (_, planned) => planned,
    }
}

fn walk_set(
    members: Members<'_>,
    place: &Place<'_>,
    planned: Vec<Value>,
    visit: &mut Visit<'_>,
) -> Vec<Value> {
    let mut configured = Unpaired::new(place.config);
    let mut prior = place.prior.map(Unpaired::new);
    let mut walked = Vec::with_capacity(planned.len());
    for planned in planned {
        let config = configured.take(|config| comes_from(members, config, &planned));
        // The prior element is the equal one, or else one that the same configuration gave.
        let belongs = |prior: &Value| match config {
            Some(config) => comes_from(members, config, prior),
            None => false,
        };
        let inside = Place {
            path: place.path.element(planned.clone()),
            config: config.unwrap_or_else(|| inherited(place.config)),
            prior: prior.as_mut().map(|prior| {
                let equal = prior.take(|prior| *prior == planned);
                equal.or_else(|| prior.take(belongs)).unwrap_or(null())
            }),
        };
        walked.push(walk(members, &inside, planned, visit));
    }
    walked
}

/// The configuration of an element that the configuration does not have.
fn inherited(config: &Value) -> &Value {
    if config.is_unknown() { config } else { null() }
}

impl Place<'_> {
    fn member(&self, name: &str) -> Self {
        Self {
            path: self.path.attribute(name),
            config: member(self.config, name),
            prior: self.prior.map(|prior| member(prior, name)),
        }
    }

    fn element(&self, index: usize) -> Self {
        Self {
            // A list that does not fit into 32 bits would not fit into a message.
            path: self.path.index(u32::try_from(index).unwrap_or(u32::MAX)),
            config: element(self.config, index),
            prior: self.prior.map(|prior| element(prior, index)),
        }
    }

    fn entry(&self, key: &str) -> Self {
        Self {
            path: self.path.key(key),
            config: entry(self.config, key),
            prior: self.prior.map(|prior| entry(prior, key)),
        }
    }
}
