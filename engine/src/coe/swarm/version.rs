//! Which versions of Docker there may be.

use crate::model::{Finding, Subject};

/// `27`, `27.1`, `27.1.2`, `27.0.0-rc.1`: as the tags of the docker image have them.
pub(super) fn check(version: Option<&str>) -> Option<Finding> {
    let version = version?;
    let numbers = version
        .split_once('-')
        .map_or(version, |(numbers, _)| numbers);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = numbers.split('.').collect();
    if parts.len() <= 3 && parts.iter().all(|part| is_number(part)) {
        return None;
    }
    Some(Finding::error(
        Subject::Version,
        format!("{version:?} is not a version of Docker"),
        "A version has one to three numbers: 27, 27.1, 27.1.2.",
    ))
}
