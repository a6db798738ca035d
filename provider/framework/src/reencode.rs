//! Keeps what a typed model cannot hold when a value passes through it.

use std::collections::BTreeMap;

use crate::Value;

/// `changed`, with the parts that are the same in `decoded` taken from `original`.
///
/// `decoded` is `original` after it went through a model, and `changed` is what an author's code made of that. A
/// model has no place for what is known of an unknown value, nor for the type that a dynamic value brings. What the
/// author left alone must keep both, else a plan would promise less than Terraform was told before.
pub(crate) fn keep_unchanged(original: Value, decoded: &Value, changed: Value) -> Value {
    if *decoded == changed {
        return original;
    }
    match (original, decoded, changed) {
        (Value::Object(original), Value::Object(decoded), Value::Object(changed)) => {
            Value::Object(keep_entries(original, decoded, changed))
        }
        (Value::Map(original), Value::Map(decoded), Value::Map(changed)) => {
            Value::Map(keep_entries(original, decoded, changed))
        }
        (Value::List(original), Value::List(decoded), Value::List(changed)) => {
            let mut before = original.into_iter().zip(decoded);
            let keep = |changed| match before.next() {
                Some((original, decoded)) => keep_unchanged(original, decoded, changed),
                None => changed,
            };
            Value::List(changed.into_iter().map(keep).collect())
        }
        (Value::Set(original), Value::Set(_), Value::Set(changed)) => {
            Value::set(keep_elements(original, changed))
        }
        (Value::Unknown(refinement), _, Value::Unknown(_)) => Value::Unknown(refinement),
        (_, _, changed) => changed,
    }
}

/// An element of a set is known by what it is. One that was changed is taken for the original that is left, if there is
/// just one of each: what is known of one element must not be said of another.
fn keep_elements(original: Vec<Value>, changed: Vec<Value>) -> Vec<Value> {
    let mut left: Vec<(Value, Value)> = original
        .into_iter()
        .map(|original| (unrefined(original.clone()), original))
        .collect();
    let (mut kept, mut new) = (Vec::with_capacity(changed.len()), Vec::new());
    for changed in changed {
        match left.iter().position(|(decoded, _)| *decoded == changed) {
            Some(position) => kept.push(left.swap_remove(position).1),
            None => new.push(changed),
        }
    }
    if let ([(decoded, original)], [_]) = (&left[..], &new[..]) {
        let keep = |changed| keep_unchanged(original.clone(), decoded, changed);
        new = new.into_iter().map(keep).collect();
    }
    kept.extend(new);
    kept
}

/// `value` without what is known of unknown values: as a model gives it back.
fn unrefined(value: Value) -> Value {
    match value {
        Value::Unknown(_) => Value::unknown(),
        Value::List(elements) => Value::List(elements.into_iter().map(unrefined).collect()),
        Value::Set(elements) => Value::set(elements.into_iter().map(unrefined)),
        Value::Map(entries) => Value::map(unrefined_entries(entries)),
        Value::Object(entries) => Value::object(unrefined_entries(entries)),
        other => other,
    }
}

fn unrefined_entries(entries: BTreeMap<String, Value>) -> impl Iterator<Item = (String, Value)> {
    entries
        .into_iter()
        .map(|(name, value)| (name, unrefined(value)))
}

fn keep_entries(
    mut original: BTreeMap<String, Value>,
    decoded: &BTreeMap<String, Value>,
    changed: BTreeMap<String, Value>,
) -> BTreeMap<String, Value> {
    let keep = |(name, changed): (String, Value)| {
        let kept = match (original.remove(&name), decoded.get(&name)) {
            (Some(original), Some(decoded)) => keep_unchanged(original, decoded, changed),
            _ => changed,
        };
        (name, kept)
    };
    changed.into_iter().map(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Refinement;

    fn object(entries: &[(&str, Value)]) -> Value {
        Value::Object(
            entries
                .iter()
                .map(|(name, value)| ((*name).into(), value.clone()))
                .collect(),
        )
    }

    fn text(text: &str) -> Value {
        Value::String(text.into())
    }

    fn refined() -> Value {
        Value::from(Refinement {
            is_null: Some(false),
            ..Refinement::default()
        })
    }

    #[test]
    fn what_is_known_of_an_unknown_value_survives_a_change_beside_it() {
        let original = object(&[("id", refined()), ("status", Value::unknown())]);
        let decoded = object(&[("id", Value::unknown()), ("status", Value::unknown())]);
        let changed = object(&[("id", Value::unknown()), ("status", text("ready"))]);
        assert_eq!(
            keep_unchanged(original, &decoded, changed),
            object(&[("id", refined()), ("status", text("ready"))])
        );
    }

    #[test]
    fn a_list_that_grew_keeps_its_first_elements() {
        let original = Value::List(vec![refined()]);
        let decoded = Value::List(vec![Value::unknown()]);
        let changed = Value::List(vec![Value::unknown(), text("new")]);
        assert_eq!(
            keep_unchanged(original, &decoded, changed),
            Value::List(vec![refined(), text("new")])
        );
    }

    #[test]
    fn an_author_can_make_a_known_value_unknown() {
        let changed = keep_unchanged(text("old"), &text("old"), Value::unknown());
        assert_eq!(changed, Value::unknown());
    }
}
