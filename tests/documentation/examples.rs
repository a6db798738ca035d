//! The examples are what they look like: formatted, and valid for the provider of this very tree.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use coe_tests::Stack;
use coe_tests::provider::repository;

/// Configurations that also use providers which only a registry has.
///
/// What they use of this provider stands in the others too.
const NEED_OTHER_PROVIDERS: [&str; 2] = [
    "ephemeral-resources/coe_cluster_credentials",
    "ephemeral-resources/coe_cluster_credentials/kubernetes",
];

const OWN_PROVIDER: &str =
    "terraform {\n  required_providers {\n    coe = { source = \"coe-project/coe\" }\n  }\n}\n";

#[test]
fn they_are_formatted() {
    let check = Command::new("terraform")
        .args(["fmt", "-check", "-diff", "-recursive", "examples"])
        .current_dir(repository())
        .output()
        .expect("terraform starts");
    assert!(
        check.status.success(),
        "`terraform fmt -recursive examples` mends this:\n{}{}",
        String::from_utf8_lossy(&check.stdout),
        String::from_utf8_lossy(&check.stderr)
    );
}

#[test]
fn they_are_valid() {
    let examples = repository().join("examples");
    let folders: Vec<_> = configurations(&examples)
        .into_iter()
        .filter(|folder| {
            !NEED_OTHER_PROVIDERS
                .iter()
                .any(|other| folder.ends_with(other))
        })
        .collect();
    assert!(
        folders.len() >= 5,
        "the examples are not where they were: {folders:?}"
    );
    for folder in folders {
        let stack = Stack::simulated("example");
        let mut declares_provider = false;
        for file in files(&folder) {
            let text = fs::read_to_string(&file).expect("an example is text");
            declares_provider |= text.contains("required_providers");
            let name = file.file_name().expect("a file has a name");
            fs::write(stack.folder().join(name), text).expect("the folder takes files");
        }
        if !declares_provider {
            fs::write(stack.folder().join("provider.tf"), OWN_PROVIDER)
                .expect("the folder takes files");
        }
        let validated = stack.terraform(&["validate"]);
        assert_eq!(
            validated.status(),
            Some(0),
            "{}: {validated}",
            folder.display()
        );
    }
}

#[test]
fn scripts_are_valid() {
    let scripts = scripts(&repository().join("examples"));
    assert!(
        scripts.len() > 8,
        "the scripts are not where they were: {scripts:?}"
    );
    for script in scripts {
        let checked = Command::new("bash")
            .arg("-n")
            .arg(&script)
            .output()
            .expect("bash starts");
        assert!(
            checked.status.success(),
            "{}",
            String::from_utf8_lossy(&checked.stderr)
        );
    }
}

/// Every file below `folder` that says that a shell runs it.
fn scripts(folder: &Path) -> Vec<PathBuf> {
    let (folders, files): (Vec<_>, Vec<_>) = entries(folder).partition(|path| path.is_dir());
    let is_script = |path: &PathBuf| {
        let text = fs::read(path).expect("the file can be read");
        let first_line = text.split(|byte| *byte == b'\n').next();
        first_line.is_some_and(|line| line.starts_with(b"#!") && line.ends_with(b"sh"))
    };
    let mut found: Vec<_> = files.into_iter().filter(is_script).collect();
    found.extend(folders.iter().flat_map(|folder| scripts(folder)));
    found
}

/// Every folder below `folder` that holds a configuration.
fn configurations(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if !files(folder).is_empty() {
        found.push(folder.to_owned());
    }
    let mut folders: Vec<_> = entries(folder).filter(|path| path.is_dir()).collect();
    folders.sort_unstable();
    found.extend(folders.iter().flat_map(|folder| configurations(folder)));
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    entries(folder)
        .filter(|path| path.extension() == Some(OsStr::new("tf")))
        .collect()
}

/// What a folder holds, but for what Terraform itself keeps beside a configuration.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| !hidden(path) && !path.ends_with("terraform.d"))
}

fn hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'))
}
