//! A protected cluster is neither destroyed nor replaced.

use coe_tests::Stack;

#[test]
fn a_protected_cluster_stays() {
    let stack = Stack::on_docker("guard");
    stack.configure_swarm("node_count = 0\n  deletion_protection = true");
    stack.apply();
    let before = stack.cluster();
    stack
        .terraform(&["destroy", "-auto-approve"])
        .failed_saying(&["protected from deletion", "deletion_protection"]);
    stack
        .terraform(&[
            "apply",
            "-auto-approve",
            "-replace=coe_container_cluster.this",
        ])
        .failed_saying(&["protected from deletion"]);
    assert_eq!(stack.cluster()["id"], before["id"]);
    stack.assert_ready(&["control-plane-1"]);

    stack.configure_swarm("node_count = 0\n  deletion_protection = false");
    stack.apply();
    stack.destroy();
    stack.assert_nothing_left();
}
