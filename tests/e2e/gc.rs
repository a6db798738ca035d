//! `terraform-provider-coe gc`: what is garbage is listed and removed, and nothing else is.

use std::fs;
use std::path::PathBuf;
use std::process::Child;

use coe_tests::Stack;
use coe_tests::docker::{docker, objects_of};
use coe_tests::stack::swarm;

use crate::await_condition;
use coe_tests::process::{Signal, provider_of, send};

/// What stays while the cluster `NAME` is made: a cluster that is finished.
fn kept() -> String {
    swarm("node_count = 0")
        .replace("NAME", "NAME-kept")
        .replace("\"this\"", "\"kept\"")
}

/// A platform on which the make of the second machine in a run never answers.
const HANGS: &str = "provider \"coe\" {\n  simulated = {\n    dir = \"platform\"\n    faults = [{ call = \
                     \"ensure_machine\", nth = 2, kind = \"hang\" }]\n  }\n}\n";

/// A network that carries nobody's labels, outside of the pool that the platform chooses from.
const FOREIGN: &str = r#"{"subnet": "192.168.7.0/24", "whose": "somebody else's"}"#;

/// Everything of the stack's cluster on its simulated platform.
fn objects(stack: &Stack) -> Vec<PathBuf> {
    let platform = stack.folder().join("platform");
    let mut found = Vec::new();
    for folder in ["machines", "networks", "volumes"] {
        for entry in fs::read_dir(platform.join(folder)).into_iter().flatten() {
            let path = entry.expect("an object").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            let is_kept = name.starts_with(&format!("{}-kept", stack.name()));
            if name.starts_with(stack.name()) && !is_kept {
                found.push(path);
            }
        }
    }
    found
}

/// Begins a create beside a finished cluster that stays in the middle until its provider is killed.
fn create_that_hangs(stack: &Stack) -> Child {
    stack.configure(&kept());
    stack.apply();
    stack.configure(&format!("{HANGS}{}{}", kept(), swarm("node_count = 1")));
    let terraform = stack.start(&["apply", "-auto-approve", "-input=false"]);
    let machines = stack.folder().join("platform/machines");
    await_condition("a machine is made, and another hangs", || {
        objects(stack)
            .iter()
            .any(|object| object.starts_with(&machines))
            && remembered(stack).contains(&hanging(stack))
    });
    terraform
}

/// The step that hangs.
fn hanging(stack: &Stack) -> String {
    format!("make the machine of worker {}-worker-1", stack.name())
}

/// What the journals of the stack say.
fn remembered(stack: &Stack) -> String {
    let folder = stack.folder().join("state/coe/journal");
    let files = fs::read_dir(folder).into_iter().flatten();
    files
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok())
        .collect()
}

fn kill_provider_of(mut terraform: Child) {
    send(
        Signal::Kill,
        provider_of(terraform.id()).expect("terraform has started the provider"),
    );
    assert!(!terraform.wait().expect("terraform ends").success());
}

const ON: [&str; 2] = ["--simulated-dir", "platform"];

fn gc(stack: &Stack, options: &[&str], exit: i32, said: &[&str]) -> String {
    let run = stack.by_hand(&[&["gc"], &ON[..], options].concat());
    assert_eq!(run.status(), Some(exit), "{run}");
    for words in said {
        assert!(run.text().contains(words), "{words:?} is missing: {run}");
    }
    assert!(!run.text().contains("-kept"), "{run}");
    run.text()
}

/// The id after `operation` in a list.
fn operation_in(list: &str) -> &str {
    let line = list
        .lines()
        .find_map(|line| line.trim().strip_prefix("operation "));
    let id = line.and_then(|line| line.trim().split(',').next());
    id.expect("the list names an operation")
}

#[test]
fn what_a_killed_create_left_is_removed_after_a_look_and_nothing_else_is() {
    let stack = Stack::simulated("gc");
    kill_provider_of(create_that_hangs(&stack));
    let foreign = foreign_network(&stack);
    let left = objects(&stack);
    assert_ne!(left, Vec::<PathBuf>::new());

    let died = "its process died on this machine";
    gc(&stack, &["--dry-run"], 0, &[stack.name(), died, "dry run"]);
    gc(&stack, &[], 3, &[stack.name(), died, "--yes removes it"]);
    let young = ["--yes", "--older-than", "1h"];
    gc(
        &stack,
        &young,
        0,
        &["Nothing to remove", "not older than 1 h"],
    );
    assert_eq!(objects(&stack), left, "so far, nobody said yes");

    gc(
        &stack,
        &["--yes"],
        0,
        &["Removed what was left of 1 cluster"],
    );
    assert_eq!(objects(&stack), Vec::<PathBuf>::new());
    assert!(foreign.exists(), "it carries no labels");
    assert!(!remembered(&stack).contains(&hanging(&stack)));
    gc(&stack, &["--yes"], 0, &["Nothing to remove"]);
    stack.configure(&kept());
    stack.assert_plan_is_empty();
    stack.destroy();
}

/// Makes it.
fn foreign_network(stack: &Stack) -> PathBuf {
    let folder = stack
        .folder()
        .join("platform/networks")
        .join("of-somebody-else");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("network.json"), FOREIGN).expect("the folder takes files");
    folder.join("network.json")
}

#[test]
fn elsewhere_what_a_killed_create_left_is_spared_until_somebody_says_that_it_is_over() {
    let stack = Stack::simulated("gcelse");
    kill_provider_of(create_that_hangs(&stack));
    let left = objects(&stack);
    let elsewhere = |options: &[&str], exit, said: &[&str]| {
        let journals = ["--journal-dir", "elsewhere"];
        gc(&stack, &[&journals, options].concat(), exit, said)
    };
    let spared = [
        "Nothing to remove",
        "Not touched",
        "nothing on this machine tells",
    ];
    let list = elsewhere(&["--yes"], 0, &spared);
    let operation = operation_in(&list).to_owned();
    let another = "00000000-0000-4000-8000-000000000000";
    elsewhere(&["--yes", "--ended", another], 1, &[another]);
    elsewhere(
        &["--ended", &operation],
        3,
        &["you say that its process is gone"],
    );
    assert_eq!(objects(&stack), left);
    elsewhere(
        &["--yes", "--ended", &operation],
        0,
        &["Removed what was left of 1 cluster"],
    );
    assert_eq!(objects(&stack), Vec::<PathBuf>::new());
    stack.destroy();
}

/// Kills the provider in the middle of an update of a finished cluster, which it has claimed.
fn kill_in_the_middle_of_an_update(stack: &Stack) {
    stack.configure_swarm("node_count = 0");
    stack.apply();
    stack.configure(&format!("{HANGS}{}", swarm("node_count = 2")));
    let terraform = stack.start(&["apply", "-auto-approve", "-input=false"]);
    await_condition("machines are made, and one hangs", || {
        let remembered = remembered(stack);
        let is_begun =
            |ordinal| remembered.contains(&format!("{}-worker-{ordinal}\"", stack.name()));
        is_begun(1) && is_begun(2)
    });
    kill_provider_of(terraform);
    stack.configure_swarm("node_count = 2");
}

/// The claims on clusters of the stack's simulated platform.
fn claims(stack: &Stack) -> usize {
    let clusters = fs::read_dir(stack.folder().join("platform/clusters"));
    let folders = clusters.into_iter().flatten().flatten();
    let claims = folders.filter(|folder| folder.path().join("claim.json").exists());
    claims.count()
}

#[test]
fn elsewhere_the_claim_of_a_killed_update_stays_until_somebody_says_that_it_is_over() {
    let stack = Stack::simulated("gcclaim");
    kill_in_the_middle_of_an_update(&stack);
    let elsewhere = |options: &[&str], exit, said: &[&str]| {
        let journals = ["--journal-dir", "elsewhere/coe/journal"];
        gc(&stack, &[&journals, options].concat(), exit, said)
    };
    let apply_elsewhere = || {
        let mut apply = stack.command(&["apply", "-auto-approve", "-input=false"]);
        apply.env("XDG_STATE_HOME", stack.folder().join("elsewhere"));
        stack.run(apply, "apply elsewhere")
    };
    let list = elsewhere(
        &["--yes"],
        0,
        &["Nothing to remove", "a claim", "this ends it"],
    );
    let operation = operation_in(&list).to_owned();
    let told = format!("gc --ended {operation}");
    let _ = apply_elsewhere().failed_saying(&[&told]);
    let another = "00000000-0000-4000-8000-000000000000";
    elsewhere(&["--yes", "--ended", another], 1, &[another]);
    let said = "you say that its process is gone";
    elsewhere(&["--ended", &operation], 3, &["Claims of operations", said]);
    assert_eq!(claims(&stack), 1, "so far, nobody said yes");

    let before = objects(&stack);
    elsewhere(&["--yes", "--ended", &operation], 0, &["Ended 1 claim"]);
    assert_eq!(claims(&stack), 0);
    assert_eq!(objects(&stack), before, "the cluster stays as it is");
    let _ = apply_elsewhere().succeeded();
    stack.assert_ready(&["control-plane-1", "worker-1", "worker-2"]);
    stack.destroy();
}

#[test]
fn here_the_claim_of_a_killed_update_needs_nobody_who_says_so() {
    let stack = Stack::simulated("gchere");
    kill_in_the_middle_of_an_update(&stack);
    let died = "its process died on this machine";
    gc(&stack, &[], 3, &["Claims of operations", died]);
    gc(&stack, &["--yes"], 0, &["Ended 1 claim"]);
    assert_eq!(claims(&stack), 0);
    stack.apply();
    stack.assert_plan_is_empty();
    stack.destroy();
}

#[test]
fn a_create_that_lives_is_never_touched() {
    let stack = Stack::simulated("gclive");
    let terraform = create_that_hangs(&stack);
    let made = objects(&stack);
    let provider = provider_of(terraform.id()).expect("terraform has started the provider");
    let at_work = format!("process {provider} of this machine is at work");
    let list = gc(&stack, &["--yes"], 0, &["Nothing to remove", &at_work]);
    let said = ["--yes", "--ended", operation_in(&list)];
    gc(&stack, &said, 0, &["Nothing to remove", &at_work]);
    assert_eq!(objects(&stack), made);
    kill_provider_of(terraform);
    gc(
        &stack,
        &["--yes"],
        0,
        &["Removed what was left of 1 cluster"],
    );
    stack.destroy();
}

#[test]
fn on_docker_only_what_is_labelled_and_named_is_removed() {
    let stack = Stack::on_docker("gc");
    let terraform = crate::kill::apply_in_the_middle(&stack);
    kill_provider_of(terraform);
    crate::await_condition("the engine has removed what asked for privileges", || {
        let objects = objects_of(stack.name());
        !objects
            .iter()
            .any(|object| crate::kill::asks_for_privileges(object))
    });
    // Of the same name as one of the cluster's own volumes, but for an end, and without labels.
    let foreign = format!("{}-worker-1-of-somebody-else", stack.name());
    docker(&["volume", "create", &foreign]);
    let _foreign = Volume(&foreign);
    let filter = format!("label=io.coe.cluster.name={}", stack.name());
    let format = "{{.Label \"io.coe.operation.id\"}}";
    let operations = docker(&["ps", "--all", "--filter", &filter, "--format", format]);
    let operation = operations.lines().next().expect("a machine was made");
    // Only this operation's: other tests leave theirs on the same engine.
    let run = |more: &[&str]| {
        let run = stack.by_hand(&[&["gc", "--ended", operation], more].concat());
        run.text()
    };
    let left = objects_of(stack.name());
    let list = run(&["--dry-run"]);
    assert!(list.contains("its process died on this machine"), "{list}");
    assert_eq!(objects_of(stack.name()), left);
    let removed = run(&["--yes"]);
    assert!(
        removed.contains("Removed what was left of 1 cluster"),
        "{removed}"
    );
    stack.assert_nothing_left();
    let found = docker(&[
        "volume",
        "ls",
        "--quiet",
        "--filter",
        &format!("name={foreign}"),
    ]);
    assert_eq!(found, foreign);
}

/// A volume that is removed with the test.
struct Volume<'a>(&'a str);

impl Drop for Volume<'_> {
    fn drop(&mut self) {
        _ = coe_tests::docker::try_docker(&["volume", "rm", self.0]);
    }
}

#[test]
fn a_platform_that_does_not_answer_is_told_with_another_exit_code() {
    let stack = Stack::simulated("gcnone");
    let socket = format!("unix://{}/no.sock", stack.folder().display());
    let run = stack.by_hand(&["gc", "--docker-host", &socket]);
    assert_eq!(run.status(), Some(1), "{run}");
    assert!(run.text().contains("no.sock"), "{run}");
    let misused = stack.by_hand(&["gc", "everything"]);
    assert_eq!(misused.status(), Some(2), "{misused}");
}
