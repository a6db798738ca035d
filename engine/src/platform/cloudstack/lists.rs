//! What the cloud lists, as far as it is needed here.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

use crate::model::{ClusterId, MachineSize, Owner};
use crate::platform::labels::{Labels, described};

/// A zone.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Zone {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) networktype: String,
    #[serde(default)]
    pub(super) allocationstate: String,
}

/// A size of machines.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ServiceOffering {
    pub(super) id: String,
    pub(super) name: String,
    /// 0: whoever makes a machine says it.
    #[serde(default)]
    pub(super) cpunumber: u64,
    /// MHz of a CPU.
    #[serde(default)]
    pub(super) cpuspeed: u64,
    /// MiB.
    #[serde(default)]
    pub(super) memory: u64,
    #[serde(default)]
    pub(super) iscustomized: bool,
}

impl ServiceOffering {
    /// How large its machines are; `None`: whoever makes one says it.
    pub(super) fn size(&self) -> Option<MachineSize> {
        let is_said = self.cpunumber > 0 && self.memory > 0;
        is_said.then(|| MachineSize {
            millicpus: self.cpunumber.saturating_mul(1000),
            memory: self.memory,
        })
    }
}

/// What machines are made from.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Template {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) isready: bool,
    #[serde(default)]
    pub(super) sshkeyenabled: bool,
    /// Bytes.
    #[serde(default)]
    pub(super) size: u64,
}

/// A service of a network or of an offering.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Service {
    name: String,
}

/// Whether that one is among them.
pub(super) fn has(services: &[Service], name: &str) -> bool {
    services
        .iter()
        .any(|service| service.name.eq_ignore_ascii_case(name))
}

/// What a network can be.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct NetworkOffering {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) guestiptype: String,
    #[serde(default)]
    pub(super) state: String,
    #[serde(default)]
    pub(super) isdefault: bool,
    #[serde(default)]
    pub(super) forvpc: bool,
    #[serde(default)]
    pub(super) specifyvlan: bool,
    #[serde(default)]
    pub(super) service: Vec<Service>,
}

/// A tag.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Tag {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
}

/// The value of a tag.
pub(super) fn tagged<'a>(tags: &'a [Tag], key: &str) -> Option<&'a str> {
    let tag = tags.iter().find(|tag| tag.key == key)?;
    Some(&tag.value)
}

/// Whether tags say that something belongs to the cluster.
pub(super) fn tags_tell_of(tags: &[Tag], cluster: ClusterId) -> bool {
    tagged(tags, Owner::CLUSTER_ID).is_some_and(|id| id == cluster.to_string())
}

/// A network.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ListedNetwork {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) displaytext: String,
    #[serde(default)]
    pub(super) cidr: Option<IpNet>,
    #[serde(default)]
    pub(super) gateway: Option<IpAddr>,
    /// Whether it lets out what no rule names.
    #[serde(default)]
    pub(super) egressdefaultpolicy: Option<bool>,
    #[serde(default)]
    pub(super) service: Vec<Service>,
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
}

impl ListedNetwork {
    pub(super) fn owner(&self) -> Option<Owner> {
        described(&self.displaytext)
    }

    pub(super) fn is_of(&self, cluster: ClusterId) -> bool {
        self.owner().is_some_and(|owner| owner.cluster == cluster)
    }
}

/// A public address.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct PublicAddress {
    pub(super) id: String,
    pub(super) ipaddress: IpAddr,
    #[serde(default)]
    pub(super) issourcenat: bool,
    #[serde(default)]
    pub(super) associatednetworkid: Option<String>,
}

/// A rule that lets in.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct FirewallRule {
    pub(super) id: String,
    #[serde(default)]
    pub(super) ipaddressid: Option<String>,
    #[serde(default, deserialize_with = "number")]
    pub(super) startport: Option<u16>,
    #[serde(default, deserialize_with = "number")]
    pub(super) endport: Option<u16>,
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
}

/// A port of a public address that leads to a machine.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Forward {
    pub(super) id: String,
    #[serde(default)]
    pub(super) ipaddressid: Option<String>,
    pub(super) ipaddress: IpAddr,
    #[serde(default)]
    pub(super) protocol: String,
    #[serde(default, deserialize_with = "number")]
    pub(super) publicport: Option<u16>,
    #[serde(default, deserialize_with = "number")]
    pub(super) privateport: Option<u16>,
    #[serde(default)]
    pub(super) virtualmachineid: Option<String>,
}

/// A port of a public address that leads to one of several machines.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Balancer {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) publicip: IpAddr,
    #[serde(default)]
    pub(super) publicipid: Option<String>,
    #[serde(default, deserialize_with = "number")]
    pub(super) publicport: Option<u16>,
    #[serde(default, deserialize_with = "number")]
    pub(super) privateport: Option<u16>,
}

impl Balancer {
    pub(super) fn is_of(&self, cluster: ClusterId) -> bool {
        described(&self.description).is_some_and(|owner| owner.cluster == cluster)
    }
}

/// A machine's place in a network.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Nic {
    pub(super) networkid: String,
    #[serde(default)]
    pub(super) ipaddress: Option<IpAddr>,
}

/// A machine.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ListedMachine {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) state: String,
    #[serde(default)]
    pub(super) details: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
    #[serde(default)]
    pub(super) nic: Vec<Nic>,
}

impl ListedMachine {
    /// What it carries from the call that made it.
    pub(super) fn labels(&self) -> &Labels {
        &self.details
    }

    /// Of which cluster it is.
    pub(super) fn cluster(&self) -> Option<ClusterId> {
        self.details.get(Owner::CLUSTER_ID)?.parse().ok()
    }

    /// Its addresses in a network.
    pub(super) fn in_network(&self, network: &str) -> impl Iterator<Item = IpAddr> {
        let nics = self.nic.iter().filter(move |nic| nic.networkid == network);
        nics.filter_map(|nic| nic.ipaddress)
    }
}

/// An affinity group.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct AffinityGroup {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
}

/// User data that is registered under a name.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct UserData {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) userdata: String,
}

/// A port, which some answers have as a text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u16),
        Text(String),
    }
    Ok(match Option::<Either>::deserialize(deserializer)? {
        Some(Either::Number(number)) => Some(number),
        Some(Either::Text(text)) => text.parse().ok(),
        None => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_read_as_number_and_as_text() {
        let read = |port: &str| {
            let json = format!(
                r#"{{"id": "1", "ipaddress": "10.0.0.1", "publicport": {port}, "privateport": 22}}"#
            );
            serde_json::from_str::<Forward>(&json).unwrap().publicport
        };
        assert_eq!(
            (read("2222"), read("\"2222\""), read("null")),
            (Some(2222), Some(2222), None)
        );
    }
}
