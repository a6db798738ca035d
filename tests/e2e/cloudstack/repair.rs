//! What somebody else deletes, what a process leaves that is killed, and replies that are lost.

use coe_tests::await_condition;
use coe_tests::process::{Signal, provider_of, send};
use serde_json::json;

use super::Lab;

#[test]
fn an_instance_that_was_deleted_is_made_again() {
    let lab = Lab::open();
    let stack = lab.stack("again");
    stack.configure(&lab.swarm("node_count = 1"));
    // The first reply to each of what makes something is lost: nothing is made twice.
    let faults: Vec<_> = [
        "deployVirtualMachine",
        "createPortForwardingRule",
        "createAffinityGroup",
    ]
    .iter()
    .map(|command| json!({ "command": command, "kind": "drop" }))
    .collect();
    lab.cloud.set(&json!({ "faults": faults }));
    stack.apply();
    let is_machine = |object: &&String| object.starts_with("virtualmachine ");
    assert_eq!(lab.objects().iter().filter(is_machine).count(), 2);
    let worker = format!("{}-worker-1", stack.name());
    let address = || stack.cluster()["nodes"][&worker]["address"].clone();
    let before = (lab.id_of(&worker), address());
    lab.cloud.run(
        "destroyVirtualMachine",
        &[("id", &before.0), ("expunge", "true")],
    );
    let sentence = format!("~ make the machine of worker {worker} again: it is gone");
    assert_eq!(stack.planned_operations(), [sentence]);
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();
    assert_ne!(before.0, lab.id_of(&worker));
    assert_eq!(before.1, address());
    stack.destroy();
    lab.assert_nothing_left();
}

#[test]
fn a_create_that_is_killed_is_taken_up_and_leaves_nothing() {
    let lab = Lab::open();
    let stack = lab.stack("killed");
    stack.configure(&lab.swarm("node_count = 1"));
    let mut terraform = stack.start(&["apply", "-auto-approve", "-input=false"]);
    let first = format!("{}-control-plane-1", stack.name());
    await_condition("the first instance is being made", || {
        lab.machine(&first).is_some()
    });
    let provider = provider_of(terraform.id()).expect("terraform has started the provider");
    send(Signal::Kill, provider);
    assert!(!terraform.wait().expect("terraform ends").success());
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();
    stack.destroy();
    lab.assert_nothing_left();
}
