//! What the account of a cloud has, told so that two clouds with the same in them tell the same: in names, without ids.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::Cloud;

impl Cloud {
    /// The objects of a list of all that the account has.
    pub fn list(&self, command: &str, key: &str) -> Vec<Value> {
        let mut answer = self.ask(command, &[("listall", "true")]);
        match answer[key].take() {
            Value::Array(objects) => objects,
            _ => Vec::new(),
        }
    }

    /// All that the account has: each object with what it is for, how many tags it carries, and sorted. Of what a cluster's
    /// name or id is in, that is left out.
    pub fn inventory(&self, cluster: &str) -> Vec<String> {
        let prefix = format!("{cluster}-");
        let own = |name: &Value| {
            let name = name.as_str().unwrap_or_default();
            name.strip_prefix(&prefix).unwrap_or(name).to_owned()
        };
        let tags = |object: &Value| object["tags"].as_array().map_or(0, Vec::len);
        let mut all = Vec::new();
        for machine in self.list("listVirtualMachines", "virtualmachine") {
            let (name, state) = (own(&machine["name"]), &machine["state"]);
            all.push(format!("machine {name} {state}, {} tags", tags(&machine)));
        }
        for network in self.list("listNetworks", "network") {
            let count = tags(&network);
            all.push(format!("network, {count} tags"));
            let id = network["id"].as_str().unwrap_or_default();
            let rules = self.ask("listEgressFirewallRules", &[("networkid", id)]);
            for rule in rules["firewallrule"].as_array().into_iter().flatten() {
                all.push(format!("way out, {} tags", tags(rule)));
            }
        }
        for address in self.list("listPublicIpAddresses", "publicipaddress") {
            let is_nat = &address["issourcenat"];
            let count = tags(&address);
            all.push(format!("address, source NAT {is_nat}, {count} tags"));
        }
        for rule in self.list("listFirewallRules", "firewallrule") {
            let (from, to) = (&rule["startport"], &rule["endport"]);
            all.push(format!("way in {from}-{to}, {} tags", tags(&rule)));
        }
        for rule in self.list("listPortForwardingRules", "portforwardingrule") {
            let (port, machine) = (&rule["privateport"], own(&rule["virtualmachinename"]));
            let count = tags(&rule);
            all.push(format!("forward to {port} of {machine}, {count} tags"));
        }
        for rule in self.list("listLoadBalancerRules", "loadbalancerrule") {
            let id = rule["id"].as_str().unwrap_or_default();
            let behind = self.ask("listLoadBalancerRuleInstances", &[("id", id)]);
            let behind = behind["loadbalancerruleinstance"].as_array().cloned();
            let behind: Vec<String> = behind
                .into_iter()
                .flatten()
                .map(|machine| own(&machine["name"]))
                .collect();
            let (port, behind) = (&rule["publicport"], behind.join(" "));
            let count = tags(&rule);
            all.push(format!("balancer {port} to {behind}, {count} tags"));
        }
        for (command, key) in [
            ("listAffinityGroups", "affinitygroup"),
            ("listUserData", "userdata"),
        ] {
            for kept in self.list(command, key) {
                let name = kept["name"].as_str().unwrap_or_default();
                // Which number it has does not matter.
                let of = ["claim", "record"].iter().find(|of| name.contains(**of));
                all.push(format!("{key} {}", of.unwrap_or(&name)));
            }
        }
        all.sort();
        all
    }
}

/// A key to log in on machines with, made in a folder; where it is.
///
/// # Panics
/// When it cannot be made.
pub fn login_key(folder: &Path) -> PathBuf {
    let key = folder.join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status();
    assert!(made.expect("ssh-keygen starts").success());
    key
}
