//! Versions of COEs, compared as far as they can be.

use std::cmp::Ordering;

use crate::model::ImageName;

/// The numbers that a version begins with: `20.10.24+dfsg1` is 20, 10, 24.
pub(crate) fn numbers(version: &str) -> Vec<u64> {
    version
        .trim_start_matches('v')
        .split('.')
        .map_while(|part| {
            let end = part.find(|character: char| !character.is_ascii_digit());
            part.get(..end.unwrap_or(part.len()))?.parse().ok()
        })
        .collect()
}

/// Whether `wanted` is older than `running`. `28` is not older than `28.1`: it says less, not less than.
/// Versions without numbers cannot be compared and are never older.
pub(crate) fn is_older(wanted: &str, running: &str) -> bool {
    numbers(wanted)
        .iter()
        .zip(&numbers(running))
        .map(|(wanted, running)| wanted.cmp(running))
        .find(|order| order.is_ne())
        == Some(Ordering::Less)
}

/// The version that the image's tag names, if it names one: `kindest/node:v1.34.11` is of 1.34.11.
pub(super) fn of_image(image: &ImageName) -> Option<&str> {
    let (_, tag) = image.0.rsplit_once(':')?;
    let version = tag.trim_start_matches('v');
    (numbers(version).len() >= 2).then_some(version)
}

/// Whether an upgrade from `running` to `wanted` leaves a minor version out, or crosses a major one.
pub(crate) fn leaves_a_minor_out(running: &str, wanted: &str) -> bool {
    match (numbers(running).as_slice(), numbers(wanted).as_slice()) {
        ([from_major, from, ..], [to_major, to, ..]) => from_major != to_major || *to > from + 1,
        _ => false,
    }
}

/// Whether `running` is what `wanted` asks for, as far as it says: `28` is satisfied by `28.1.1`. A version that
/// is not known satisfies everything.
pub(crate) fn satisfies(running: &str, wanted: &str) -> bool {
    let (running, wanted) = (numbers(running), numbers(wanted));
    running.is_empty() || running.starts_with(&wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_version_that_is_surely_older_is_a_downgrade() {
        for (wanted, running, older) in [
            ("20.10.24", "28.1.1", true),
            ("28.1.0", "28.1.1", true),
            ("28.1.1", "28.1.1", false),
            ("28", "28.1.1", false),
            ("28.1", "28.1.1", false),
            ("29", "28.1.1", false),
            ("27", "28.1.1", true),
            ("20.10.24", "20.10.24+dfsg1", false),
            ("20.10.23", "20.10.24+dfsg1", true),
            ("v1.31.0", "v1.32.0", true),
            ("latest", "28.1.1", false),
        ] {
            assert_eq!(is_older(wanted, running), older, "{wanted} after {running}");
        }
    }

    #[test]
    fn the_tag_of_an_image_may_be_a_version() {
        for (image, version) in [
            ("kindest/node:v1.34.11", Some("1.34.11")),
            ("registry:5000/node:1.34.4-1", Some("1.34.4-1")),
            ("registry:5000/node", None),
            ("node:latest", None),
            ("node", None),
        ] {
            assert_eq!(of_image(&ImageName(image.to_owned())), version, "{image}");
        }
    }

    #[test]
    fn minors_come_one_after_another() {
        for (running, wanted, leaves_one_out) in [
            ("1.33.13", "1.34.4", false),
            ("1.34.4", "1.34.11", false),
            ("1.33.13", "1.35.8", true),
            ("1.37.0", "2.0.0", true),
            ("1", "1.35.8", false),
        ] {
            let found = leaves_a_minor_out(running, wanted);
            assert_eq!(found, leaves_one_out, "{running} to {wanted}");
        }
    }

    #[test]
    fn a_version_is_satisfied_by_one_that_says_more() {
        for (running, wanted, satisfied) in [
            ("28.1.1", "28", true),
            ("20.10.24+dfsg1", "20.10.24", true),
            ("20.10.24+dfsg1", "27.0.0", false),
            ("28", "28.1", false),
            ("", "28.1", true),
        ] {
            assert_eq!(
                satisfies(running, wanted),
                satisfied,
                "{running} for {wanted}"
            );
        }
    }
}
