//! Ctrl-C in the middle of a create, once and twice.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use coe_tests::Stack;
use coe_tests::docker::objects_of;
use coe_tests::process::{Foreground, Signal, provider_of, send};
use coe_tests::stack::swarm;

use crate::await_condition;
use crate::kill::{asks_for_privileges, journals};

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

/// A platform on which the second machine is never made, and the first deletion never ends.
const HANGS_TWICE: &str = r#"provider "coe" {
  simulated = {
    dir    = "platform"
    faults = [
      { call = "ensure_machine", nth = 2, kind = "hang" },
      { call = "delete_machine", nth = 1, kind = "hang" },
    ]
  }
}
"#;

/// Interrupts an apply once machines are `made`, and once more as soon as a machine is being taken back.
fn interrupt_twice(stack: &Stack, made: impl Fn() -> bool) {
    let mut command = stack.command(&["apply", "-auto-approve", "-input=false"]);
    let mut terraform = Foreground::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    await_condition("machines are being made", made);
    let provider = provider_of(terraform.id()).expect("terraform has started the provider");
    terraform.send(Signal::Interrupt);
    await_condition("a machine is being taken back", || {
        let remembered = journals(stack).concat();
        let mut lines = remembered.lines();
        lines.any(|line| line.contains("\"undo\"") && line.contains("\"ensure_machine\""))
    });
    terraform.send(Signal::Interrupt);
    let ended = terraform.wait();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned()
        + &String::from_utf8_lossy(&ended.stdout);
    assert!(!ended.status.success(), "{said}");
    assert!(said.contains("Two interrupts received"), "{said}");
    await_condition("the provider has ended", || {
        !fs::exists(format!("/proc/{provider}")).unwrap_or(true)
    });
}

#[test]
fn what_a_second_ctrl_c_has_cut_off_is_taken_back_by_the_next_apply() {
    let stack = Stack::simulated("ctrlcc");
    let cluster = swarm("node_count = 1");
    stack.configure(&format!("{HANGS_TWICE}{cluster}"));
    let machine = |node: &str| {
        let machines = stack.folder().join("platform/machines");
        machines.join(format!("{}-{node}", stack.name()))
    };
    let hanging = format!("make the machine of worker {}-worker-1", stack.name());
    interrupt_twice(&stack, || {
        machine("control-plane-1").exists() && journals(&stack).concat().contains(&hanging)
    });
    assert!(
        machine("control-plane-1").exists(),
        "the clean-up was cut off, or this tests nothing"
    );
    assert_eq!(journals(&stack).len(), 1);
    assert!(stack.try_state("coe_container_cluster.this").is_none());

    stack.configure(&cluster);
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();
    assert_eq!(
        journals(&stack).len(),
        1,
        "only of the cluster that is there"
    );
    stack.destroy();
    for kind in ["machines", "networks", "volumes", "clusters"] {
        let folder = stack.folder().join("platform").join(kind);
        let left = fs::read_dir(folder).into_iter().flatten().count();
        assert_eq!(left, 0, "{kind}");
    }
    assert_eq!(journals(&stack), Vec::<String>::new());
}

/// On a real engine how far the clean-up comes is chance; what follows has to hold however far that is.
#[test]
fn after_a_second_ctrl_c_on_docker_the_next_apply_makes_the_cluster() {
    let stack = Stack::on_docker("ctrlcc");
    stack.configure_swarm("node_count = 2");
    interrupt_twice(&stack, || {
        let objects = objects_of(stack.name());
        let mut machines = objects.iter().filter(|one| one.starts_with("container"));
        machines.any(|machine| !asks_for_privileges(machine))
    });
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1", "worker-2"]);
    stack.assert_plan_is_empty();
    stack.destroy();
    stack.assert_nothing_left();
    assert_eq!(journals(&stack), Vec::<String>::new());
}
