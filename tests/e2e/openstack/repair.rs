//! What somebody else deletes, and what a process leaves that is killed.

use coe_tests::openstack::Cloud;
use coe_tests::process::{Signal, provider_of, send};
use coe_tests::{Stack, await_condition};

use super::swarm;

#[test]
#[ignore = "needs an OpenStack: . $(tests/testbeds/openstack up)"]
fn a_server_that_was_deleted_is_made_again() {
    let cloud = Cloud::of_environment();
    let stack = Stack::on_openstack("again");
    stack.configure(&swarm(&cloud.provider(""), "node_count = 1"));
    stack.apply();
    let worker = format!("{}-worker-1", stack.name());
    let address = |stack: &Stack| stack.cluster()["nodes"][&worker]["address"].clone();
    let before = (cloud.id_of(&worker), address(&stack));
    cloud.delete_server(&worker);
    let sentence = format!("~ make the machine of worker {worker} again: it is gone");
    assert_eq!(stack.planned_operations(), [sentence]);
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();
    let after = (cloud.id_of(&worker), address(&stack));
    assert_ne!(before.0, after.0);
    assert_eq!(before.1, after.1);
    stack.destroy();
    assert_eq!(cloud.objects_of(stack.name()), Vec::<String>::new());
}

#[test]
#[ignore = "needs an OpenStack: . $(tests/testbeds/openstack up)"]
fn a_create_that_is_killed_is_taken_up_and_leaves_nothing() {
    let cloud = Cloud::of_environment();
    let stack = Stack::on_openstack("killed");
    stack.configure(&swarm(&cloud.provider(""), "node_count = 1"));
    let mut terraform = stack.start(&["apply", "-auto-approve", "-input=false"]);
    let first = format!("{}-control-plane-1", stack.name());
    await_condition("the first server is being made", || {
        cloud.has_server(&first)
    });
    send(
        Signal::Kill,
        provider_of(terraform.id()).expect("terraform has started the provider"),
    );
    assert!(!terraform.wait().expect("terraform ends").success());
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();
    let objects = cloud.objects_of(stack.name());
    let servers = objects
        .iter()
        .filter(|object| object.starts_with("servers "));
    assert_eq!(servers.count(), 2, "{objects:?}");
    stack.destroy();
    assert_eq!(cloud.objects_of(stack.name()), Vec::<String>::new());
}
