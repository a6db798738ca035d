//! Networks, addresses, and rules that meet.

use coe_tests::cloudstack::Cloud;
use serde_json::json;

use crate::fixture::{Site, code, id_of, text};

#[test]
fn a_network_has_the_range_that_it_is_given_and_runs_from_its_first_machine_on() {
    let cloud = Cloud::pretended();
    let site = Site::of(&cloud, "net");
    let offering = id_of(&cloud, "listNetworkOfferings", "networkoffering", "no-lb");
    let network = |gateway, netmask| {
        cloud.try_ask(
            "createNetwork",
            &[
                ("name", "given"),
                ("zoneid", &site.zone),
                ("networkofferingid", &offering),
                ("gateway", gateway),
                ("netmask", netmask),
            ],
        )
    };
    let made = network("10.9.8.1", "255.255.255.0").expect("a network")["network"].clone();
    assert_eq!(made["cidr"], "10.9.8.0/24");
    assert_eq!(made["state"], "Allocated");
    assert_eq!(code(network("10.9.8.1", "nonsense")), 431);

    let given = Site {
        network: text(&made, "id"),
        ..site
    };
    let machine = cloud.run("deployVirtualMachine", &given.machine("one", &[]));
    let card = &machine["virtualmachine"]["nic"][0];
    assert_eq!(card["ipaddress"], "10.9.8.2");
    let id = [("id", given.network.as_str())];
    assert_eq!(
        cloud.ask("listNetworks", &id)["network"][0]["state"],
        "Implemented"
    );
    let addresses = cloud.ask(
        "listPublicIpAddresses",
        &[("associatednetworkid", &given.network)],
    );
    assert_eq!(addresses["count"], 1);
    let address = &addresses["publicipaddress"][0];
    assert_eq!(address["issourcenat"], true);
    let released = cloud.try_run("disassociateIpAddress", &[("id", &text(address, "id"))]);
    assert_eq!(code(released), 530);
    // Its offering balances nothing.
    let rule = cloud.try_ask(
        "createLoadBalancerRule",
        &[
            ("name", "api"),
            ("algorithm", "roundrobin"),
            ("publicipid", &text(address, "id")),
            ("publicport", "6443"),
            ("privateport", "6443"),
        ],
    );
    assert_eq!(code(rule), 431);
    let same_name = cloud.try_ask("deployVirtualMachine", &given.machine("one", &[]));
    assert_eq!(code(same_name), 431);
}

#[test]
fn rules_of_one_port_are_refused() {
    let cloud = Cloud::pretended();
    let site = Site::of(&cloud, "net");
    let machine = site.deploy(&cloud, "one");
    let (address, _) = site.address(&cloud);
    let forward = |first: &str, last: &str, firewall: &str| {
        cloud.try_run(
            "createPortForwardingRule",
            &[
                ("ipaddressid", &address),
                ("protocol", "tcp"),
                ("publicport", first),
                ("publicendport", last),
                ("privateport", first),
                ("privateendport", last),
                ("virtualmachineid", &machine),
                ("openfirewall", firewall),
            ],
        )
    };
    let made = forward("20", "30", "false").expect("a rule");
    assert_eq!(made["portforwardingrule"]["publicport"], "20");
    assert_eq!(code(forward("25", "25", "false")), 537);
    forward("31", "31", "true").expect("a rule");
    let balance = |port: &str, more: &[(&str, &str)]| {
        let own = [
            ("name", "api"),
            ("algorithm", "roundrobin"),
            ("publicipid", &address),
            ("publicport", port),
            ("privateport", "6443"),
        ];
        cloud.try_run("createLoadBalancerRule", &[&own[..], more].concat())
    };
    assert_eq!(code(balance("30", &[])), 537);
    let made = balance("6443", &[("openfirewall", "false")]).expect("a rule");
    let balancer = text(&made["loadbalancer"], "id");

    let firewall = |first: &str, last: &str, from: &str| {
        cloud.try_run(
            "createFirewallRule",
            &[
                ("ipaddressid", &address),
                ("protocol", "tcp"),
                ("startport", first),
                ("endport", last),
                ("cidrlist", from),
            ],
        )
    };
    // The forwarding rule of port 31 has opened it.
    assert_eq!(code(firewall("31", "40", "0.0.0.0/0")), 537);
    firewall("6443", "6443", "10.0.0.0/8").expect("a rule");
    firewall("6443", "6443", "192.168.0.0/16").expect("a rule from elsewhere");
    assert_eq!(code(firewall("6443", "6443", "10.1.0.0/16")), 537);
    let rules = cloud.ask("listFirewallRules", &[("ipaddressid", &address)]);
    assert_eq!(rules["count"], 3);

    let of = [("id", balancer.as_str()), ("virtualmachineids", &machine)];
    cloud.run("assignToLoadBalancerRule", &of);
    assert_eq!(code(cloud.try_run("assignToLoadBalancerRule", &of)), 431);
    let members = cloud.ask("listLoadBalancerRuleInstances", &[("id", &balancer)]);
    assert_eq!(members["loadbalancerruleinstance"][0]["name"], "one");

    // With a machine go its rules, and what was opened for them; with an address all rules on it.
    cloud.run(
        "destroyVirtualMachine",
        &[("id", &machine), ("expunge", "true")],
    );
    assert_eq!(cloud.ask("listPortForwardingRules", &[]), json!({}));
    let rules = cloud.ask("listFirewallRules", &[("ipaddressid", &address)]);
    assert_eq!(rules["count"], 2);
    cloud.run("disassociateIpAddress", &[("id", &address)]);
    assert_eq!(cloud.ask("listLoadBalancerRules", &[]), json!({}));
    assert_eq!(cloud.ask("listFirewallRules", &[]), json!({}));
}

#[test]
fn egress_rules_are_of_the_network_and_are_not_doubled() {
    let cloud = Cloud::pretended();
    let site = Site::of(&cloud, "net");
    let rule = || {
        cloud.try_run(
            "createEgressFirewallRule",
            &[("networkid", &site.network), ("protocol", "all")],
        )
    };
    let made = rule().expect("a rule");
    assert_eq!(made["firewallrule"]["networkid"], *site.network);
    assert_eq!(code(rule()), 537);
    let id = text(&made["firewallrule"], "id");
    cloud.run("deleteEgressFirewallRule", &[("id", &id)]);
    assert_eq!(cloud.ask("listEgressFirewallRules", &[]), json!({}));
}
