//! What most of these tests begin with.

use coe_tests::cloudstack::{Cloud, Refusal};
use serde_json::Value;

/// The text of a field.
pub(crate) fn text(of: &Value, field: &str) -> String {
    let found = of[field].as_str();
    found
        .unwrap_or_else(|| panic!("there is no {field} in {of}"))
        .to_owned()
}

/// The id of the one that has that name in a list.
pub(crate) fn id_of(cloud: &Cloud, command: &str, kind: &str, name: &str) -> String {
    let mut parameters = vec![("name", name)];
    if command == "listTemplates" {
        parameters.push(("templatefilter", "executable"));
    }
    let found = cloud.ask(command, &parameters);
    text(&found[kind][0], "id")
}

/// What is needed to make machines.
pub(crate) struct Site {
    pub(crate) zone: String,
    pub(crate) offering: String,
    pub(crate) template: String,
    pub(crate) network: String,
}

impl Site {
    /// With a network of that name.
    pub(crate) fn of(cloud: &Cloud, network: &str) -> Self {
        let zone = id_of(cloud, "listZones", "zone", "zone-1");
        Self {
            network: make_network(cloud, &zone, network),
            offering: id_of(cloud, "listServiceOfferings", "serviceoffering", "tiny"),
            template: id_of(cloud, "listTemplates", "template", "debian-12"),
            zone,
        }
    }

    pub(crate) fn machine<'a>(
        &'a self,
        name: &'a str,
        more: &[(&'a str, &'a str)],
    ) -> Vec<(&'a str, &'a str)> {
        let mut parameters = vec![
            ("zoneid", self.zone.as_str()),
            ("serviceofferingid", &self.offering),
            ("templateid", &self.template),
            ("networkids", &self.network),
            ("name", name),
        ];
        parameters.extend(more);
        parameters
    }

    /// Makes a machine, and says its id.
    pub(crate) fn deploy(&self, cloud: &Cloud, name: &str) -> String {
        let made = cloud.run("deployVirtualMachine", &self.machine(name, &[]));
        text(&made["virtualmachine"], "id")
    }

    /// An address of the network, and its id.
    pub(crate) fn address(&self, cloud: &Cloud) -> (String, String) {
        let made = cloud.run("associateIpAddress", &[("networkid", &self.network)]);
        let address = &made["ipaddress"];
        (text(address, "id"), text(address, "ipaddress"))
    }
}

pub(crate) fn make_network(cloud: &Cloud, zone: &str, name: &str) -> String {
    let offering = id_of(
        cloud,
        "listNetworkOfferings",
        "networkoffering",
        "DefaultIsolatedNetworkOfferingWithSourceNatService",
    );
    let made = cloud.ask(
        "createNetwork",
        &[
            ("name", name),
            ("zoneid", zone),
            ("networkofferingid", &offering),
        ],
    );
    text(&made["network"], "id")
}

/// The names of the objects of a list.
pub(crate) fn names(list: &Value, kind: &str) -> Vec<String> {
    let objects = list[kind].as_array();
    let objects = objects.into_iter().flatten();
    objects.map(|object| text(object, "name")).collect()
}

/// The code of a refusal.
pub(crate) fn code<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> u64 {
    outcome.expect_err("it is refused").code
}
