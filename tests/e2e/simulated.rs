//! The same resource without any machine: what plans are tried on.

use coe_tests::Stack;
use coe_tests::stack::swarm;

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
fn what_is_changed_of_a_stopped_cluster_is_put_off_until_it_is_started() {
    let stack = Stack::simulated("nap");
    stack.configure_swarm("desired_state = \"Stopped\"");
    stack.apply();
    let changed = "node_count = 2\n  labels = { task_history_limit = \"3\" }\n  image = \"node:2\"";
    let configuration = |arguments: &str| swarm(arguments).replace("  image = \"IMAGE\"\n", "");
    stack.configure(&configuration(&format!(
        "desired_state = \"Stopped\"\n  {changed}"
    )));
    let name = stack.name();
    let recreated = ["control-plane-1", "worker-1"]
        .map(|node| format!("~ recreate {name}-{node} with image node:2 (was node:1)"));
    // Control planes are made again before anything joins them.
    let operations = [
        recreated[0].clone(),
        format!("+ create worker {name}-worker-2"),
        "~ set label task_history_limit = 3".to_owned(),
        recreated[1].clone(),
    ];
    let put_off: Vec<String> = operations
        .iter()
        .map(|operation| format!("{operation}, when the cluster is started"))
        .collect();
    assert_eq!(stack.planned_operations(), put_off);
    stack.apply();
    stack.assert_plan_is_empty();
    let asleep = stack.cluster();
    assert_eq!(asleep["status"], "Stopped");
    assert_eq!(asleep["labels"]["task_history_limit"], "3");

    stack.configure(&configuration(changed));
    let start = ["~ start 2 machines".to_owned()];
    assert_eq!(
        stack.planned_operations(),
        [&start[..], &operations].concat()
    );
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1", "worker-2"]);
    stack.assert_plan_is_empty();
    stack.destroy();
}

#[test]
fn a_node_beside_the_pool_sleeps_with_its_cluster() {
    let stack = Stack::simulated("doze");
    let configuration = |arguments: &str, of_node: &str| {
        format!(
            "{}\nresource \"coe_cluster_node\" \"extra\" {{\n  cluster_id = coe_container_cluster.this.id\n  name = \
             \"NAME-extra\"\n  {of_node}\n}}\n",
            swarm(arguments)
        )
    };
    stack.configure(&configuration("", ""));
    stack.apply();
    let asleep = "desired_state = \"Stopped\"";
    stack.configure(&configuration(asleep, ""));
    stack.apply();
    stack.assert_plan_is_empty();
    let labels = "node_labels = { disk = \"ssd\" }";
    stack.configure(&configuration(asleep, labels));
    let plan = stack.terraform(&["plan", "-input=false"]).succeeded();
    let said = plan.unwrapped();
    assert!(said.contains("when the cluster is started"), "{said}");
    stack.apply();
    stack.assert_plan_is_empty();
    stack.configure(&configuration("", labels));
    stack.apply();
    stack.assert_plan_is_empty();
    let _ = stack
        .terraform(&["apply", "-refresh-only", "-auto-approve"])
        .succeeded();
    let node = stack.state("coe_cluster_node.extra");
    assert_eq!(node["status"], "Ready");
    assert_eq!(node["node_labels"]["disk"], "ssd");
    stack.destroy();
}

#[test]
fn a_fault_in_the_middle_of_a_create_is_rolled_back() {
    let stack = Stack::simulated("fault");
    stack.configure(&format!(
        "provider \"coe\" {{\n  simulated = {{\n    dir = \"platform\"\n    faults = [{{ call = \"ensure_machine\", nth = \
         2, kind = \"fail_after\" }}]\n  }}\n}}\n{}",
        swarm("node_count = 2")
    ));
    stack.apply_fails_saying(&["create"]);
    assert!(stack.try_state("coe_container_cluster.this").is_none());
    stack.configure_swarm("node_count = 2");
    stack.apply();
    stack.assert_plan_is_empty();
}

#[test]
fn a_create_that_is_kept_is_carried_on_in_place() {
    let stack = Stack::simulated("keep");
    let arguments = "node_count = 2\n  on_create_failure = \"keep\"";
    stack.configure(&format!(
        "provider \"coe\" {{\n  simulated = {{\n    dir = \"platform\"\n    faults = [{{ call = \"ensure_machine\", nth = \
         2, kind = \"fail_before\" }}]\n  }}\n}}\n{}",
        swarm(arguments)
    ));
    let said = stack.apply().unwrapped();
    assert!(said.contains("was made in part and is kept"), "{said}");
    let kept = stack.cluster();
    assert_eq!(kept["status"], "Alert");

    stack.configure_swarm(arguments);
    let plan = stack.plan();
    let change = &plan["resource_changes"][0]["change"];
    assert_eq!(change["actions"], serde_json::json!(["update"]), "{plan:#}");
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1", "worker-2"]);
    assert_eq!(stack.cluster()["id"], kept["id"]);
    assert_eq!(stack.cluster()["status"], "Running");
    stack.assert_plan_is_empty();
    stack.destroy();
}

#[test]
fn control_planes_beside_the_pool_come_and_go() {
    let stack = Stack::simulated("votes");
    stack.configure(&format!(
        "{}\nresource \"coe_cluster_node\" \"more\" {{\n  for_each = toset([\"a\", \"b\"])\n  cluster_id = \
         coe_container_cluster.this.id\n  name = \"NAME-${{each.key}}\"\n  role = \"control_plane\"\n}}\n",
        swarm("node_count = 0")
    ));
    stack.apply();
    stack.assert_plan_is_empty();
    let node = stack.state("coe_cluster_node.more[\"a\"]");
    assert_eq!(
        (&node["role"], &node["status"]),
        (&"control_plane".into(), &"Ready".into())
    );
    let refresh = || {
        let _ = stack
            .terraform(&["apply", "-refresh-only", "-auto-approve"])
            .succeeded();
    };
    refresh();
    stack.assert_ready(&["a", "b", "control-plane-1"]);
    stack.configure_swarm("node_count = 0");
    stack.apply();
    refresh();
    stack.assert_ready(&["control-plane-1"]);
    stack.assert_plan_is_empty();
    stack.destroy();
}

#[test]
fn what_a_cluster_waits_for_is_changed_and_imported() {
    let stack = Stack::simulated("wait");
    for wait_for in ["nodes_ready", "usable"] {
        let arguments = format!("node_count = 1\n  wait_for = \"{wait_for}\"");
        stack.configure_swarm(&arguments);
        stack.apply();
        stack.assert_ready(&["control-plane-1", "worker-1"]);
        stack.assert_plan_is_empty();
        let address = "coe_container_cluster.this";
        let _ = stack.terraform(&["state", "rm", address]).succeeded();
        let _ = stack
            .terraform(&["import", address, stack.name()])
            .succeeded();
        assert_eq!(stack.cluster()["wait_for"], wait_for);
        stack.assert_plan_is_empty();
    }
    stack.destroy();
}
