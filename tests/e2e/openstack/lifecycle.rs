//! A swarm is made, grows, sleeps, wakes and goes, and leaves nothing.

use coe_tests::Stack;
use coe_tests::openstack::Cloud;

use super::swarm;

#[test]
#[ignore = "needs an OpenStack: . $(tests/testbeds/openstack up)"]
fn a_swarm_of_servers_is_made_grows_sleeps_wakes_and_leaves_nothing() {
    let cloud = Cloud::of_environment();
    let stack = Stack::on_openstack("life");
    let with = |arguments: &str| stack.configure(&swarm(&cloud.provider(""), arguments));
    with("node_count = 1");
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();
    let before = stack.cluster();

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
    assert!(!cloud.has_server(&format!("{}-worker-2", stack.name())));

    stack.destroy();
    assert_eq!(cloud.objects_of(stack.name()), Vec::<String>::new());
}

#[test]
#[ignore = "needs an OpenStack: . $(tests/testbeds/openstack up)"]
fn a_network_that_leads_out_and_three_managers_leave_nothing() {
    let cloud = Cloud::of_environment();
    let stack = Stack::on_openstack("out");
    let provider = cloud.provider("external_network = \"public\"");
    stack.configure(&swarm(
        &provider,
        "control_plane_count = 3\n  node_count = 0",
    ));
    stack.apply();
    stack.assert_ready(&["control-plane-1", "control-plane-2", "control-plane-3"]);
    stack.assert_plan_is_empty();
    let is_router = |object: &String| object.starts_with("routers ");
    assert!(cloud.objects_of(stack.name()).iter().any(is_router));
    stack.destroy();
    assert_eq!(cloud.objects_of(stack.name()), Vec::<String>::new());
}
