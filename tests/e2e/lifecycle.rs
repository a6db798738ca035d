//! A cluster from its first apply to its last.

use coe_tests::Stack;
use coe_tests::docker::docker;

#[test]
fn a_cluster_is_made_scaled_and_destroyed() {
    let stack = Stack::on_docker("life");
    stack.configure_swarm("node_count = 1");
    let _ = stack.terraform(&["validate"]).succeeded();
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    let made = stack.cluster();
    assert_eq!(made["status"], "Running");
    assert_eq!(made["health"], "HEALTHY");
    assert!(
        made["endpoint"]
            .as_str()
            .is_some_and(|it| it.starts_with("tcp://127.0.0.1:"))
    );
    stack.assert_plan_is_empty();

    stack.configure_swarm("node_count = 3\n  control_plane_count = 3");
    let operations = stack.planned_operations();
    for node in ["worker-2", "worker-3", "control-plane-2", "control-plane-3"] {
        assert!(
            operations
                .iter()
                .any(|operation| operation.contains(&format!("{}-{node}", stack.name()))),
            "the plan should name {node}: {operations:?}"
        );
    }
    let balancer = format!(
        "+ create the balancer of {}: one endpoint for 3 control planes",
        stack.name()
    );
    assert_eq!(operations.last(), Some(&balancer));
    stack.apply();
    stack.assert_ready(&[
        "control-plane-1",
        "control-plane-2",
        "control-plane-3",
        "worker-1",
        "worker-2",
        "worker-3",
    ]);
    let scaled = stack.cluster();
    // Whoever knows the one of the first control plane is led there as before.
    assert_ne!(scaled["endpoint"], made["endpoint"]);
    for stable in ["id", "cluster_ca_certificate", "network_id", "created_at"] {
        assert_eq!(
            scaled[stable], made[stable],
            "{stable} should not change in place"
        );
    }
    stack.assert_plan_is_empty();

    stack.configure_swarm("node_count = 2\n  control_plane_count = 1");
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1", "worker-2"]);
    assert_eq!(stack.cluster()["endpoint"], scaled["endpoint"]);
    stack.assert_plan_is_empty();
    let first = format!("{}-control-plane-1", stack.name());
    let members = docker(&[
        "exec",
        &first,
        "docker",
        "node",
        "ls",
        "--format",
        "{{.Hostname}}",
    ]);
    assert_eq!(
        members.lines().count(),
        3,
        "members that were removed are forgotten: {members}"
    );

    stack.destroy();
    stack.assert_nothing_left();
}

#[test]
fn words_change_in_place_and_touch_no_node() {
    let stack = Stack::on_docker("words");
    stack.configure_swarm("node_count = 0\n  labels = { task_history_limit = \"3\" }");
    stack.apply();
    let first = format!("{}-control-plane-1", stack.name());
    let started = docker(&[
        "inspect",
        "--format",
        "{{.Id}} {{.State.StartedAt}}",
        &first,
    ]);

    stack.configure_swarm(
        "node_count = 0\n  description = \"for tests\"\n  labels = { task_history_limit = \"7\" }",
    );
    stack.apply();
    stack.assert_plan_is_empty();
    assert_eq!(
        started,
        docker(&[
            "inspect",
            "--format",
            "{{.Id}} {{.State.StartedAt}}",
            &first
        ])
    );
    let limit = docker(&[
        "exec",
        &first,
        "docker",
        "info",
        "--format",
        "{{.Swarm.Cluster.Spec.Orchestration.TaskHistoryRetentionLimit}}",
    ]);
    assert_eq!(limit, "7");

    stack.destroy();
    stack.assert_nothing_left();
}

#[test]
fn a_new_name_replaces_the_cluster() {
    let stack = Stack::on_docker("old");
    stack.configure_swarm("node_count = 0");
    stack.apply();
    let before = stack.cluster();

    stack.configure(
        "resource \"coe_container_cluster\" \"this\" {\n  name = \"NAME-x\"\n  coe = \"swarm\"\n  image = \
         \"IMAGE\"\n  node_count = 0\n}\n",
    );
    let plan = stack.plan();
    let actions = &plan["resource_changes"][0]["change"]["actions"];
    assert_eq!(*actions, serde_json::json!(["delete", "create"]));
    stack.apply();
    assert_ne!(before["id"], stack.cluster()["id"]);
    stack.assert_nothing_left();
    stack.assert_plan_is_empty();

    stack.destroy();
    assert_eq!(
        coe_tests::docker::objects_of(&format!("{}-x", stack.name())),
        Vec::<String>::new()
    );
}

#[test]
fn a_forced_replacement_keeps_the_name() {
    let stack = Stack::on_docker("again");
    stack.configure_swarm("node_count = 0");
    stack.apply();
    let before = stack.cluster();
    let _ = stack
        .terraform(&[
            "apply",
            "-auto-approve",
            "-replace=coe_container_cluster.this",
        ])
        .succeeded();
    assert_ne!(before["id"], stack.cluster()["id"]);

    let _ = stack
        .terraform(&["taint", "coe_container_cluster.this"])
        .succeeded();
    stack.apply();
    stack.assert_plan_is_empty();

    stack.destroy();
    stack.assert_nothing_left();
}

#[test]
fn an_image_of_another_name_recreates_the_machines_and_keeps_the_cluster() {
    let stack = Stack::on_docker("image");
    let other = format!("{}:other", stack.name());
    stack.configure_swarm("node_count = 1");
    stack.apply();
    let before = stack.cluster();
    docker(&["tag", coe_tests::provider::swarm_node_image(), &other]);

    stack.configure(&coe_tests::stack::swarm("node_count = 1").replace("IMAGE", &other));
    let operations = stack.planned_operations();
    assert!(
        operations.iter().any(|it| it.contains(&other)),
        "{operations:?}"
    );
    stack.apply();
    let after = stack.cluster();
    for stable in ["id", "endpoint", "cluster_ca_certificate"] {
        assert_eq!(after[stable], before[stable], "{stable} should not change");
    }
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();
    for node in ["control-plane-1", "worker-1"] {
        let name = format!("{}-{node}", stack.name());
        assert_eq!(
            docker(&["inspect", "--format", "{{.Config.Image}}", &name]),
            other
        );
    }

    stack.destroy();
    stack.assert_nothing_left();
    docker(&["rmi", &other]);
}
