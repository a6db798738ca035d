//! The network of a cluster: a network with one subnet, a router where it is to lead out, and a security group.
//!
//! Guarantees: asked twice, there is one of each; what is half made is completed. All carry the cluster's name, and
//! their owner in their description.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Value, json};

use super::OpenStack;
use super::client::{Call, Client, Service, encoded};
use super::labels::{described, description};
use crate::model::{Carries, ClusterId, Network, NetworkSpec, Owner};
use crate::platform::{PlatformError, Retry, subnets};

/// The most addresses of a subnet that are left to the cloud's own ports.
const MOST_OF_CLOUD: u32 = 16;

/// An object of Neutron's.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
}

impl Listed {
    pub(super) fn owner(&self) -> Option<Owner> {
        described(&self.description)
    }

    pub(super) fn is_of(&self, cluster: ClusterId) -> bool {
        self.owner().is_some_and(|owner| owner.cluster == cluster)
    }
}

/// A network.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ListedNetwork {
    #[serde(flatten)]
    pub(super) object: Listed,
    #[serde(default, rename = "router:external")]
    pub(super) external: bool,
}

/// A subnet.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ListedSubnet {
    #[serde(flatten)]
    pub(super) object: Listed,
    pub(super) network_id: String,
    pub(super) cidr: IpNet,
    #[serde(default)]
    gateway_ip: Option<IpAddr>,
    #[serde(default)]
    allocation_pools: Vec<AddressPool>,
}

#[derive(Debug, Clone, Deserialize)]
struct AddressPool {
    start: IpAddr,
    end: IpAddr,
}

/// Which kind of object, in a path and in an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// `networks`.
    pub(super) many: &'static str,
    /// `network`.
    pub(super) one: &'static str,
    /// As in a path.
    path: &'static str,
    /// As in a sentence.
    said: &'static str,
}

pub(super) const NETWORK: Kind = Kind {
    many: "networks",
    one: "network",
    path: "/networks",
    said: "network",
};
pub(super) const SUBNET: Kind = Kind {
    many: "subnets",
    one: "subnet",
    path: "/subnets",
    said: "subnet",
};
pub(super) const ROUTER: Kind = Kind {
    many: "routers",
    one: "router",
    path: "/routers",
    said: "router",
};
pub(super) const SECURITY_GROUP: Kind = Kind {
    many: "security_groups",
    one: "security_group",
    path: "/security-groups",
    said: "security group",
};
pub(super) const PORT: Kind = Kind {
    many: "ports",
    one: "port",
    path: "/ports",
    said: "port",
};
impl OpenStack {
    /// Objects of that kind in our project.
    pub(super) async fn neutron<T: serde::de::DeserializeOwned>(
        &self,
        kind: Kind,
        query: &str,
    ) -> Result<Vec<T>, PlatformError> {
        let project = self.shared.client.project().await?;
        let query = format!("project_id={project}&{query}");
        self.neutron_everywhere(kind, &query).await
    }

    /// Objects of that kind that we see.
    pub(super) async fn neutron_everywhere<T: serde::de::DeserializeOwned>(
        &self,
        kind: Kind,
        query: &str,
    ) -> Result<Vec<T>, PlatformError> {
        let what = format!("list {}", kind.many.replace('_', " "));
        let list = (kind.path, kind.many);
        self.shared
            .client
            .list(&what, Service::Network, list, query)
            .await
    }

    /// Makes an object; the answer is it.
    pub(super) async fn make<T: serde::de::DeserializeOwned + Send + 'static>(
        &self,
        kind: Kind,
        owner: &Owner,
        name: &str,
        body: Value,
    ) -> Result<T, super::client::Failure> {
        let openstack = self.clone();
        let what = format!("create {} {name}", kind.said);
        let call = async move {
            let call = Call::post(Service::Network, kind.path, json!({ kind.one: body }));
            let answer = openstack.shared.client.ask::<Value>(&what, call).await;
            let made = answer.and_then(|mut answer| {
                serde_json::from_value(answer[kind.one].take()).map_err(|error| {
                    super::client::Failure::from(PlatformError::Refused {
                        what,
                        reason: format!("the answer is not understood: {error}"),
                        help: None,
                        retry: Retry::Never,
                    })
                })
            });
            Ok(made)
        };
        self.shared.making.make(owner.cluster, call).await?
    }

    /// The cluster's own object of that kind, if it is there; one of its name that is not the cluster's is an error.
    async fn own(&self, kind: Kind, owner: &Owner) -> Result<Option<Listed>, PlatformError> {
        let name = owner.cluster_name.as_str();
        let query = format!("name={}", encoded(name));
        let named: Vec<Listed> = self.neutron(kind, &query).await?;
        if named.is_empty() {
            return Ok(None);
        }
        let own = named.into_iter().find(|named| named.is_of(owner.cluster));
        own.map(Some).ok_or_else(|| PlatformError::Foreign {
            kind: kind.said,
            name: name.to_owned(),
        })
    }

    /// See `Platform::ensure_network`. What can be refused is refused before anything is made.
    pub(super) async fn network_for(
        &self,
        owner: &Owner,
        want: &NetworkSpec,
    ) -> Result<Network, PlatformError> {
        let wanted = match want {
            NetworkSpec::Existing(id_or_name) => {
                let network = self.existing_network(id_or_name).await?;
                self.security_group(owner).await?;
                return Ok(network);
            }
            NetworkSpec::Subnet(subnet) => Some(subnet.trunc()),
            NetworkSpec::Isolated => None,
        };
        let (network, group, subnets) = tokio::try_join!(
            self.own(NETWORK, owner),
            self.own(SECURITY_GROUP, owner),
            self.neutron::<ListedSubnet>(SUBNET, ""),
        )?;
        let is_there = |subnet: &&ListedSubnet| {
            network
                .as_ref()
                .is_some_and(|own| own.id == subnet.network_id)
        };
        let there = subnets.iter().find(is_there);
        let subnet = if let Some(there) = there {
            Ok(there.clone())
        } else {
            let others: Vec<IpNet> = subnets.iter().map(|subnet| subnet.cidr).collect();
            Err(subnets::choose(owner, wanted, &others)?)
        };
        let (network, _group) = tokio::try_join!(
            self.complete_network(owner, network, subnet),
            self.complete_group(owner, group),
        )?;
        Ok(network)
    }

    /// `subnet` is the one that is there, or what it is to be.
    async fn complete_network(
        &self,
        owner: &Owner,
        network: Option<Listed>,
        subnet: Result<ListedSubnet, IpNet>,
    ) -> Result<Network, PlatformError> {
        let name = owner.cluster_name.as_str();
        let network = if let Some(own) = network {
            own
        } else {
            let body = json!({ "name": name, "description": description(owner) });
            self.make(NETWORK, owner, name, body).await?
        };
        let subnet = match subnet {
            Ok(there) => there,
            Err(wanted) => self.make_subnet(owner, &network, wanted).await?,
        };
        if let Some(outside) = &self.shared.settings.external_network {
            self.lead_out(owner, &subnet, outside).await?;
        }
        Ok(described_network(&network, &subnet, true))
    }

    async fn make_subnet(
        &self,
        owner: &Owner,
        network: &Listed,
        cidr: IpNet,
    ) -> Result<ListedSubnet, PlatformError> {
        let name = owner.cluster_name.as_str();
        let mut body = json!({
            "name": name,
            "description": description(owner),
            "network_id": network.id,
            "ip_version": if matches!(cidr, IpNet::V4(_)) { 4 } else { 6 },
            "cidr": cidr,
        });
        // Nodes get their addresses from us, the cloud's own ports those at the end.
        if let Some((start, end)) = of_cloud(cidr) {
            body["allocation_pools"] = json!([{ "start": start, "end": end }]);
        }
        Ok(self.make(SUBNET, owner, name, body).await?)
    }

    /// Makes sure that the subnet has a router to the outside.
    async fn lead_out(
        &self,
        owner: &Owner,
        subnet: &ListedSubnet,
        outside: &str,
    ) -> Result<(), PlatformError> {
        let name = owner.cluster_name.as_str();
        let router = if let Some(own) = self.own(ROUTER, owner).await? {
            own
        } else {
            let outside = self.external_network(outside).await?;
            let body = json!({
                "name": name,
                "description": description(owner),
                "external_gateway_info": { "network_id": outside.object.id },
            });
            self.make(ROUTER, owner, name, body).await?
        };
        let what = format!("connect subnet {name} to router {name}");
        let path = format!("/routers/{}/add_router_interface", router.id);
        let call = Call::put(
            Service::Network,
            path,
            json!({ "subnet_id": subnet.object.id }),
        );
        match self.shared.client.tell(&what, call).await {
            Err(failure) if failure.says("already has a port on subnet") => Ok(()),
            told => Ok(told?),
        }
    }

    /// The network that leads out.
    pub(super) async fn external_network(
        &self,
        id_or_name: &str,
    ) -> Result<ListedNetwork, PlatformError> {
        let found = self.network_named(id_or_name).await?;
        if found.external {
            return Ok(found);
        }
        Err(PlatformError::Refused {
            what: format!("use network {id_or_name:?}"),
            reason: "it does not lead out".to_owned(),
            help: Some("`openstack network list --external` lists those that do.".to_owned()),
            retry: Retry::Never,
        })
    }

    pub(super) async fn network_named(
        &self,
        id_or_name: &str,
    ) -> Result<ListedNetwork, PlatformError> {
        let query = |by: &str| format!("{by}={}", encoded(id_or_name));
        let mut found: Vec<ListedNetwork> =
            self.neutron_everywhere(NETWORK, &query("name")).await?;
        if found.is_empty() {
            found = self.neutron_everywhere(NETWORK, &query("id")).await?;
        }
        let refused = |reason: &str, help: &str| PlatformError::Refused {
            what: format!("use network {id_or_name:?}"),
            reason: reason.to_owned(),
            help: Some(help.to_owned()),
            retry: Retry::Never,
        };
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => Err(refused("several have that name", "Give its id.")),
            (None, _) => Err(refused(
                "there is no such network",
                "`openstack network list` lists those that there are.",
            )),
        }
    }

    /// A network that exists, with the addresses that others hold in it. It is never changed.
    pub(super) async fn existing_network(
        &self,
        id_or_name: &str,
    ) -> Result<Network, PlatformError> {
        let found = self.network_named(id_or_name).await?.object;
        let of_network = format!("network_id={}", found.id);
        let (subnets, ports) = tokio::try_join!(
            self.neutron_everywhere::<ListedSubnet>(SUBNET, &of_network),
            self.neutron_everywhere::<super::port::ListedPort>(PORT, &of_network),
        )?;
        let is_v4 = |subnet: &&ListedSubnet| matches!(subnet.cidr, IpNet::V4(_));
        let subnet = subnets.iter().find(is_v4).or(subnets.first());
        let subnet = subnet.ok_or_else(|| PlatformError::Refused {
            what: format!("use network {id_or_name:?}"),
            reason: "it has no subnet, so nodes cannot have addresses in it".to_owned(),
            help: None,
            retry: Retry::Never,
        })?;
        let mut network = described_network(&found, subnet, false);
        network.taken = subnet.gateway_ip.into_iter().collect();
        // Nodes hold theirs rightly.
        let others = ports.iter().filter(|port| port.object.owner().is_none());
        network
            .taken
            .extend(others.flat_map(super::port::ListedPort::addresses));
        Ok(network)
    }

    /// The same; `None`: there is no such network.
    pub(super) async fn existing_network_if_there(
        &self,
        id_or_name: &str,
    ) -> Result<Option<Network>, PlatformError> {
        match self.existing_network(id_or_name).await {
            Ok(network) => Ok(Some(network)),
            Err(error) if error.retry() == Retry::Never => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The cluster's security group: its machines reach one another, and SSH is open.
    pub(super) async fn security_group(&self, owner: &Owner) -> Result<String, PlatformError> {
        let known = self.shared.groups.lock().await.get(&owner.cluster).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let own = self.own(SECURITY_GROUP, owner).await?;
        self.complete_group(owner, own).await
    }

    async fn complete_group(
        &self,
        owner: &Owner,
        own: Option<Listed>,
    ) -> Result<String, PlatformError> {
        let name = owner.cluster_name.as_str();
        let group = if let Some(own) = own {
            own
        } else {
            let body = json!({ "name": name, "description": description(owner) });
            self.make(SECURITY_GROUP, owner, name, body).await?
        };
        self.open(&group.id, &json!({ "remote_group_id": group.id }))
            .await?;
        let ssh = json!({ "protocol": "tcp", "port_range_min": 22, "port_range_max": 22 });
        self.open(&group.id, &ssh).await?;
        let mut known = self.shared.groups.lock().await;
        known.insert(owner.cluster, group.id.clone());
        Ok(group.id)
    }

    /// Makes sure that the group lets that in.
    pub(super) async fn open(&self, group: &str, rule: &Value) -> Result<(), PlatformError> {
        let mut body = json!({
            "security_group_id": group,
            "direction": "ingress",
            "ethertype": "IPv4",
        });
        if let (Some(body), Some(rule)) = (body.as_object_mut(), rule.as_object()) {
            body.extend(rule.clone());
        }
        let rule = json!({ "security_group_rule": body });
        let open = || {
            let call = Call::post(Service::Network, "/security-group-rules", rule.clone());
            self.shared.client.tell("open a security group", call)
        };
        match Client::patiently(open).await {
            // There is such a rule.
            Err(failure) if failure.is_conflict() && !failure.is_quota() => Ok(()),
            told => Ok(told?),
        }
    }

    /// See `Platform::delete_network`.
    pub(super) async fn remove_networks(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.shared.making.nothing_is_made(cluster).await;
        self.shared.groups.lock().await.remove(&cluster);
        let (networks, routers, groups, subnets, ports) = tokio::try_join!(
            self.neutron::<Listed>(NETWORK, ""),
            self.neutron::<Listed>(ROUTER, ""),
            self.neutron::<Listed>(SECURITY_GROUP, ""),
            self.neutron::<ListedSubnet>(SUBNET, ""),
            self.neutron::<super::port::ListedPort>(PORT, ""),
        )?;
        for port in ports.iter().filter(|port| port.object.is_of(cluster)) {
            self.remove(PORT, &port.object.id, &port.object.name)
                .await?;
        }
        let own = |subnet: &&ListedSubnet| subnet.object.is_of(cluster);
        for router in routers.iter().filter(|router| router.is_of(cluster)) {
            for subnet in subnets.iter().filter(own) {
                self.disconnect(router, subnet).await?;
            }
            self.remove(ROUTER, &router.id, &router.name).await?;
        }
        for network in networks.iter().filter(|network| network.is_of(cluster)) {
            self.remove(NETWORK, &network.id, &network.name).await?;
        }
        for group in groups.iter().filter(|group| group.is_of(cluster)) {
            self.remove(SECURITY_GROUP, &group.id, &group.name).await?;
        }
        Ok(())
    }

    async fn disconnect(
        &self,
        router: &Listed,
        subnet: &ListedSubnet,
    ) -> Result<(), PlatformError> {
        let what = format!("disconnect subnet {} from its router", subnet.object.name);
        let path = format!("/routers/{}/remove_router_interface", router.id);
        let call = Call::put(
            Service::Network,
            path,
            json!({ "subnet_id": subnet.object.id }),
        );
        match self.shared.client.tell(&what, call).await {
            // The router is not there, or has no interface to it.
            Err(failure) if failure.is_absent() => Ok(()),
            told => Ok(told?),
        }
    }

    pub(super) async fn remove(
        &self,
        kind: Kind,
        id: &str,
        name: &str,
    ) -> Result<(), PlatformError> {
        let what = format!("delete {} {name}", kind.said);
        let path = format!("{}/{id}", kind.path);
        self.shared
            .client
            .delete(&what, Service::Network, path)
            .await
    }
}

/// A network as the engine knows it.
pub(super) fn described_network(network: &Listed, subnet: &ListedSubnet, owned: bool) -> Network {
    let mut taken: Vec<IpAddr> = subnet.gateway_ip.into_iter().collect();
    if owned {
        for pool in &subnet.allocation_pools {
            taken.extend(
                subnet
                    .cidr
                    .hosts()
                    .filter(|host| *host >= pool.start && *host <= pool.end),
            );
        }
    }
    Network {
        id: network.id.clone(),
        name: network.name.clone(),
        subnet: subnet.cidr,
        taken,
        // Neutron drops what a port sends from an address that is not its own.
        carries: Carries::MachinesOnly,
        outside: None,
        owned,
    }
}

/// The addresses at a subnet's end that the cloud gives to its own ports: a sixteenth of it, and not many.
fn of_cloud(subnet: IpNet) -> Option<(IpAddr, IpAddr)> {
    let IpNet::V4(subnet) = subnet else {
        return None;
    };
    let (first, last) = (u32::from(subnet.network()), u32::from(subnet.broadcast()));
    let hosts = (last - first).checked_sub(1)?;
    let count = (hosts / 16).clamp(2, MOST_OF_CLOUD);
    // One that is so small has none to spare.
    if hosts < count + 2 {
        return None;
    }
    let address = |number: u32| IpAddr::V4(Ipv4Addr::from(number));
    Some((address(last - count), address(last - 1)))
}

/// The network that a record asks for, where it is not the cluster's own.
pub(super) fn existing(want: &NetworkSpec) -> Option<&str> {
    match want {
        NetworkSpec::Existing(id_or_name) => Some(id_or_name),
        NetworkSpec::Isolated | NetworkSpec::Subnet(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clouds_ports_have_the_end_of_a_subnet() {
        let of = |subnet: &str| {
            of_cloud(subnet.parse().unwrap()).map(|(start, end)| format!("{start}-{end}"))
        };
        assert_eq!(of("10.0.0.0/24").as_deref(), Some("10.0.0.240-10.0.0.254"));
        assert_eq!(of("10.0.0.0/28").as_deref(), Some("10.0.0.13-10.0.0.14"));
        assert_eq!(of("10.0.0.0/30"), None);
    }
}
