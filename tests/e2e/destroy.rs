//! The way out of a cluster is open whatever has become of it: terraform plans an update before it destroys, and what
//! keeps that update from being made must not keep the cluster from being destroyed.

use coe_tests::Stack;
use coe_tests::docker::docker;
use coe_tests::stack::swarm;

/// A simulated platform whose networks are not deleted within the time that there is.
fn with_network_that_stays() -> String {
    format!(
        "provider \"coe\" {{\n  simulated = {{\n    dir = \"platform\"\n    faults = [{{ call = \"delete_network\", nth = \
         1, kind = \"hang\" }}]\n  }}\n}}\n\n{}",
        swarm("node_count = 1\n  timeouts = { delete = \"3s\" }")
    )
}

#[test]
fn a_destroy_that_failed_half_way_is_ended_by_the_next() {
    let stack = Stack::simulated("half");
    stack.configure_swarm("node_count = 1\n  timeouts = { delete = \"3s\" }");
    stack.apply();
    stack.configure(&with_network_that_stays());
    let failed = stack.terraform(&["destroy", "-auto-approve", "-input=false"]);
    let _ = failed.failed_saying(&["network"]);
    let refreshed = stack.terraform(&["apply", "-refresh-only", "-auto-approve"]);
    let _ = refreshed.succeeded();
    assert_eq!(stack.cluster()["status"], "Destroying");

    stack.configure_swarm("node_count = 1");
    stack.destroy();
    assert!(stack.try_state("coe_container_cluster.this").is_none());
}

#[test]
fn a_cluster_that_lost_its_state_is_replaced_or_destroyed_and_never_brought_back() {
    let stack = Stack::on_docker("lost");
    stack.configure_swarm("node_count = 0");
    stack.apply();
    let lose = || {
        let node = format!("{}-control-plane-1", stack.name());
        docker(&["rm", "--force", &node]);
        docker(&[
            "volume",
            "rm",
            &format!("{node}-data"),
            &format!("{node}-config"),
        ]);
    };
    lose();
    let planned = stack.planned_operations();
    assert!(
        planned[0].starts_with("! refused: ") && planned[0].contains("has lost its state"),
        "{planned:?}"
    );
    stack.apply_fails_saying(&["has lost its state"]);
    let replace = [
        "apply",
        "-auto-approve",
        "-replace=coe_container_cluster.this",
    ];
    let _ = stack.terraform(&replace).succeeded();
    stack.assert_plan_is_empty();

    lose();
    stack.destroy();
    stack.assert_nothing_left();
}
