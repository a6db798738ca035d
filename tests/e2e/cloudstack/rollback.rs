//! Operations that cannot be done to their end: what they made goes, or is named and stays in state until it does.

use coe_tests::await_condition;
use coe_tests::process::{Signal, provider_of, send};
use serde_json::json;

use super::Lab;

const APPLY: [&str; 3] = ["apply", "-auto-approve", "-input=false"];

#[test]
fn a_create_that_has_room_for_half_of_its_machines_leaves_nothing() {
    let lab = Lab::with(&json!({ "capacity": 5 }));
    let stack = lab.stack("half");
    stack.configure(&lab.swarm("node_count = 9"));
    let words = [
        "create instance",
        "lack of capacity",
        "(533)",
        "fewer nodes",
    ];
    stack.refuses_at(&APPLY, "9", &words);
    assert!(stack.try_state("coe_container_cluster.this").is_none());
    lab.assert_nothing_left();
}

#[test]
fn a_limit_that_is_reached_in_the_middle_leaves_nothing() {
    let lab = Lab::open();
    let stack = lab.stack("limit");
    stack.configure(&lab.swarm("node_count = 2"));
    // The account had room when it was looked at.
    let text =
        "Maximum number of resources of type 'user_vm' for account name=coe has been exceeded";
    lab.cloud.set(&json!({ "faults": [
        { "command": "deployVirtualMachine", "call": 3, "kind": "fail", "code": 535, "text": text },
    ] }));
    stack.apply_fails_saying(&["create instance", text, "(535)", "ask for more"]);
    assert!(stack.try_state("coe_container_cluster.this").is_none());
    lab.assert_nothing_left();
}

#[test]
fn a_machine_that_cannot_be_destroyed_is_named_and_goes_with_the_next_run() {
    let lab = Lab::with(&json!({ "capacity": 1 }));
    let stack = lab.stack("stays");
    stack.configure(&lab.swarm("node_count = 1"));
    let text = "the host of the instance is down";
    lab.cloud.set(&json!({ "faults": [
        { "command": "destroyVirtualMachine", "kind": "fail_job", "times": 100, "text": text },
    ] }));
    stack.apply_fails_saying(&[
        "(533)",
        text,
        "could not be removed",
        &format!("{}-", stack.name()),
    ]);
    // It is in state, so that a destroy knows of it.
    assert!(stack.try_state("coe_container_cluster.this").is_some());
    assert!(!lab.objects().is_empty());
    lab.cloud.set(&json!({ "disarm": true }));
    stack.destroy();
    lab.assert_nothing_left();
}

#[test]
fn a_scale_up_without_room_leaves_the_cluster_as_it_was() {
    let lab = Lab::with(&json!({ "capacity": 5 }));
    let stack = lab.stack("grow");
    stack.configure(&lab.swarm("node_count = 1"));
    stack.apply();
    let inventory = || {
        let mut all = lab.cloud.inventory(stack.name());
        // A claim that was given back.
        all.retain(|object| object != "affinitygroup claim");
        all
    };
    let before = inventory();
    stack.configure(&lab.swarm("node_count = 9"));
    let words = ["create instance", "lack of capacity", "(533)"];
    stack.refuses_at(&APPLY, "9", &words);
    assert_eq!(inventory(), before);
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    assert_eq!(stack.cluster()["status"], "Running");

    // A machine that somebody destroys while the cluster is stopped is told, and one that somebody starts.
    stack.configure(&lab.swarm("node_count = 1\n  desired_state = \"Stopped\""));
    stack.apply();
    stack.assert_plan_is_empty();
    let worker = format!("{}-worker-1", stack.name());
    let id = lab.id_of(&worker);
    lab.cloud.run("startVirtualMachine", &[("id", &id)]);
    let planned = stack.planned_operations();
    assert!(
        planned.iter().any(|operation| operation.contains("stop")),
        "{planned:?}"
    );
    stack.apply();
    stack.assert_plan_is_empty();
    lab.cloud
        .run("destroyVirtualMachine", &[("id", &id), ("expunge", "true")]);
    // Nobody joins a cluster that is stopped, so it is told and no more.
    stack.apply();
    let missing = ("worker-1".to_owned(), "Missing".to_owned());
    assert!(stack.node_statuses().contains(&missing));
    stack.destroy();
    lab.assert_nothing_left();
}

#[test]
fn a_management_server_that_restarts_in_the_middle_is_waited_for() {
    let lab = Lab::with(&json!({ "job_seconds": { "deployVirtualMachine": 1.0 } }));
    let stack = lab.stack("restart");
    stack.configure(&lab.swarm("node_count = 1"));
    let terraform = stack.start(&APPLY);
    await_condition("instances are being made", || {
        lab.cloud.calls("deployVirtualMachine") > 0
    });
    lab.cloud.set(&json!({ "restart": { "seconds": 5.0 } }));
    let output = terraform.wait_with_output().expect("terraform ends");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();
    stack.destroy();
    lab.assert_nothing_left();
}

#[test]
fn a_rule_in_a_network_that_exists_goes_also_where_nobody_lived_to_tag_it() {
    let lab = Lab::with(&json!({ "machines": "none", "capacity": 0 }));
    let stack = lab.stack("rule");
    let before = lab.shared_network();
    stack.configure(&lab.swarm("node_count = 0\n  network = { id = \"shared\" }"));
    lab.cloud.set(&json!({ "faults": [
        { "command": "createFirewallRule", "kind": "silence" },
    ] }));
    let mut terraform = stack.start(&APPLY);
    await_condition("the rule is being made", || {
        lab.cloud.state()["faults_waiting"] == 0
    });
    let provider = provider_of(terraform.id()).expect("terraform has started the provider");
    send(Signal::Kill, provider);
    assert!(!terraform.wait().expect("terraform ends").success());
    stack.apply_fails_saying(&["lack of capacity", "(533)"]);
    assert_eq!(lab.objects(), before);
}
