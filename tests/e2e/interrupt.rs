//! Ctrl-C in the middle of a create.

use std::io::Read;

use coe_tests::Stack;
use coe_tests::docker::objects_of;
use coe_tests::process::{Signal, send};

use crate::await_condition;

#[test]
fn ctrl_c_in_the_middle_of_a_create_leaves_nothing() {
    let stack = Stack::on_docker("ctrlc");
    stack.configure_swarm("node_count = 3\n  control_plane_count = 3");
    let mut terraform = stack.start(&["apply", "-auto-approve", "-input=false"]);
    await_condition("machines are being made", || {
        objects_of(stack.name())
            .iter()
            .any(|object| object.starts_with("container"))
    });
    // As a terminal does it for one process of the group: terraform passes the wish on to the provider.
    send(Signal::Interrupt, terraform.id());
    let ended = terraform.wait().expect("terraform ends");
    let mut said = String::new();
    if let Some(mut errors) = terraform.stderr.take() {
        errors
            .read_to_string(&mut said)
            .expect("terraform writes text");
    }
    assert!(!ended.success(), "an interrupted apply is no success");
    assert!(
        said.contains("interrupted"),
        "it should say that it was interrupted: {said}"
    );
    assert!(
        stack.try_state("coe_container_cluster.this").is_none(),
        "nothing is in state: {said}"
    );
    stack.assert_nothing_left();

    stack.configure_swarm("node_count = 0");
    stack.apply();
    stack.destroy();
    stack.assert_nothing_left();
}
