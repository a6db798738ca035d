//! A machine that is lost is replaced by one of the pool; when it comes back it is given back clean.

use coe_tests::Stack;
use coe_tests::machines::Machines;

use super::swarm;

const ALL: [&str; 3] = ["alpha", "beta", "gamma"];

#[test]
fn a_machine_that_is_lost_is_replaced_from_the_pool() {
    let machines = Machines::boot(&ALL);
    let provider = machines.provider(&ALL, "");
    let stack = Stack::on_hosts("lost");
    stack.configure(&swarm(&provider, "node_count = 1"));
    stack.apply();
    let worker = format!("{}-worker-1", stack.name());
    let is_worker = |name: &&&str| {
        let marker = machines.try_on(name, "cat /var/lib/coe/machine.json");
        marker.is_ok_and(|marker| marker.contains(&format!("\"name\":\"{worker}\"")))
    };
    let lost = *ALL.iter().find(is_worker).expect("a machine is the worker");
    machines.lose(lost);

    let operations = stack.planned_operations();
    assert!(
        operations
            .iter()
            .any(|operation| operation.contains(&worker)),
        "the plan should repair {worker}: {operations:?}"
    );
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();

    machines.find_again(lost);
    // Its marker is older than that of the machine in its place: it counts no more.
    stack.assert_plan_is_empty();
    stack.destroy();
    for name in ALL {
        machines.assert_clean(name);
    }
}
