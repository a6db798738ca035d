//! Hibernation: all machines stopped, nothing lost.

use coe_tests::Stack;
use coe_tests::docker::docker;

#[test]
fn a_stopped_cluster_starts_with_the_same_identity() {
    let stack = Stack::on_docker("sleep");
    stack.configure_swarm("node_count = 1");
    stack.apply();
    let before = stack.cluster();

    stack.configure_swarm("node_count = 1\n  desired_state = \"Stopped\"");
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

    stack.configure_swarm("node_count = 1");
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
