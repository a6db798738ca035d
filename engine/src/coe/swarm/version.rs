//! Which versions of Docker there may be.

use crate::model::{Finding, Subject};

/// `27`, `27.1`, `27.1.2`, `27.0.0-rc.1`: as the tags of the docker image have them.
pub(super) fn check(version: Option<&str>) -> Option<Finding> {
    let version = version?;
    if is_version(version) {
        return None;
    }
    let nearest =
        nearest(version).map_or_else(String::new, |nearest| format!("Did you mean {nearest:?}? "));
    Some(Finding::error(
        Subject::Version,
        format!("{version:?} is not a version of Docker"),
        format!("{nearest}A version has one to three numbers: 27, 27.1, 27.1.2."),
    ))
}

fn is_version(version: &str) -> bool {
    let numbers = version
        .split_once('-')
        .map_or(version, |(numbers, _)| numbers);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = numbers.split('.').collect();
    parts.len() <= 3 && parts.iter().all(|part| is_number(part))
}

/// The version that what was given begins with: `v27.1` and `27.1.x` are nearly 27.1.
fn nearest(version: &str) -> Option<String> {
    let begin = version.find(|character: char| character.is_ascii_digit())?;
    let numbers: Vec<&str> = version[begin..]
        .split(['.', ',', '_', ' '])
        .take_while(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        .take(3)
        .collect();
    (!numbers.is_empty()).then(|| numbers.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_images_tags() {
        for version in ["27", "27.1", "27.1.2", "27.0.0-rc.1"] {
            assert_eq!(check(Some(version)), None);
        }
        assert_eq!(check(None), None);
    }

    #[test]
    fn what_is_nearly_a_version_gets_the_one_that_was_meant() {
        for (given, nearest) in [
            ("v27.1", Some("27.1")),
            ("27.1.x", Some("27.1")),
            ("27,1", Some("27.1")),
            ("27.1.2.3", Some("27.1.2")),
            ("new", None),
            ("", None),
        ] {
            let detail = check(Some(given)).unwrap().detail;
            let said = nearest.map(|nearest| format!("Did you mean {nearest:?}?"));
            match said {
                Some(said) => assert!(detail.starts_with(&said), "{given}: {detail}"),
                None => assert!(!detail.contains("Did you mean"), "{given}: {detail}"),
            }
        }
    }
}
