//! The files of the repository, and where a rule is broken in them.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use coe_tests::provider::repository;

/// A text file of the repository.
pub(crate) struct SourceFile {
    /// From the root of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A place where a rule is broken.
pub(crate) struct Breach {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Every path that is in the repository or would be with the next commit.
///
/// Files that git ignores are not the repository's.
pub(crate) fn paths() -> Vec<String> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(repository())
        .output()
        .expect("git starts");
    assert!(
        listed.status.success(),
        "{}",
        String::from_utf8_lossy(&listed.stderr)
    );
    let mut paths: Vec<String> = String::from_utf8(listed.stdout)
        .expect("paths are UTF-8")
        .split_terminator('\0')
        .map(str::to_owned)
        .collect();
    paths.sort_unstable();
    paths
}

/// The text files among [`paths`] that `wanted` picks.
///
/// # Panics
/// When there is none: a rule about nothing would hold for ever after a folder was renamed.
pub(crate) fn files(wanted: impl Fn(&str) -> bool) -> Vec<SourceFile> {
    let files: Vec<_> = paths()
        .into_iter()
        .filter(|path| wanted(path))
        .filter_map(|path| {
            // One that was deleted and not committed is still listed; one that is no text has no lines.
            let text = fs::read_to_string(repository().join(&path)).ok()?;
            Some(SourceFile { path, text })
        })
        .collect();
    assert!(
        !files.is_empty(),
        "the rule is about files that are not there"
    );
    files
}

/// Whether a path has this extension.
pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|found| found == extension)
}

/// Every line in which one of `words` stands, in upper or lower case, as a part of an identifier or alone.
pub(crate) fn naming(files: &[SourceFile], words: &[&str]) -> Vec<Breach> {
    breaches(files, |line| {
        let line = line.to_lowercase();
        words
            .iter()
            .find(|word| line.contains(**word))
            .map(|word| format!("names {word}"))
    })
}

/// Every line of which `breach` has something to say.
pub(crate) fn breaches(
    files: &[SourceFile],
    breach: impl Fn(&str) -> Option<String>,
) -> Vec<Breach> {
    files
        .iter()
        .flat_map(|file| {
            file.text
                .lines()
                .zip(1..)
                .map(move |(text, line)| (file, text, line))
        })
        .filter_map(|(file, text, line)| {
            let what = format!("{}: {}", breach(text)?, text.trim());
            Some(Breach {
                path: file.path.clone(),
                line,
                what,
            })
        })
        .collect()
}

/// The rule holds everywhere.
///
/// # Panics
/// When it does not, with every place.
pub(crate) fn assert_holds(rule: &str, breaches: &[Breach]) {
    let places: Vec<_> = breaches.iter().map(ToString::to_string).collect();
    assert!(
        places.is_empty(),
        "{rule}, and here it is not so:\n  {}",
        places.join("\n  ")
    );
}

#[test]
fn a_breach_is_found_in_any_spelling_and_named_by_file_and_line() {
    let file = SourceFile {
        path: "engine/src/example.rs".to_owned(),
        text: "fine\nuse TerraformThing;\n".to_owned(),
    };
    let found = naming(&[file], &["terraform"]);
    let said: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["engine/src/example.rs:2: names terraform: use TerraformThing;"]
    );
}
