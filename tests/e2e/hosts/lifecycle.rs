//! A cluster is drawn from the pool, grows and shrinks in it, and gives it back clean.

use coe_tests::Stack;
use coe_tests::machines::Machines;

use super::swarm;

const ALL: [&str; 3] = ["alpha", "beta", "gamma"];

#[test]
fn machines_become_nodes_and_are_given_back_clean() {
    let machines = Machines::boot(&ALL);
    let provider = machines.provider(&ALL, "");
    let stack = Stack::on_hosts("life");
    stack.configure(&swarm(&provider, "node_count = 1"));
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();
    let free = |name: &&&str| {
        machines
            .try_on(name, "test -e /var/lib/coe/machine.json")
            .is_err()
    };
    assert_eq!(ALL.iter().filter(free).count(), 1);
    let before = stack.cluster();

    stack.configure(&swarm(&provider, "node_count = 2"));
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1", "worker-2"]);
    stack.assert_plan_is_empty();
    assert_eq!(stack.cluster()["endpoint"], before["endpoint"]);

    stack.configure(&swarm(&provider, "node_count = 3"));
    stack.refuses_at(
        &["plan", "-input=false"],
        "3",
        &["1 more machines are needed for workers, and 0 are free"],
    );

    stack.configure(&swarm(&provider, "node_count = 1"));
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    assert_eq!(ALL.iter().filter(free).count(), 1);

    stack.destroy();
    for name in ALL {
        machines.assert_clean(name);
    }
}
