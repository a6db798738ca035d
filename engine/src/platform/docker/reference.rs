//! The names of images: `[registry/]path[:tag][@digest]`, as the reference grammar of the distribution
//! project has it.

/// The same image with the tag that the engine's CLI assumes: a pull without one fetches all tags.
pub(super) fn with_tag(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains(':') || last.contains('@') {
        image.to_owned()
    } else {
        format!("{image}:latest")
    }
}

/// What is wrong with an image's name; `None`: nothing.
pub(super) fn problem(image: &str) -> Option<&'static str> {
    let (rest, digest) = match image.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (image, None),
    };
    if digest.is_some_and(|digest| !is_digest(digest)) {
        return Some("After `@` stands a digest: sha256:, and 64 hexadecimal digits.");
    }
    let (path, tag) = match rest.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (rest, None),
    };
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Some(
            "A tag has at most 128 letters, digits, `_`, `.` and `-`, and begins with none of `.-`.",
        );
    }
    let mut components: Vec<&str> = path.split('/').collect();
    if components.len() > 1 && components.first().is_some_and(|first| is_registry(first)) {
        components.remove(0);
    }
    let sound = components
        .iter()
        .all(|component| is_path_component(component));
    (!sound).then_some(
        "The path is lower-case letters and digits, with `.`, `_`, `-` between them and `/` between parts.",
    )
}

fn is_registry(component: &str) -> bool {
    component == "localhost" || component.contains(['.', ':'])
}

fn is_path_component(component: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    bytes.first().copied().is_some_and(is_alphanumeric)
        && bytes.last().copied().is_some_and(is_alphanumeric)
        && bytes
            .iter()
            .all(|&byte| is_alphanumeric(byte) || b"._-".contains(&byte))
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(is_word)
        && tag
            .bytes()
            .all(|byte| is_word(byte) || b".-".contains(&byte))
}

fn is_digest(digest: &str) -> bool {
    digest.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_images_pass() {
        for image in [
            "docker:27.1-dind",
            "coe/cluster-node:20.10.24",
            "registry.example:5000/team/node",
            "localhost/node:1",
            "busybox@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(problem(image), None, "{image}");
        }
    }

    #[test]
    fn what_is_no_name_is_told() {
        for image in [
            "",
            "Docker",
            "docker:",
            "docker:a b",
            "a//b",
            "-a",
            "a@sha256:1",
            "a:.b",
            "a_",
        ] {
            assert!(problem(image).is_some(), "{image}");
        }
    }

    #[test]
    fn no_tag_is_the_latest() {
        assert_eq!(with_tag("docker"), "docker:latest");
        assert_eq!(with_tag("host:5000/docker"), "host:5000/docker:latest");
        assert_eq!(with_tag("docker:dind"), "docker:dind");
    }
}
