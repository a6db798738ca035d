//! What the repository consists of.

use std::collections::BTreeSet;

use coe_tests::provider::repository;

use crate::sources::{assert_holds, breaches, files, paths};

#[test]
fn the_top_level_holds_what_a_newcomer_expects() {
    let allowed: BTreeSet<&str> = [
        "CHANGELOG.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "deny.toml",
        "docs",
        "engine",
        "examples",
        "provider",
        "rustfmt.toml",
        "tests",
    ]
    .into();
    let paths = paths();
    let found: BTreeSet<&str> = paths
        .iter()
        .filter_map(|path| path.split('/').next())
        .filter(|name| !name.starts_with('.'))
        .collect();
    assert_eq!(
        found, allowed,
        "the top level of the repository (left) is not as agreed (right)"
    );
}

#[test]
fn each_dependency_has_one_version_in_the_whole_workspace() {
    let members = files(|path| path.ends_with("/Cargo.toml"));
    for member in &members {
        let mut in_dependencies = false;
        for (line, number) in member.text.lines().zip(1..) {
            if line.starts_with('[') {
                in_dependencies = line.ends_with("dependencies]");
                assert!(
                    in_dependencies || !line.contains("dependencies."),
                    "{}:{number}: a dependency is one line with `workspace = true`: {line}",
                    member.path
                );
                continue;
            }
            let is_dependency =
                in_dependencies && !line.trim().is_empty() && !line.starts_with('#');
            assert!(
                !is_dependency || line.replace(' ', "").contains("workspace=true"),
                "{}:{number}: the version of a dependency is declared once, in the root's \
                 [workspace.dependencies]: {line}",
                member.path
            );
        }
    }
}

#[test]
fn no_file_names_a_path_of_the_machine_that_it_was_written_on() {
    // Spelled in parts, or this file would be the first to break the rule.
    let shared_checkout = ["/wo", "rk/"].concat();
    let this_checkout = format!("{}/", repository().display());
    let all = files(|_| true);
    assert_holds(
        "the repository speaks of itself alone",
        &breaches(&all, |line| {
            [&shared_checkout, &this_checkout]
                .into_iter()
                .find(|path| {
                    line.match_indices(path.as_str()).any(|(at, _)| {
                        let before = line[..at].chars().next_back();
                        before.is_none_or(|before| {
                            !before.is_alphanumeric() && !"_.-}".contains(before)
                        })
                    })
                })
                .map(|path| format!("names {path}"))
        }),
    );
}
