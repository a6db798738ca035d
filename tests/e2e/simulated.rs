//! The same resource without any machine: what plans are tried on.

use coe_tests::Stack;

#[test]
fn a_simulated_cluster_lives_as_a_real_one() {
    let stack = Stack::simulated("sim");
    stack.configure_swarm("node_count = 2");
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1", "worker-2"]);
    stack.assert_plan_is_empty();
    stack.configure_swarm("node_count = 1\n  control_plane_count = 3");
    stack.apply();
    stack.assert_ready(&[
        "control-plane-1",
        "control-plane-2",
        "control-plane-3",
        "worker-1",
    ]);
    stack.assert_plan_is_empty();
    stack.configure_swarm(
        "node_count = 1\n  control_plane_count = 3\n  desired_state = \"Stopped\"",
    );
    stack.apply();
    assert_eq!(stack.cluster()["status"], "Stopped");
    stack.assert_plan_is_empty();
    stack.destroy();
    assert!(stack.try_state("coe_container_cluster.this").is_none());
}

#[test]
fn a_node_beside_the_pool_sleeps_with_its_cluster() {
    let stack = Stack::simulated("doze");
    let configuration = |arguments: &str| {
        format!(
            "{}\nresource \"coe_cluster_node\" \"extra\" {{\n  cluster_id = coe_container_cluster.this.id\n  name = \
             \"NAME-extra\"\n}}\n",
            coe_tests::stack::swarm(arguments)
        )
    };
    stack.configure(&configuration(""));
    stack.apply();
    stack.configure(&configuration("desired_state = \"Stopped\""));
    stack.apply();
    stack.assert_plan_is_empty();
    stack.configure(&configuration(""));
    stack.apply();
    stack.assert_plan_is_empty();
    let _ = stack
        .terraform(&["apply", "-refresh-only", "-auto-approve"])
        .succeeded();
    assert_eq!(stack.state("coe_cluster_node.extra")["status"], "Ready");
    stack.destroy();
}

#[test]
fn a_fault_in_the_middle_of_a_create_is_rolled_back() {
    let stack = Stack::simulated("fault");
    stack.configure(&format!(
        "provider \"coe\" {{\n  simulated = {{\n    dir = \"platform\"\n    faults = [{{ call = \"ensure_machine\", nth = \
         2, kind = \"fail_after\" }}]\n  }}\n}}\n{}",
        coe_tests::stack::swarm("node_count = 2")
    ));
    stack.apply_fails_saying(&["create"]);
    assert!(stack.try_state("coe_container_cluster.this").is_none());
    stack.configure_swarm("node_count = 2");
    stack.apply();
    stack.assert_plan_is_empty();
}
