//! What is refused before a machine is touched.

use coe_tests::Stack;
use coe_tests::machines::Machines;

use super::swarm;

#[test]
fn a_machine_is_spoken_to_by_the_key_by_which_it_is_known_alone() {
    let machines = Machines::boot(&["alpha", "beta"]);
    let stack = Stack::on_hosts("key");
    let (address, key) = (machines.address("alpha"), machines.host_key("alpha"));
    let plan = ["plan", "-input=false"];
    let with = |host_key: &str| {
        let machine =
            format!("      alpha = {{ address = \"{address}\", user = \"admin\"{host_key} }}\n");
        swarm(&machines.provider_of(&machine, ""), "node_count = 0")
    };

    stack.configure(&with(""));
    let refused = stack.terraform(&plan);
    let refused = refused.failed_saying(&["nobody said by which key it is known", "SHA256:"]);
    let said: String = refused.to_string().split_whitespace().collect();
    let line: String = format!("host_key=\"{key}\"").split_whitespace().collect();
    let said = said.replace(['│', '╷', '╵'], "");
    assert!(said.contains(&line), "{said} should have {line}");

    let other = machines.host_key("beta");
    stack.configure(&with(&format!(", host_key = \"{other}\"")));
    stack
        .terraform(&plan)
        .failed_saying(&["it shows another host key"]);
    assert!(machines.try_on("alpha", "ls /var/lib/coe").is_err());
}

#[test]
fn what_machines_that_exist_cannot_be_is_said_by_the_plan() {
    let machines = Machines::boot(&["alpha"]);
    let provider = machines.provider(&["alpha"], "");
    let stack = Stack::on_hosts("not");
    let plan = ["plan", "-input=false"];
    stack.configure(&swarm(&provider, "image = \"node:1\""));
    stack.refuses_at(&plan, "\"node:1\"", &["made from no image"]);

    let guest = machines.arguments("alpha").replace("admin", "guest");
    let guest = format!("      alpha = {{ {guest} }}\n");
    stack.configure(&swarm(&machines.provider_of(&guest, ""), "node_count = 0"));
    stack.terraform(&plan).failed_saying(&["sudo"]);

    let (address, key) = (machines.address("alpha"), machines.host_key("alpha"));
    let machine = format!("{{ address = \"{address}\", host_key = \"{key}\" }}");
    let twice = format!("      alpha = {machine}\n      beta = {machine}\n");
    stack.configure(&swarm(&machines.provider_of(&twice, ""), "node_count = 0"));
    stack
        .terraform(&plan)
        .failed_saying(&["Two names for one machine"]);
}

#[test]
fn a_machine_without_kubernetes_does_not_become_a_node_of_it() {
    let machines = Machines::boot(&["alpha"]);
    let stack = Stack::on_hosts("bare");
    let provider = machines.provider(&["alpha"], "");
    let kubernetes = swarm(&provider, "node_count = 0").replace("\"swarm\"", "\"kubernetes\"");
    stack.configure(&kubernetes);
    stack.apply_fails_saying(&["it has no kubelet.service"]);
    machines.assert_clean("alpha");
}

#[test]
fn everything_that_keeps_a_machine_from_becoming_a_node_is_said_at_once() {
    let machines = Machines::boot(&["alpha"]);
    machines.on(
        "alpha",
        "mkdir -p /etc/docker && touch /etc/docker/mine /var/lib/docker/mine",
    );
    let stack = Stack::on_hosts("preflight");
    let provider = machines.provider(&["alpha"], "");
    stack.configure(&swarm(&provider, "node_count = 0"));
    stack.apply_fails_saying(&["/var/lib/docker is not empty", "/etc/docker is not empty"]);
    machines.on(
        "alpha",
        "test -e /etc/docker/mine && test ! -e /var/lib/coe/machine.json",
    );
}
