//! Where images are looked for before their registry.

use std::collections::BTreeMap;

use super::words;
use crate::coe::labels::NoValue;

/// Mirrors in the order in which they are asked, by registry: `docker.io=https://mirror.example.org`.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, Vec<String>>, NoValue> {
    let mut mirrors: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for word in words(text) {
        let pair = word.split_once('=');
        let Some((registry, url)) = pair.filter(|(registry, url)| is_host(registry) && is_url(url))
        else {
            return Err(NoValue::allowed(format!(
                "{word:?} is no registry=url, such as docker.io=https://mirror.example.org:5000; several stand with \
                 spaces, commas or line breaks between them, and _default is every registry that has none of its own"
            )));
        };
        mirrors
            .entry(registry.to_owned())
            .or_default()
            .push(url.to_owned());
    }
    Ok(mirrors)
}

/// A host and maybe a port: it names a folder on nodes.
fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "1"));
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text == "_default" || (host.split('.').all(is_label) && port.parse::<u16>().is_ok())
}

fn is_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/%".contains(&byte);
    rest.is_some_and(|rest| {
        let host = rest.split('/').next().unwrap_or_default();
        is_host(host) && rest.bytes().all(is_plain)
    })
}
