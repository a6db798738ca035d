//! What a cluster may be called: its name begins the names of its nodes.

use crate::model::{ClusterName, Finding, Subject};

/// Kubernetes refuses to register a node whose name is no RFC 1123 subdomain.
pub(super) fn check(name: &ClusterName) -> Option<Finding> {
    let is_label = |label: &str| {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let inner_is_plain = label.bytes().all(|byte| is_plain(byte) || byte == b'-');
        inner_is_plain && label.bytes().next().is_some_and(is_plain) && !label.ends_with('-')
    };
    // What follows the name begins with a hyphen, so the last part may end with one.
    let is_name = name
        .as_str()
        .split('.')
        .all(|label| is_label(label.trim_end_matches('-')));
    if is_name {
        return None;
    }
    Some(Finding::error(
        Subject::Name,
        format!(
            "Nodes of Kubernetes cannot be named after {name:?}",
            name = name.as_str()
        ),
        "Names of nodes have small letters, digits, hyphens and dots alone.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_nodes_can_be_named_after() {
        for (name, fits) in [
            ("demo", true),
            ("demo-1.example", true),
            ("Demo", false),
            ("demo_1", false),
            ("demo..1", false),
        ] {
            let Ok(parsed) = name.parse() else { continue };
            assert_eq!(check(&parsed).is_none(), fits, "{name}");
        }
    }
}
