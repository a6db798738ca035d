//! JSON, as Terraform stores state.
//!
//! Reading forgives what Terraform's own reader forgives: attributes that the type does not know are
//! dropped, those that are missing are null, and a number may be written as a string.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Article, CodecError, DEEPEST, Fault};
use crate::{Step, Type, Value};

/// Reads a value of the type `wanted`.
pub fn decode(bytes: &[u8], wanted: &Type) -> Result<Value, CodecError> {
    let json: &RawValue = serde_json::from_slice(bytes).map_err(|error| fault(error).decode())?;
    read_value(json.get(), wanted, 0).map_err(Fault::decode)
}

/// Writes `value`, which is of the type `wanted` and wholly known. Attributes that an object lacks are
/// null.
pub fn encode(value: &Value, wanted: &Type) -> Result<Vec<u8>, CodecError> {
    let mut output = Vec::new();
    write_value(&mut output, value, wanted, 0).map_err(Fault::encode)?;
    Ok(output)
}

// The text of each value is kept until its type is at hand, so that a number never passes through a
// float and loses digits.
fn read_value(json: &str, wanted: &Type, depth: usize) -> Result<Value, Fault> {
    if depth > DEEPEST {
        return Err(Fault::too_deep());
    }
    if json == "null" {
        return Ok(Value::Null);
    }
    match wanted {
        Type::Bool => match scalar(json)?.as_deref() {
            Some("true") => Ok(Value::Bool(true)),
            Some("false") => Ok(Value::Bool(false)),
            _ => Err(mismatch(json, wanted)),
        },
        Type::Number => match scalar(json)? {
            Some(text) => Ok(Value::Number(text.parse().map_err(fault)?)),
            None => Err(mismatch(json, wanted)),
        },
        Type::String => match scalar(json)? {
            Some(text) => Ok(Value::String(text)),
            None => Err(mismatch(json, wanted)),
        },
        Type::Dynamic => read_dynamic(json, depth),
        Type::List(element) => Ok(Value::List(read_elements(json, wanted, element, depth)?)),
        Type::Set(element) => Ok(Value::set(read_elements(json, wanted, element, depth)?)),
        Type::Tuple(types) => {
            let elements: Vec<&RawValue> = parse(json, wanted)?;
            if elements.len() != types.len() {
                return Err(Fault::new(format!(
                    "a tuple of {} elements is needed, not of {}",
                    types.len(),
                    elements.len()
                )));
            }
            let read = elements
                .iter()
                .zip(types)
                .enumerate()
                .map(|(position, (json, element))| {
                    read_value(json.get(), element, depth + 1)
                        .map_err(|fault| fault.inside_list(position))
                });
            Ok(Value::List(read.collect::<Result<_, _>>()?))
        }
        Type::Map(element) => {
            let elements: BTreeMap<String, &RawValue> = parse(json, wanted)?;
            let read = elements.into_iter().map(|(key, json)| {
                match read_value(json.get(), element, depth + 1) {
                    Ok(value) => Ok((key, value)),
                    Err(fault) => Err(fault.inside(Step::Key(key))),
                }
            });
            Ok(Value::Map(read.collect::<Result<_, _>>()?))
        }
        Type::Object(types) => {
            let attributes: BTreeMap<String, &RawValue> = parse(json, wanted)?;
            let read = types.iter().map(|(name, attribute)| {
                let json = attributes.get(name).map_or("null", |json| json.get());
                let value = read_value(json, attribute, depth + 1)
                    .map_err(|fault| fault.inside(Step::Attribute(name.clone())))?;
                Ok((name.clone(), value))
            });
            Ok(Value::Object(read.collect::<Result<_, _>>()?))
        }
    }
}

fn read_elements(
    json: &str,
    wanted: &Type,
    element: &Type,
    depth: usize,
) -> Result<Vec<Value>, Fault> {
    let elements: Vec<&RawValue> = parse(json, wanted)?;
    let read = elements.iter().enumerate().map(|(position, json)| {
        read_value(json.get(), element, depth + 1).map_err(|fault| fault.inside_list(position))
    });
    read.collect()
}

fn read_dynamic(json: &str, depth: usize) -> Result<Value, Fault> {
    let parts: BTreeMap<String, &RawValue> = parse(json, &Type::Dynamic)?;
    let (Some(own_type), Some(value)) = (parts.get("type"), parts.get("value")) else {
        return Err(mismatch(json, &Type::Dynamic));
    };
    let own_type = Type::from_json(own_type.get().as_bytes()).map_err(fault)?;
    let value = read_value(value.get(), &own_type, depth + 1)?;
    Ok(Value::Dynamic(Box::new(own_type), Box::new(value)))
}

/// The text of a string, a number or a bool; `None` for what is no scalar.
fn scalar(json: &str) -> Result<Option<String>, Fault> {
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str(json).map(Some).map_err(fault),
        Some(b'{' | b'[') | None => Ok(None),
        Some(_) => Ok(Some(json.to_owned())),
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(json: &'a str, wanted: &Type) -> Result<T, Fault> {
    // The whole text is JSON already: only the kind of value can be wrong.
    serde_json::from_str(json).map_err(|_| mismatch(json, wanted))
}

fn mismatch(json: &str, wanted: &Type) -> Fault {
    let given = match json.as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b't' | b'f') => "a bool",
        _ => "a number",
    };
    Fault::new(format!("{} is needed, not {given}", Article(wanted)))
}

fn fault(error: impl std::fmt::Display) -> Fault {
    Fault::new(error.to_string())
}

fn write_value(
    output: &mut Vec<u8>,
    value: &Value,
    wanted: &Type,
    depth: usize,
) -> Result<(), Fault> {
    if depth > DEEPEST {
        return Err(Fault::too_deep());
    }
    match (value, wanted) {
        (Value::Null, _) => output.extend(b"null"),
        (Value::Unknown(_), _) => {
            return Err(Fault::new(
                "it is not known, and stored state holds only what is known",
            ));
        }
        (Value::Bool(truth), Type::Bool) => output.extend(truth.to_string().bytes()),
        (Value::Number(number), Type::Number) => output.extend(number.to_string().bytes()),
        (Value::String(text), Type::String) => write_text(output, text),
        (Value::List(elements), Type::List(element))
        | (Value::Set(elements), Type::Set(element)) => {
            let types = std::iter::repeat(&**element);
            write_elements(output, elements.iter().zip(types), depth)?;
        }
        (Value::List(elements), Type::Tuple(types)) if elements.len() == types.len() => {
            write_elements(output, elements.iter().zip(types), depth)?;
        }
        (Value::Map(elements), Type::Map(element)) => {
            let entries = elements.iter().map(|(key, value)| (key, value, &**element));
            write_entries(output, entries, Step::Key, depth)?;
        }
        (Value::Object(values), Type::Object(types)) => {
            super::no_stranger(values, types)?;
            let entries = types.iter().map(|(name, attribute)| {
                (name, values.get(name).unwrap_or(&Value::Null), attribute)
            });
            write_entries(output, entries, Step::Attribute, depth)?;
        }
        (Value::Dynamic(own_type, value), Type::Dynamic) => {
            output.extend(b"{\"value\":");
            write_value(output, value, own_type, depth + 1)?;
            output.extend(b",\"type\":");
            output.extend(own_type.to_json().bytes());
            output.push(b'}');
        }
        _ => return Err(Fault::mismatch(value, wanted)),
    }
    Ok(())
}

fn write_elements<'a>(
    output: &mut Vec<u8>,
    elements: impl Iterator<Item = (&'a Value, &'a Type)>,
    depth: usize,
) -> Result<(), Fault> {
    output.push(b'[');
    for (position, (value, element)) in elements.enumerate() {
        if position > 0 {
            output.push(b',');
        }
        write_value(output, value, element, depth + 1)
            .map_err(|fault| fault.inside_list(position))?;
    }
    output.push(b']');
    Ok(())
}

fn write_entries<'a>(
    output: &mut Vec<u8>,
    entries: impl Iterator<Item = (&'a String, &'a Value, &'a Type)>,
    step: fn(String) -> Step,
    depth: usize,
) -> Result<(), Fault> {
    output.push(b'{');
    for (position, (key, value, inner)) in entries.enumerate() {
        if position > 0 {
            output.push(b',');
        }
        write_text(output, key);
        output.push(b':');
        write_value(output, value, inner, depth + 1)
            .map_err(|fault| fault.inside(step(key.clone())))?;
    }
    output.push(b'}');
    Ok(())
}

fn write_text(output: &mut Vec<u8>, text: &str) {
    output.extend(serde_json::Value::from(text).to_string().bytes());
}
