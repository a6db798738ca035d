//! Groups of nodes beside a cluster's own pool.

mod real;

use std::fs;
use std::path::PathBuf;

use coe_tests::Stack;
use coe_tests::process::{Signal, provider_of, send};
use coe_tests::stack::{kubernetes_of, swarm};
use serde_json::{Value, json};

use crate::await_condition;
use crate::kill::journals;

const GROUP: &str = "coe_node_group.large";

fn group_named(name: &str, arguments: &str) -> String {
    format!(
        "resource \"coe_node_group\" \"{name}\" {{\n  cluster_id = coe_container_cluster.this.id\n  name       = \
         \"{name}\"\n  {arguments}\n}}\n"
    )
}

fn group(arguments: &str) -> String {
    group_named("large", arguments)
}

fn swarm_with(arguments: &str) -> String {
    format!("{}{}", swarm("node_count = 1"), group(arguments))
}

fn kubernetes_with(arguments: &str) -> String {
    format!(
        "{}{}",
        kubernetes_of("node:1", "node_count = 1"),
        group(arguments)
    )
}

/// The same on a simulated platform on which that goes wrong.
fn with_fault(fault: &str, configuration: &str) -> String {
    format!(
        "provider \"coe\" {{\n  simulated = {{\n    dir    = \"platform\"\n    faults = [{fault}]\n  }}\n}}\n\
         {configuration}"
    )
}

/// The group's nodes by their names without the cluster's, each with that attribute.
fn nodes(stack: &Stack, attribute: &str) -> Vec<(String, Value)> {
    let group = stack.state(GROUP);
    let nodes = group["nodes"].as_object().expect("nodes is a map").clone();
    let prefix = format!("{}-", stack.name());
    nodes
        .into_iter()
        .map(|(name, node)| {
            let short = name.trim_start_matches(&prefix).to_owned();
            (short, node[attribute].clone())
        })
        .collect()
}

fn assert_runs(stack: &Stack, count: usize) {
    let of_group = |ordinal| format!("large-{ordinal}");
    assert_runs_on(stack, (1..=count).map(of_group).collect());
}

fn assert_runs_on(stack: &Stack, names: Vec<String>) {
    let ready = |name| (name, json!("Ready"));
    let expected: Vec<_> = names.into_iter().map(ready).collect();
    assert_eq!(nodes(stack, "status"), expected);
    assert_eq!(stack.state(GROUP)["status"], "Running");
    stack.assert_plan_is_empty();
}

/// The folder of a machine on the simulated platform.
fn machine(stack: &Stack, node: &str) -> PathBuf {
    let machines = stack.folder().join("platform/machines");
    machines.join(format!("{}-{node}", stack.name()))
}

/// What the file of a machine says.
fn machine_file(stack: &Stack, node: &str) -> Value {
    let text = fs::read_to_string(machine(stack, node).join("machine.json"));
    serde_json::from_str(&text.expect("the machine has a file")).expect("JSON")
}

fn machine_id(stack: &Stack, node: &str) -> Value {
    machine_file(stack, node)["id"].clone()
}

fn machines(stack: &Stack) -> Vec<String> {
    let machines = stack.folder().join("platform/machines");
    let prefix = format!("{}-", stack.name());
    let mut names: Vec<String> = fs::read_dir(machines)
        .expect("the platform is a folder")
        .map(|entry| entry.expect("a machine").file_name())
        .map(|name| {
            let name = name.to_string_lossy().into_owned();
            name.trim_start_matches(&prefix).to_owned()
        })
        .collect();
    names.sort();
    names
}

fn machines_of_group(stack: &Stack) -> Vec<String> {
    let mut names = machines(stack);
    names.retain(|name| name.starts_with("large"));
    names
}

#[test]
fn a_group_grows_shrinks_and_goes() {
    let stack = Stack::simulated("group");
    for with in [swarm_with, kubernetes_with] {
        stack.configure(&with("node_labels = { size = \"large\" }"));
        stack.apply();
        assert_runs(&stack, 1);
        let labels = machine_file(&stack, "large-1")["labels"].clone();
        assert_eq!(labels["io.coe.node.group"], "large");
        stack.configure(&with(
            "node_count = 3\n  node_labels = { size = \"large\" }",
        ));
        stack.apply();
        assert_runs(&stack, 3);
        // A refresh of the cluster shows them beside its own.
        let _ = stack
            .terraform(&["apply", "-refresh-only", "-auto-approve"])
            .succeeded();
        stack.assert_ready(&[
            "control-plane-1",
            "large-1",
            "large-2",
            "large-3",
            "worker-1",
        ]);
        assert_eq!(stack.cluster()["node_count"], 1);
        stack.configure(&with("node_count = 1"));
        stack.apply();
        assert_runs(&stack, 1);
        stack.configure(&with("node_count = 0"));
        stack.apply();
        assert_runs(&stack, 0);
        stack.configure(&with("min_node_count = 2\n  max_node_count = 4"));
        stack.apply();
        assert_eq!(stack.state(GROUP)["node_count"], 2, "a bound is kept");
        assert_runs(&stack, 2);
        stack.destroy();
        assert_eq!(machines(&stack), Vec::<String>::new());
    }
}

#[test]
fn a_group_that_says_no_number_begins_with_the_fewest_and_keeps_what_it_has() {
    let stack = Stack::simulated("group-count");
    stack.configure(&swarm_with("min_node_count = 2\n  max_node_count = 5"));
    stack.apply();
    assert_runs(&stack, 2);
    stack.configure(&swarm_with("node_count = 4"));
    stack.apply();
    assert_runs(&stack, 4);
    stack.configure(&swarm_with("min_node_count = 1"));
    stack.apply();
    assert_runs(&stack, 4);
    stack.configure(&swarm_with("max_node_count = 3"));
    stack.apply();
    assert_runs(&stack, 3);
    stack.destroy();
}

#[test]
fn labels_and_taints_of_a_group_change_in_place() {
    let stack = Stack::simulated("group-labels");
    let taints = "taints = [{ key = \"size\", value = \"large\", effect = \"NoSchedule\" }]";
    stack.configure(&kubernetes_with(&format!(
        "node_count = 2\n  node_labels = {{ size = \"large\" }}\n  {taints}"
    )));
    stack.apply();
    assert_runs(&stack, 2);
    let before = nodes(&stack, "id");
    for arguments in [
        "node_labels = { size = \"huge\", disk = \"ssd\" }\n  taints = [{ key = \"size\", effect = \"NoExecute\" }]",
        "node_labels = { disk = \"ssd\" }",
        taints,
        "",
    ] {
        stack.configure(&kubernetes_with(&format!("node_count = 2\n  {arguments}")));
        let plan = stack.plan();
        let changes = plan["resource_changes"].as_array().expect("changes");
        let change = changes.iter().find(|change| change["address"] == GROUP);
        let actions = change.map(|change| &change["change"]["actions"]);
        assert_eq!(actions, Some(&json!(["update"])), "{arguments}");
        stack.apply();
        assert_runs(&stack, 2);
        assert_eq!(nodes(&stack, "id"), before, "{arguments}");
    }
    stack.destroy();
}

#[test]
fn another_image_and_flavor_make_the_machines_of_a_group_again_and_no_others() {
    let stack = Stack::simulated("group-image");
    for (settings, count) in [
        ("", 2),
        (
            "upgrade_settings = { max_surge = 1, max_unavailable = 0 }",
            2,
        ),
        ("upgrade_settings = { max_unavailable = 3 }", 3),
    ] {
        let arguments = format!("node_count = {count}\n  {settings}");
        stack.configure(&swarm_with(&arguments));
        stack.apply();
        let mut before = nodes(&stack, "id");
        let pool = ["control-plane-1", "worker-1"].map(|node| machine_id(&stack, node));
        for other in [
            "image = \"node:2\"",
            "image = \"node:2\"\n  flavor = \"2x4\"",
        ] {
            stack.configure(&swarm_with(&format!("{arguments}\n  {other}")));
            stack.apply();
            assert_runs(&stack, count);
            let after = nodes(&stack, "id");
            for (old, new) in before.iter().zip(&after) {
                assert_eq!(old.0, new.0);
                assert_ne!(old.1, new.1, "{} has the machine that it had", old.0);
            }
            before = after;
        }
        let now = ["control-plane-1", "worker-1"].map(|node| machine_id(&stack, node));
        assert_eq!(now, pool);
        let wanted = count + 2;
        assert_eq!(machines(&stack).len(), wanted, "no node for a time is left");
        stack.destroy();
    }
}

#[test]
fn a_group_without_an_image_of_its_own_follows_the_clusters() {
    let stack = Stack::simulated("group-follows");
    let with_image = |image: &str| {
        let cluster = swarm("node_count = 0").replace("IMAGE", image);
        format!("{cluster}{}", group("node_count = 2"))
    };
    stack.configure(&with_image("node:1"));
    stack.apply();
    stack.configure(&with_image("node:2"));
    stack.apply();
    // The apply after the one that changed it.
    stack.apply();
    assert_runs(&stack, 2);
    assert_eq!(machine_file(&stack, "large-2")["spec"]["image"], "node:2");
    stack.destroy();
}

#[test]
fn a_group_is_imported_and_its_plan_is_empty() {
    let stack = Stack::simulated("group-import");
    let arguments = "node_count = 2\n  min_node_count = 1\n  max_node_count = 3\n  image = \"node:2\"\n  flavor = \
                     \"1x2\"\n  node_labels = { size = \"large\" }\n  taints = [{ key = \"size\", value = \"large\", \
                     effect = \"NoSchedule\" }]\n  upgrade_settings = { max_surge = 1, max_unavailable = 0, \
                     drain_timeout = \"10m\" }";
    stack.configure(&kubernetes_with(arguments));
    stack.apply();
    let before = stack.state(GROUP);
    for id in [
        format!("{}/large", stack.name()),
        before["id"].as_str().expect("an id").to_owned(),
    ] {
        let _ = stack.terraform(&["state", "rm", GROUP]).succeeded();
        let _ = stack.terraform(&["import", GROUP, &id]).succeeded();
        stack.assert_plan_is_empty();
        assert_eq!(stack.state(GROUP), before);
    }
    // The cluster with them beside it.
    let _ = stack
        .terraform(&["state", "rm", "coe_container_cluster.this"])
        .succeeded();
    let cluster = "coe_container_cluster.this";
    let _ = stack
        .terraform(&["import", cluster, stack.name()])
        .succeeded();
    stack.assert_plan_is_empty();

    let _ = stack.terraform(&["state", "rm", GROUP]).succeeded();
    for (id, said) in [
        ("large".to_owned(), "imported as <cluster>/<group>"),
        (format!("{}/small", stack.name()), "no group small"),
        (format!("{}/worker", stack.name()), "no group worker"),
    ] {
        let _ = stack
            .terraform(&["import", GROUP, &id])
            .failed_saying(&[said]);
    }
    stack.apply_fails_saying(&["has a group of nodes named large already"]);
    // A node of it is no resource of its own.
    let single =
        "resource \"coe_cluster_node\" \"large\" {\n  cluster_id = \"x\"\n  name = \"x\"\n}\n";
    stack.configure(&format!("{}{single}", kubernetes_with(arguments)));
    let node = format!("{0}/{0}-large-1", stack.name());
    let _ = stack
        .terraform(&["import", "coe_cluster_node.large", &node])
        .failed_saying(&["is a node of group large"]);
    stack.configure(&kubernetes_with(arguments));
    let id = format!("{}/large", stack.name());
    let _ = stack.terraform(&["import", GROUP, &id]).succeeded();
    stack.destroy();
    assert_eq!(machines(&stack), Vec::<String>::new());
}

#[test]
fn a_node_of_a_group_that_was_removed_behind_our_back_is_made_again() {
    let stack = Stack::simulated("group-drift");
    let taints = "taints = [{ key = \"size\", effect = \"NoSchedule\" }]";
    let arguments = format!("node_count = 3\n  node_labels = {{ size = \"large\" }}\n  {taints}");
    stack.configure(&kubernetes_with(&arguments));
    stack.apply();
    fs::remove_dir_all(machine(&stack, "large-2")).expect("there is a machine");
    let plan = stack.plan();
    let drift = plan["resource_drift"].as_array().expect("there is drift");
    let of_group = drift.iter().find(|change| change["address"] == GROUP);
    let after = &of_group.expect("the group has drifted")["change"]["after"];
    assert_eq!(after["status"], "Alert");
    let lost = format!("{}-large-2", stack.name());
    assert_eq!(after["nodes"][&lost]["status"], "Missing");
    stack.apply();
    assert_runs(&stack, 3);
    stack.destroy();
}

#[test]
fn a_group_sleeps_with_its_cluster() {
    let stack = Stack::simulated("group-doze");
    let configuration = |cluster: &str, of_group: &str| {
        let cluster = kubernetes_of("node:1", cluster);
        format!(
            "{cluster}{}",
            group(&format!("node_count = 2\n  {of_group}"))
        )
    };
    let asleep = "desired_state = \"Stopped\"";
    let labels = "node_labels = { size = \"large\" }";
    stack.configure(&configuration("", ""));
    stack.apply();
    stack.configure(&configuration(asleep, ""));
    stack.apply();
    stack.assert_plan_is_empty();
    let refresh = || {
        let _ = stack
            .terraform(&["apply", "-refresh-only", "-auto-approve"])
            .succeeded();
    };
    refresh();
    assert_eq!(stack.cluster()["status"], "Stopped");
    assert_eq!(stack.state(GROUP)["status"], "Stopped");

    stack.configure(&configuration(asleep, labels));
    let plan = stack.terraform(&["plan", "-input=false"]).succeeded();
    let said = plan.unwrapped();
    assert!(said.contains("when the cluster is started"), "{said}");
    stack.apply();
    stack.assert_plan_is_empty();
    // Machines are made for a cluster that runs.
    stack.configure(&configuration(asleep, labels).replace("node_count = 2", "node_count = 3"));
    let plan = stack.terraform(&["plan", "-input=false"]).succeeded();
    let said = plan.unwrapped();
    assert!(said.contains("needs a cluster that runs"), "{said}");
    stack.apply_fails_saying(&["start the cluster first"]);

    stack.configure(&configuration("", labels));
    stack.apply();
    refresh();
    assert_runs(&stack, 2);
    assert_eq!(stack.state(GROUP)["node_labels"]["size"], "large");
    assert_eq!(stack.cluster()["status"], "Running");
    // In one apply it wakes, and grows.
    stack.configure(&configuration(asleep, labels));
    stack.apply();
    stack.configure(&configuration("", labels).replace("node_count = 2", "node_count = 3"));
    stack.apply();
    refresh();
    assert_runs(&stack, 3);
    stack.destroy();
}

#[test]
fn two_groups_and_a_node_are_made_at_once_and_go_with_their_cluster() {
    let stack = Stack::simulated("groups");
    stack.configure(&format!(
        "{}{}{}resource \"coe_cluster_node\" \"extra\" {{\n  cluster_id = coe_container_cluster.this.id\n  name = \
         \"NAME-extra\"\n}}\n",
        swarm("node_count = 1"),
        group_named("large", "node_count = 2"),
        group_named("small", "node_count = 3\n  node_labels = { size = \"small\" }"),
    ));
    stack.apply();
    assert_runs(&stack, 2);
    let small = stack.state("coe_node_group.small");
    assert_eq!(small["status"], "Running");
    assert_eq!(
        small["nodes"].as_object().map(serde_json::Map::len),
        Some(3)
    );
    let garbage = stack.by_hand(&["gc", "--simulated-dir", "platform"]);
    let said = garbage.text();
    assert!(!said.contains("large"), "{said}");
    // The nodes go with the cluster, also where nobody takes the groups out before.
    for address in [GROUP, "coe_node_group.small", "coe_cluster_node.extra"] {
        let _ = stack.terraform(&["state", "rm", address]).succeeded();
    }
    stack.destroy();
    assert_eq!(machines(&stack), Vec::<String>::new());
}

#[test]
fn a_group_that_cannot_be_made_takes_back_what_it_made_and_nothing_else() {
    let stack = Stack::simulated("group-fault");
    stack.configure_swarm("node_count = 1");
    stack.apply();
    let of_cluster = machines(&stack);
    for kind in ["fail_before", "fail_after"] {
        let fault = format!("{{ call = \"ensure_machine\", nth = 2, kind = \"{kind}\" }}");
        stack.configure(&with_fault(&fault, &swarm_with("node_count = 3")));
        stack.apply_fails_saying(&["group of nodes could not be added"]);
        assert!(stack.try_state(GROUP).is_none());
        assert_eq!(machines(&stack), of_cluster, "{kind}");
    }
    stack.configure(&swarm_with("node_count = 1"));
    stack.apply();
    let first = nodes(&stack, "id");
    for kind in ["fail_before", "fail_after"] {
        let fault = format!("{{ call = \"ensure_machine\", nth = 2, kind = \"{kind}\" }}");
        stack.configure(&with_fault(&fault, &swarm_with("node_count = 3")));
        stack.apply_fails_saying(&["group of nodes could not be changed"]);
        assert_eq!(stack.state(GROUP)["node_count"], 1, "{kind}");
        assert_eq!(nodes(&stack, "id"), first, "{kind}");
        assert_eq!(machines(&stack).len(), of_cluster.len() + 1, "{kind}");
    }
    stack.configure(&swarm_with("node_count = 3"));
    stack.apply();
    assert_runs(&stack, 3);
    stack.destroy();
}

#[test]
fn a_group_whose_provider_was_killed_in_the_middle_is_finished_by_the_next_apply() {
    let stack = Stack::simulated("group-kill");
    stack.configure_swarm("node_count = 0");
    stack.apply();
    let hangs = "{ call = \"ensure_machine\", nth = 3, kind = \"hang\" }";
    let kill_when_made = |count: usize| {
        let mut terraform = stack.start(&["apply", "-auto-approve", "-input=false"]);
        await_condition("machines of the group are made", || {
            machines_of_group(&stack).len() == count
        });
        let provider = provider_of(terraform.id()).expect("terraform has started the provider");
        send(Signal::Kill, provider);
        assert!(!terraform.wait().expect("terraform ends").success());
    };
    stack.configure(&with_fault(hangs, &swarm_with_none("node_count = 3")));
    kill_when_made(2);
    assert!(stack.try_state(GROUP).is_none());
    stack.configure(&swarm_with_none("node_count = 3"));
    stack.apply();
    assert_runs(&stack, 3);
    assert_eq!(journals(&stack).len(), 1);

    stack.configure(&with_fault(hangs, &swarm_with_none("node_count = 6")));
    // Two of the three further machines are made, and which two is chance: they are made side by side.
    kill_when_made(5);
    let made = machines_of_group(&stack);
    stack.configure(&swarm_with_none("node_count = 5"));
    stack.apply();
    assert_runs_on(&stack, made);
    stack.destroy();
    assert_eq!(machines(&stack), Vec::<String>::new());
}

fn swarm_with_none(arguments: &str) -> String {
    format!("{}{}", swarm("node_count = 0"), group(arguments))
}

/// Arguments that are wrong by themselves: the text of the configuration that the error is at, and what it says.
const WRONG: &[(&str, &str, &[&str])] = &[
    ("node_count = -1", "-1", &["from 0 to 1000"]),
    ("min_node_count = -1", "-1", &["from 0 to 1000"]),
    (
        "node_count = 1\n  min_node_count = 2",
        "1",
        &["node_count is 1, and min_node_count 2"],
    ),
    (
        "node_count = 9\n  max_node_count = 8",
        "9",
        &["node_count is 9, and max_node_count 8"],
    ),
    (
        "min_node_count = 5\n  max_node_count = 4",
        "5",
        &["min_node_count is 5, and max_node_count 4"],
    ),
    (
        "upgrade_settings = { max_surge = 0, max_unavailable = 0 }",
        "{",
        &["No worker could be made again"],
    ),
    (
        "upgrade_settings = { drain_timeout = \"0s\" }",
        "{",
        &["`upgrade_settings.drain_timeout`", "1s or more"],
    ),
    (
        "taints = [{ key = \"size\", effect = \"Never\" }]",
        "[{ key = \"size\", effect = \"Never\" }]",
        &["NoSchedule"],
    ),
];

#[test]
fn what_a_group_cannot_be_is_refused_at_its_place() {
    let stack = Stack::simulated("group-wrong");
    let validate = ["validate"];
    for (arguments, place, words) in WRONG {
        stack.configure(&swarm_with(arguments));
        stack.refuses_at(&validate, place, words);
    }
    for (name, words) in [
        ("worker", "own pool"),
        ("control-plane", "own pool"),
        ("1large", "begin with a letter"),
        ("", "begin with a letter"),
    ] {
        let group = group("").replace("\"large\"\n", &format!("\"{name}\"\n"));
        stack.configure(&format!("{}{group}", swarm("")));
        stack.refuses_at(&validate, &format!("\"{name}\""), &[words]);
    }
    // What takes a look at the cluster.
    stack.configure_swarm("node_count = 0");
    stack.apply();
    let plan = ["plan", "-input=false"];
    for (arguments, place, words) in [
        ("flavor = \"big\"", "\"big\"", &["is not a size"][..]),
        (
            "taints = [{ key = \"size\", effect = \"NoSchedule\" }]",
            "[{ key = \"size\", effect = \"NoSchedule\" }]",
            &["taints"],
        ),
    ] {
        stack.configure(&swarm_with_none(arguments));
        stack.refuses_at(&plan, place, words);
    }
    let long = "a".repeat(60);
    let named = group("").replace("\"large\"\n", &format!("\"{long}\"\n"));
    stack.configure(&format!("{}{named}", swarm("node_count = 0")));
    stack.refuses_at(&plan, &format!("\"{long}\""), &["too long"]);
    // A node by itself does not take a name of a group.
    stack.configure(&swarm_with_none(""));
    stack.apply();
    stack.configure(&format!(
        "{}resource \"coe_cluster_node\" \"extra\" {{\n  cluster_id = coe_container_cluster.this.id\n  name = \
         \"NAME-large-2\"\n}}\n",
        swarm_with_none("")
    ));
    let place = format!("\"{}-large-2\"", stack.name());
    stack.refuses_at(&plan, &place, &["is a name of group large"]);
    stack.configure(&swarm_with_none(""));
    stack.destroy();
}

#[test]
fn what_is_unknown_of_a_group_at_plan_is_made_when_it_is_known() {
    let stack = Stack::simulated("group-late");
    stack.configure(&format!(
        "resource \"terraform_data\" \"given\" {{\n  input = {{ count = 2, size = \"large\", most = 3 }}\n}}\n{}{}",
        swarm("node_count = 0"),
        group(
            "node_count = terraform_data.given.output.count\n  max_node_count = terraform_data.given.output.most\n  \
             node_labels = { size = terraform_data.given.output.size }"
        )
    ));
    stack.apply();
    assert_runs(&stack, 2);
    assert_eq!(stack.state(GROUP)["node_labels"]["size"], "large");
    stack.destroy();
}
