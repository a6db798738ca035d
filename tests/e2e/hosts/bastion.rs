//! Machines that are reached through another one.

use coe_tests::Stack;
use coe_tests::machines::Machines;

use super::swarm;

#[test]
fn machines_are_reached_through_a_bastion() {
    let mut machines = Machines::without_machines();
    machines.add("bastion", "");
    // Whoever comes from anywhere else is not let in.
    let only = format!("from=\"{}\"", machines.address("bastion"));
    machines.add("alpha", &only);
    let stack = Stack::on_hosts("bastion");
    stack.configure(&swarm(&machines.provider(&["alpha"], ""), "node_count = 0"));
    stack
        .terraform(&["plan", "-input=false"])
        .failed_saying(&["it lets admin in by none of"]);

    let ssh = format!(", bastions = [{{ {} }}]", machines.arguments("bastion"));
    stack.configure(&swarm(
        &machines.provider(&["alpha"], &ssh),
        "node_count = 0",
    ));
    stack.apply();
    stack.assert_ready(&["control-plane-1"]);
    stack.assert_plan_is_empty();
    stack.destroy();
    machines.assert_clean("alpha");
}
