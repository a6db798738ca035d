//! Which versions of Kubernetes there may be.

use crate::model::{Finding, Subject};

/// What is made where nothing is said: the newest minor whose kubelet also starts on machines with cgroup v1, by the
/// patch that kind 0.33 publishes an image of.
pub(super) const DEFAULT: &str = "1.34.11";

/// The minors that this driver knows: those that kind 0.33 publishes images of, and the one before. Their kubeadm reads
/// `kubeadm.k8s.io/v1beta4`.
const MINORS: std::ops::RangeInclusive<u64> = 33..=37;

/// `1.34.4`: as the tags of node images have them, without the `v`.
pub(super) fn check(version: Option<&str>) -> Option<Finding> {
    let version = version?;
    let known = format!(
        "1.{} to 1.{} are known, each with its patch: {DEFAULT}.",
        MINORS.start(),
        MINORS.end()
    );
    let Some([major, minor, _]) = numbers(version) else {
        let nearest = version
            .strip_prefix('v')
            .filter(|rest| numbers(rest).is_some())
            .map_or_else(String::new, |nearest| format!("Did you mean {nearest:?}? "));
        return Some(Finding::error(
            Subject::Version,
            format!("{version:?} is not a version of Kubernetes"),
            format!("{nearest}A version has three numbers, for it names the node image; {known}"),
        ));
    };
    if major == 1 && MINORS.contains(&minor) {
        return None;
    }
    Some(Finding::error(
        Subject::Version,
        format!("Kubernetes {version} is not supported"),
        known,
    ))
}

/// The minor of a version that is known; of none that of [`DEFAULT`].
pub(super) fn minor(version: Option<&str>) -> u64 {
    let of = |version: &str| numbers(version).map(|[_, minor, _]| minor);
    version
        .and_then(of)
        .or_else(|| of(DEFAULT))
        .unwrap_or(*MINORS.start())
}

fn numbers(version: &str) -> Option<[u64; 3]> {
    let is_number =
        |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<u64> = version
        .split('.')
        .map(|part| Some(part).filter(is_number)?.parse().ok())
        .collect::<Option<_>>()?;
    parts.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_one_of_those_that_are_known() {
        assert_eq!(check(Some(DEFAULT)), None);
        assert_eq!(check(None), None);
    }

    #[test]
    fn what_is_no_version_or_no_known_one_is_told_apart() {
        for (version, summary) in [
            ("1.34", "\"1.34\" is not a version of Kubernetes"),
            ("v1.34.4", "\"v1.34.4\" is not a version of Kubernetes"),
            ("1.34.x", "\"1.34.x\" is not a version of Kubernetes"),
            ("", "\"\" is not a version of Kubernetes"),
            ("1.20.1", "Kubernetes 1.20.1 is not supported"),
            ("2.34.1", "Kubernetes 2.34.1 is not supported"),
        ] {
            assert_eq!(check(Some(version)).unwrap().summary, summary);
        }
    }

    #[test]
    fn the_v_of_a_tag_is_told_to_be_one_too_many() {
        let detail = check(Some("v1.34.4")).unwrap().detail;
        assert!(detail.starts_with("Did you mean \"1.34.4\"?"), "{detail}");
    }
}
