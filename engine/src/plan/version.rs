//! Versions of COEs, compared as far as they can be.

use std::cmp::Ordering;

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
pub(super) fn is_older(wanted: &str, running: &str) -> bool {
    numbers(wanted)
        .iter()
        .zip(&numbers(running))
        .map(|(wanted, running)| wanted.cmp(running))
        .find(|order| order.is_ne())
        == Some(Ordering::Less)
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
