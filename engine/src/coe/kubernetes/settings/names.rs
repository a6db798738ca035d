//! Names and addresses that the API's certificate carries.

use std::net::IpAddr;

use super::words;
use crate::coe::labels::NoValue;

/// Names as certificates carry them, and addresses.
pub(super) fn parse(text: &str) -> Result<Vec<String>, NoValue> {
    let names: Vec<String> = words(text).map(str::to_owned).collect();
    match names.iter().find(|name| !is_name(name)) {
        None => Ok(names),
        Some(wrong) => Err(NoValue::allowed(format!(
            "{wrong:?} is none of the names and addresses that a certificate carries, such as api.example.org and \
             192.0.2.7; several stand with commas or spaces between them"
        ))),
    }
}

fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let inner = label
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        inner && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    let plain = name.strip_prefix("*.").unwrap_or(name);
    name.parse::<IpAddr>().is_ok() || plain.split('.').all(is_label)
}
