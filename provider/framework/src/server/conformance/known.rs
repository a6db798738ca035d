//! What every state must be: wholly known, and without write-only values.

use super::Rule;
use crate::server::members::{Members, with_blocks};
use crate::server::planning::without_write_only;
use crate::{Diagnostics, Path, Value};

/// What is wrong with `state` in itself.
pub(crate) fn check_state(members: Members<'_>, state: &Value) -> Diagnostics {
    let mut found = find_kept_write_only(members, state);
    let mut unknown = Vec::new();
    find_unknown(state, &Path::root(), &mut unknown);
    for path in unknown {
        found.push(Rule::UnknownInState.broken_at(&path));
    }
    found
}

/// `state` as Terraform can keep it: null where it is unknown or write-only. A partial state comes from a plan, and
/// what the apply did not come to is still unknown in it.
pub(crate) fn settled(members: Members<'_>, state: Value) -> Value {
    with_blocks(members, without_unknown(without_write_only(members, state)))
}

pub(super) fn find_kept_write_only(members: Members<'_>, value: &Value) -> Diagnostics {
    let mut kept = Vec::new();
    find_kept(
        &without_write_only(members, value.clone()),
        value,
        &Path::root(),
        &mut kept,
    );
    kept.iter()
        .map(|path| Rule::WriteOnlyKept.broken_at(path))
        .collect()
}

fn find_kept(stripped: &Value, value: &Value, path: &Path, found: &mut Vec<Path>) {
    match (stripped, value) {
        (Value::Object(stripped), Value::Object(members)) => {
            for (name, value) in members {
                let stripped = stripped.get(name).unwrap_or(&Value::Null);
                find_kept(stripped, value, &path.attribute(name), found);
            }
        }
        (Value::List(stripped), Value::List(elements)) => {
            for (index, (stripped, value)) in (0..).zip(stripped.iter().zip(elements)) {
                find_kept(stripped, value, &path.index(index), found);
            }
        }
        (Value::Map(stripped), Value::Map(entries)) => {
            for ((key, value), stripped) in entries.iter().zip(stripped.values()) {
                find_kept(stripped, value, &path.key(key), found);
            }
        }
        (stripped, value) => {
            if stripped != value {
                found.push(path.clone());
            }
        }
    }
}

fn find_unknown(value: &Value, path: &Path, found: &mut Vec<Path>) {
    match value {
        Value::Unknown(_) => found.push(path.clone()),
        Value::Object(members) => {
            for (name, value) in members {
                find_unknown(value, &path.attribute(name), found);
            }
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                find_unknown(value, &path.key(key), found);
            }
        }
        Value::List(elements) => {
            for (index, value) in (0..).zip(elements) {
                find_unknown(value, &path.index(index), found);
            }
        }
        Value::Set(elements) => {
            for value in elements {
                find_unknown(value, &path.element(value.clone()), found);
            }
        }
        Value::Dynamic(_, value) => find_unknown(value, path, found),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn without_unknown(value: Value) -> Value {
    match value {
        Value::Unknown(_) => Value::Null,
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| (name, without_unknown(value)))
                .collect(),
        ),
        Value::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| (key, without_unknown(value)))
                .collect(),
        ),
        Value::List(elements) => Value::List(elements.into_iter().map(without_unknown).collect()),
        Value::Set(elements) => Value::set(elements.into_iter().map(without_unknown)),
        Value::Dynamic(value_type, value) => {
            Value::Dynamic(value_type, Box::new(without_unknown(*value)))
        }
        known => known,
    }
}
