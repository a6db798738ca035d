//! Clusters of instances of a CloudStack cloud: the stand-in of `tests/cloudstack`, whose machines boot.

mod gc;
mod kubernetes;
mod lifecycle;
mod refusals;
mod repair;
mod rollback;

use std::process::Command;

use coe_tests::Stack;
use coe_tests::cloudstack::Cloud;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A cloud, and a key to log in on its machines with.
struct Lab {
    cloud: Cloud,
    keys: TempDir,
}

impl Lab {
    fn open() -> Self {
        Self::with(&json!({}))
    }

    /// One whose machines are pretended: nothing that is planned needs more.
    fn pretended() -> Self {
        Self::with(&json!({ "machines": "none" }))
    }

    fn with(settings: &Value) -> Self {
        let keys = tempfile::tempdir().expect("a folder");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(keys.path().join("key"))
            .status();
        assert!(made.expect("ssh-keygen starts").success());
        Self {
            cloud: Cloud::with(settings),
            keys,
        }
    }

    /// A stack whose terraform knows the cloud by its environment.
    fn stack(&self, what: &str) -> Stack {
        let variables = self.cloud.environment();
        variables
            .into_iter()
            .fold(Stack::on_cloudstack(what), |stack, (name, value)| {
                stack.with_environment(name, value)
            })
    }

    /// The provider's configuration; `arguments` are more of `cloudstack`.
    fn provider(&self, arguments: &str) -> String {
        format!(
            "provider \"coe\" {{\n  cloudstack = {{\n    template         = \"debian-12\"\n    service_offering = \
             \"small\"\n    ssh              = {{ private_key_file = \"{}\" }}\n    {arguments}\n  }}\n}}\n",
            self.keys.path().join("key").display()
        )
    }

    /// A swarm with these arguments in the cloud.
    fn swarm(&self, arguments: &str) -> String {
        swarm(&self.provider(""), arguments)
    }

    /// Names or ids of all that there is in the cloud, by kind.
    fn objects(&self) -> Vec<String> {
        let lists = [
            ("listVirtualMachines", "virtualmachine"),
            ("listNetworks", "network"),
            ("listPublicIpAddresses", "publicipaddress"),
            ("listFirewallRules", "firewallrule"),
            ("listPortForwardingRules", "portforwardingrule"),
            ("listLoadBalancerRules", "loadbalancerrule"),
            ("listAffinityGroups", "affinitygroup"),
            ("listUserData", "userdata"),
            ("listTags", "tag"),
        ];
        let mut objects = Vec::new();
        for (command, kind) in lists {
            let answer = self.cloud.ask(command, &[("listall", "true")]);
            for object in answer[kind].as_array().into_iter().flatten() {
                let name = ["name", "id", "key"]
                    .iter()
                    .find_map(|key| object[key].as_str());
                objects.push(format!("{kind} {}", name.unwrap_or_default()));
            }
        }
        objects
    }

    /// Makes a network `shared` that no cluster has made, with a public address; all that there is then.
    fn shared_network(&self) -> Vec<String> {
        let network = self.network("shared");
        self.cloud
            .run("associateIpAddress", &[("networkid", &network)]);
        self.objects()
    }

    /// Makes a network that no cluster has made; its id.
    fn network(&self, name: &str) -> String {
        let offering = self.first("listNetworkOfferings", "networkoffering");
        let zone = self.first("listZones", "zone");
        let parameters = [
            ("name", name),
            ("zoneid", &zone),
            ("networkofferingid", &offering),
        ];
        let made = self.cloud.ask("createNetwork", &parameters);
        made["network"]["id"].as_str().expect("an id").to_owned()
    }

    /// The id of the first of what the cloud offers.
    fn first(&self, command: &str, key: &str) -> String {
        let listed = self.cloud.ask(command, &[("templatefilter", "executable")]);
        listed[key][0]["id"].as_str().expect("an id").to_owned()
    }

    fn machine(&self, name: &str) -> Option<Value> {
        let answer = self.cloud.ask("listVirtualMachines", &[("name", name)]);
        let mut machines = answer["virtualmachine"].as_array().into_iter().flatten();
        machines.find(|machine| machine["name"] == name).cloned()
    }

    fn id_of(&self, name: &str) -> String {
        let machine = self.machine(name);
        let machine = machine.unwrap_or_else(|| panic!("no instance {name}"));
        machine["id"].as_str().expect("an id").to_owned()
    }

    /// The cloud has nothing, and was never told anything that it does not know.
    fn assert_nothing_left(&self) {
        assert_eq!(self.objects(), Vec::<String>::new());
        let state = self.cloud.state();
        assert_eq!(state["unknown_parameters"], json!([]));
    }
}

fn swarm(provider: &str, arguments: &str) -> String {
    format!(
        "{provider}\nresource \"coe_container_cluster\" \"this\" {{\n  name = \"NAME\"\n  coe  = \"swarm\"\n  {arguments}\n}}\n"
    )
}
