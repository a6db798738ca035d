//! What was broken by hand is seen by the next plan and repaired by the next apply.

use coe_tests::Stack;
use coe_tests::docker::docker;

#[test]
fn nodes_that_were_removed_or_killed_are_repaired() {
    let stack = Stack::on_docker("drift");
    stack.configure_swarm("node_count = 3");
    stack.apply();
    let before = stack.cluster();
    let worker = |number: u32| format!("{}-worker-{number}", stack.name());
    docker(&["rm", "--force", &worker(1)]);
    docker(&["kill", &worker(2)]);

    let operations = stack.planned_operations();
    for gone in [worker(1), worker(2)] {
        assert!(
            operations.iter().any(|operation| operation.contains(&gone)),
            "the plan should repair {gone}: {operations:?}"
        );
    }
    assert!(
        !operations
            .iter()
            .any(|operation| operation.contains(&worker(3))),
        "worker 3 is well: {operations:?}"
    );
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1", "worker-2", "worker-3"]);
    stack.assert_plan_is_empty();
    assert_eq!(stack.cluster()["id"], before["id"]);

    stack.destroy();
    stack.assert_nothing_left();
}

#[test]
fn a_worker_that_lost_its_data_joins_anew() {
    let stack = Stack::on_docker("lost");
    stack.configure_swarm("node_count = 1");
    stack.apply();
    let worker = format!("{}-worker-1", stack.name());
    docker(&["rm", "--force", &worker]);
    let volumes = docker(&[
        "volume",
        "ls",
        "--quiet",
        "--filter",
        &format!("label=io.coe.node.name={worker}"),
    ]);
    let mut remove = vec!["volume", "rm"];
    remove.extend(volumes.lines());
    docker(&remove);

    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();
    let members = docker(&[
        "exec",
        &format!("{}-control-plane-1", stack.name()),
        "docker",
        "node",
        "ls",
        "--quiet",
    ]);
    assert_eq!(members.lines().count(), 2, "the dead member is forgotten");

    stack.destroy();
    stack.assert_nothing_left();
}

#[test]
fn the_only_control_plane_comes_back_from_its_volumes() {
    let stack = Stack::on_docker("head");
    stack.configure_swarm("node_count = 1");
    stack.apply();
    let before = stack.cluster();
    docker(&[
        "rm",
        "--force",
        &format!("{}-control-plane-1", stack.name()),
    ]);

    stack.apply();
    let after = stack.cluster();
    for stable in ["id", "endpoint", "cluster_ca_certificate"] {
        assert_eq!(
            after[stable], before[stable],
            "{stable} should survive the machine"
        );
    }
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();

    stack.destroy();
    stack.assert_nothing_left();
}

#[test]
fn one_of_three_control_planes_is_replaced() {
    let stack = Stack::on_docker("quorum");
    stack.configure_swarm("node_count = 0\n  control_plane_count = 3");
    stack.apply();
    let second = format!("{}-control-plane-2", stack.name());
    docker(&["rm", "--force", &second]);
    for volume in ["config", "data"] {
        docker(&["volume", "rm", &format!("{second}-{volume}")]);
    }

    stack.apply();
    stack.assert_ready(&["control-plane-1", "control-plane-2", "control-plane-3"]);
    stack.assert_plan_is_empty();

    stack.destroy();
    stack.assert_nothing_left();
}

#[test]
fn a_cluster_that_is_gone_is_made_again() {
    let stack = Stack::on_docker("gone");
    stack.configure_swarm("node_count = 0");
    stack.apply();
    for object in coe_tests::docker::objects_of(stack.name()) {
        let (kind, name) = object.split_once(' ').expect("kind and name");
        match kind {
            "container" => docker(&["rm", "--force", name]),
            kind => docker(&[kind, "rm", name]),
        };
    }

    stack.apply();
    stack.assert_ready(&["control-plane-1"]);
    stack.assert_plan_is_empty();

    stack.destroy();
    stack.assert_nothing_left();
}
