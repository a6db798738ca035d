//! Hibernation: all machines stopped, nothing lost.

use std::fs;

use coe_tests::Stack;
use coe_tests::docker::docker;
use coe_tests::stack::swarm;

/// A cluster, and credentials of it whose kind of key is written to a file.
fn with_credentials(arguments: &str) -> String {
    format!(
        "{}\nephemeral \"coe_cluster_credentials\" \"this\" {{\n  cluster_id = coe_container_cluster.this.id\n}}\n\n\
         resource \"terraform_data\" \"key\" {{\n  provisioner \"local-exec\" {{\n    command = \"printf '%.26s' \\\"$KEY\\\" \
         > key.txt\"\n    environment = {{\n      KEY = ephemeral.coe_cluster_credentials.this.client_key\n    }}\n  \
         }}\n}}\n",
        swarm(arguments)
    )
}

fn assert_key_was_made(stack: &Stack, when: &str) {
    let file = stack.folder().join("key.txt");
    let begun = fs::read_to_string(&file).expect("the command has written a file");
    assert!(
        begun.starts_with("-----BEGIN PRIVATE KEY---"),
        "{when}: {begun:?}"
    );
    fs::remove_file(&file).expect("the file is there");
}

#[test]
fn credentials_keep_no_cluster_from_being_started_or_repaired() {
    let stack = Stack::simulated("credit");
    stack.configure(&with_credentials(""));
    stack.apply();
    assert_key_was_made(&stack, "the cluster is made");
    stack.configure(&with_credentials("desired_state = \"Stopped\""));
    stack.apply();
    stack.assert_plan_is_empty();
    let _ = stack
        .terraform(&["apply", "-auto-approve", "-replace=terraform_data.key"])
        .succeeded();
    assert_key_was_made(&stack, "the cluster is stopped");
    stack.configure(&with_credentials(""));
    stack.apply();

    let machines = stack.folder().join("platform/machines");
    fs::remove_dir_all(machines.join(format!("{}-control-plane-1", stack.name())))
        .expect("there is a machine");
    let plan = stack.terraform(&["plan", "-input=false"]).succeeded();
    let said = plan.unwrapped();
    assert!(said.contains("null until an apply has repaired"), "{said}");
    stack.apply();
    let _ = stack
        .terraform(&["apply", "-auto-approve", "-replace=terraform_data.key"])
        .succeeded();
    assert_key_was_made(&stack, "the cluster is repaired");
}

#[test]
fn a_stopped_cluster_starts_with_the_same_identity() {
    let stack = Stack::on_docker("sleep");
    stack.configure(&with_credentials("node_count = 1"));
    stack.apply();
    assert_key_was_made(&stack, "the cluster is made");
    let before = stack.cluster();

    stack.configure(&with_credentials(
        "node_count = 1\n  desired_state = \"Stopped\"",
    ));
    stack.apply();
    assert_eq!(stack.cluster()["status"], "Stopped");
    let running = docker(&[
        "ps",
        "--quiet",
        "--filter",
        &format!("label=io.coe.cluster.name={}", stack.name()),
    ]);
    assert_eq!(running, "", "no machine of a stopped cluster runs");
    stack.assert_plan_is_empty();
    let _ = stack
        .terraform(&["apply", "-auto-approve", "-replace=terraform_data.key"])
        .succeeded();
    assert_key_was_made(&stack, "the cluster is stopped");

    stack.configure(&with_credentials("node_count = 1"));
    stack.apply();
    let after = stack.cluster();
    for stable in ["id", "endpoint", "cluster_ca_certificate", "network_id"] {
        assert_eq!(
            after[stable], before[stable],
            "{stable} should survive the sleep"
        );
    }
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();

    stack.destroy();
    stack.assert_nothing_left();
}
