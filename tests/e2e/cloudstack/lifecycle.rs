//! A swarm is made, grows, sleeps, wakes and goes, and leaves nothing.

use super::Lab;

#[test]
fn a_swarm_of_instances_is_made_grows_sleeps_wakes_and_leaves_nothing() {
    let lab = Lab::open();
    let stack = lab.stack("life");
    let with = |arguments: &str| stack.configure(&lab.swarm(arguments));
    with("node_count = 1");
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();
    let before = stack.cluster();
    let endpoint = before["endpoint"].as_str().expect("an endpoint");
    // The public address, through the load balancer.
    assert!(
        endpoint.starts_with("tcp://127.") && endpoint.ends_with(":2376"),
        "{endpoint}"
    );
    assert!(!endpoint.contains("127.0.0.1"), "{endpoint}");

    with("node_count = 2");
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1", "worker-2"]);
    stack.assert_plan_is_empty();
    assert_eq!(stack.cluster()["endpoint"], before["endpoint"]);

    with("node_count = 2\n  desired_state = \"Stopped\"");
    stack.apply();
    assert_eq!(stack.cluster()["status"], "Stopped");
    stack.assert_plan_is_empty();

    with("node_count = 1");
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    assert!(lab.machine(&format!("{}-worker-2", stack.name())).is_none());

    stack.destroy();
    lab.assert_nothing_left();
}
