//! `terraform-provider-coe watch`, while a create is under way.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use coe_tests::Stack;
use coe_tests::stack::swarm;
use serde_json::Value;

#[test]
fn a_create_is_watched_from_its_beginning_to_its_end() {
    let stack = Stack::simulated("watch");
    stack.configure(&format!(
        "provider \"coe\" {{\n  simulated = {{ dir = \"platform\", latency = \"100ms\" }}\n}}\n{}",
        swarm("node_count = 2")
    ));
    // Before there is any journal.
    let mut watch = stack
        .provider_by_hand(&["watch", "--json", stack.name()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the provider starts");
    let lines = BufReader::new(watch.stdout.take().expect("its output"));
    let mut events = lines.lines().map(|line| -> Value {
        serde_json::from_str(&line.expect("text")).expect("a line of JSON")
    });
    let mut terraform = stack.start(&["apply", "-auto-approve", "-input=false"]);

    let begun = events.next().expect("an event");
    assert_eq!(begun["event"], "operation_begun", "{begun}");
    assert_eq!(begun["kind"], "create", "{begun}");
    let mut seen = Vec::new();
    let ended = events.find(|event| {
        seen.push(event.clone());
        event["event"] == "operation_ended"
    });
    let ended = ended.expect("the create ends");
    assert_eq!(ended["ending"], "succeeded", "{ended}");
    let count = |kind: &str| seen.iter().filter(|event| event["event"] == kind).count();
    let ahead: u64 = seen
        .iter()
        .filter_map(|event| event["steps"].as_u64())
        .sum();
    assert_eq!(count("step_begun"), count("step_ended"));
    assert_eq!(
        count("step_ended") as u64,
        ahead,
        "as many as were foreseen"
    );
    let worker = format!("{}-worker-2", stack.name());
    assert!(
        seen.iter().any(|event| event["step"] == "join_node"
            && event["target"] == worker.as_str()
            && event["seconds"]
                .as_f64()
                .is_some_and(|seconds| seconds > 0.0)),
        "{seen:#?}"
    );
    assert!(terraform.wait().expect("terraform ends").success());

    let interrupted = Command::new("kill")
        .args(["-INT", &watch.id().to_string()])
        .status()
        .expect("kill starts");
    assert!(interrupted.success());
    assert!(
        watch.wait().expect("it ends").success(),
        "Ctrl-C is its end"
    );

    let once = stack.by_hand(&["watch", "--once"]);
    let join = format!("join {worker} as worker");
    let said = once.text();
    assert!(
        said.contains("create  succeeded in") && said.contains(&join),
        "{once}"
    );
    let other = stack.by_hand(&["watch", "--once", "another"]);
    assert_eq!(other.stdout(), "", "{other}");
    stack.destroy();
}

#[test]
fn a_damaged_journal_is_told_and_keeps_nothing_else_from_being_shown() {
    let stack = Stack::simulated("watchbad");
    stack.configure_swarm("");
    stack.apply();
    let journals = stack.folder().join("state/coe/journal");
    let bad = journals.join("bad.journal");
    std::fs::write(&bad, "damaged\nand more\n").expect("the folder takes files");
    let whole = stack.by_hand(&["watch", "--once"]);
    assert_eq!(
        whole.status(),
        Some(0),
        "all of it is torn, and none of it whole: {whole}"
    );
    let journal = std::fs::read_dir(&journals)
        .expect("the folder can be read")
        .map(|entry| entry.expect("a file").path())
        .find(|path| *path != bad)
        .expect("the journal of the cluster");
    let first = std::fs::read_to_string(&journal).expect("text");
    std::fs::write(&bad, format!("damaged\n{first}")).expect("the folder takes files");
    let run = stack.by_hand(&["watch", "--once"]);
    assert_eq!(run.status(), Some(1), "{run}");
    for words in ["bad.journal", "damaged", "succeeded in"] {
        assert!(run.text().contains(words), "{words}: {run}");
    }
    std::fs::remove_file(&bad).expect("it is there");
    stack.destroy();
}
