//! JSON as an author's code reads it, without losing a digit.

use serde::de::Error;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::DEEPEST;
use crate::Number;

/// The document in `bytes`. A number that a [`Value`] would round, such as 2^64 + 1, is the string of its digits:
/// Terraform, and [`super::json::decode`], take one for the other.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let json: &RawValue = serde_json::from_slice(bytes)?;
    value(json, 0)
}

fn value(json: &RawValue, depth: usize) -> Result<Value, serde_json::Error> {
    if depth > DEEPEST {
        return Err(Error::custom(format!(
            "it is nested more than {DEEPEST} deep"
        )));
    }
    let text = json.get();
    match text.as_bytes().first() {
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(text)?;
            elements
                .into_iter()
                .map(|json| value(json, depth + 1))
                .collect()
        }
        Some(b'{') => {
            let members: std::collections::BTreeMap<String, &RawValue> =
                serde_json::from_str(text)?;
            let read = members
                .into_iter()
                .map(|(name, json)| Ok((name, value(json, depth + 1)?)));
            Ok(Value::Object(read.collect::<Result<Map<_, _>, _>>()?))
        }
        Some(b'-' | b'0'..=b'9') => Ok(number(text)),
        _ => serde_json::from_str(text),
    }
}

fn number(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Number(number)) if is_exact(&number, text) => Value::Number(number),
        _ => Value::String(text.to_owned()),
    }
}

/// Whether `number` is written as the same decimal number that `text` is.
fn is_exact(number: &serde_json::Number, text: &str) -> bool {
    number.to_string().parse::<Number>().ok() == text.parse::<Number>().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_number_that_would_be_rounded_is_a_string() {
        let text = br#"{"a": [1, -2, 0.1, 1e2, 18446744073709551615], "b": 18446744073709551617,
            "c": {"d": 0.12345678901234567890, "e": 1e400, "f": null, "g": true, "h": "1\n"}}"#;
        let expected = json!({
            "a": [1, -2, 0.1, 100.0, u64::MAX],
            "b": "18446744073709551617",
            "c": {"d": "0.12345678901234567890", "e": "1e400", "f": null, "g": true, "h": "1\n"},
        });
        assert_eq!(read(text).unwrap(), expected);
    }

    #[test]
    fn what_is_no_json_and_what_is_too_deep_is_refused() {
        assert!(read(b"{").is_err());
        assert!(read(b"[1,]").is_err());
        let deep = format!("{}{}", "[".repeat(DEEPEST + 2), "]".repeat(DEEPEST + 2));
        assert!(read(deep.as_bytes()).is_err());
    }
}
