//! What stands in no code of ours.

use std::fs;

use coe_tests::provider::repository;

use crate::sources::{assert_holds, breaches, files, has_extension, naming, paths};

#[test]
fn model_and_plan_do_no_input_or_output() {
    let pure =
        files(|path| path.starts_with("engine/src/model/") || path.starts_with("engine/src/plan"));
    assert_holds(
        "what is observed and desired comes in as values, so that the same input plans the same",
        &naming(
            &pure,
            &[
                "tokio",
                "async fn",
                "std::fs",
                "std::process",
                "std::env",
                "std::io",
                "std::net::tcp",
                "std::net::udp",
                "tosocketaddrs",
                "timestamp::now",
                "systemtime",
                "instant::now",
            ],
        ),
    );
}

#[test]
fn nothing_is_left_unfinished() {
    // Spelled in parts, or this file would be the first to break the rule.
    let unfinished =
        [["to", "do!"], ["unimple", "mented!"], ["db", "g!"]].map(|parts| parts.concat());
    let code = files(|path| has_extension(path, "rs"));
    assert_holds(
        "code that is committed is finished",
        &breaches(&code, |line| {
            unfinished
                .iter()
                .find(|call| line.contains(*call))
                .map(|call| format!("has {call}"))
        }),
    );
}

#[test]
fn no_file_is_too_long_to_be_read() {
    const MOST_LINES: usize = 700;
    let long: Vec<_> = paths()
        .into_iter()
        .filter(|path| has_extension(path, "rs") || !path.contains('.'))
        .filter(|path| path != "LICENSE")
        .filter_map(|path| {
            let lines = fs::read_to_string(repository().join(&path))
                .ok()?
                .lines()
                .count();
            (lines > MOST_LINES).then(|| format!("\n  {path}: {lines} lines"))
        })
        .collect();
    assert!(
        long.is_empty(),
        "a file of more than {MOST_LINES} lines is probably two things:{}",
        long.concat()
    );
}
