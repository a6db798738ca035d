//! A swarm is made, grows, sleeps, wakes and goes, and leaves nothing.

use std::collections::BTreeMap;

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

/// Calls since `before`, but for looks how jobs do: those are as many as the time takes.
fn calls_since(lab: &Lab, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let state = lab.cloud.state();
    let calls = state["calls"].as_object().into_iter().flatten();
    let counted = calls.filter_map(|(command, count)| {
        let since = count.as_u64()? - before.get(command).copied().unwrap_or_default();
        let is_poll = ["queryasyncjobresult", "listasyncjobs"].contains(&command.as_str());
        (!is_poll && since > 0).then(|| (command.clone(), since))
    });
    counted.collect()
}

#[test]
fn a_node_costs_four_calls_and_a_plan_costs_what_it_costs_without_it() {
    let lab = Lab::open();
    let of = |workers: u64| {
        let stack = lab.stack(&format!("calls{workers}"));
        stack.configure(&lab.swarm(&format!("node_count = {workers}")));
        let since = |before: &BTreeMap<String, u64>| calls_since(&lab, before);
        let nothing = BTreeMap::new();
        let before = since(&nothing);
        stack.apply();
        let created = since(&before);
        let before = since(&nothing);
        stack.assert_plan_is_empty();
        let planned = since(&before);
        stack.destroy();
        (created, planned)
    };
    let ((few, plan_of_few), (many, plan_of_many)) = (of(1), of(4));
    println!("1+1: {few:?}\n1+4: {many:?}\na plan: {plan_of_many:?}");
    assert_eq!(plan_of_few, plan_of_many);
    let of_kind = |calls: &BTreeMap<String, u64>, reads: bool| -> u64 {
        let is_read = |command: &String| command.starts_with("list");
        let kind = calls
            .iter()
            .filter(|(command, _)| is_read(command) == reads);
        kind.map(|(_, count)| count).sum()
    };
    let changes = of_kind(&many, false) - of_kind(&few, false);
    assert_eq!(changes, 3 * 3, "what is changed for 3 nodes more");
    // A look for each; and a step that is tried again, because the machine was busy, looks once more.
    let looks = of_kind(&many, true).saturating_sub(of_kind(&few, true));
    let again: u64 = plan_of_many.values().sum();
    assert!(looks <= 3 + again, "{looks} looks for 3 nodes more");
    lab.assert_nothing_left();
}
