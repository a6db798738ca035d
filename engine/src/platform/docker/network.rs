//! The network between a cluster's nodes: a bridge of its own, or one that exists.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};
use bollard::query_parameters::ListNetworksOptionsBuilder;
use futures_util::future::try_join_all;
use ipnet::IpNet;

use super::connection::is_absent;
use super::settings::EngineAddress;
use super::{Docker, labels, subnets};
use crate::model::{Carries, ClusterId, Network, NetworkSpec, Owner};
use crate::platform::{PlatformError, Retry};

/// What the engine's list says of a network.
pub(super) type ListedNetwork = bollard::models::Network;

impl Docker {
    /// See `Platform::ensure_network`.
    pub(super) async fn find_or_create_network(
        &self,
        owner: &Owner,
        want: &NetworkSpec,
    ) -> Result<Network, PlatformError> {
        if let NetworkSpec::Existing(id_or_name) = want {
            return self.existing_network(id_or_name).await;
        }
        let name = owner.cluster_name.as_str();
        let there = self.list_networks().await?;
        if let Some(ours) = there
            .iter()
            .find(|network| is_owned_by(network, owner.cluster))
        {
            return describe(ours, true);
        }
        // The engine lets two networks have one name (API 1.41, NetworkCreate: "best effort").
        if there
            .iter()
            .any(|network| network.name.as_deref() == Some(name))
        {
            return Err(PlatformError::Foreign {
                kind: "network",
                name: name.to_owned(),
            });
        }
        if let NetworkSpec::Subnet(subnet) = want {
            return self.create_network(owner, *subnet).await;
        }
        let mut taken: Vec<IpNet> = there.iter().flat_map(subnets_of).collect();
        taken.extend(self.host_routes());
        let mut refusal = None;
        for subnet in subnets::free(owner.cluster, &taken) {
            match self.create_network(owner, IpNet::V4(subnet)).await {
                // Somebody took it since the list was made.
                Err(PlatformError::Refused { reason, .. }) if is_overlap(&reason) => {
                    refusal = Some(reason);
                }
                made => return made,
            }
        }
        Err(PlatformError::Refused {
            what: format!("find a free subnet for network {name}"),
            reason: refusal.unwrap_or_else(|| "all of 10.89.0.0/16 is taken".to_owned()),
            help: Some("Say which subnet to use with network.cidr.".to_owned()),
            retry: Retry::Never,
        })
    }

    async fn create_network(&self, owner: &Owner, subnet: IpNet) -> Result<Network, PlatformError> {
        let name = owner.cluster_name.to_string();
        let request = NetworkCreateRequest {
            name: name.clone(),
            driver: Some("bridge".to_owned()),
            ipam: Some(Ipam {
                config: Some(vec![IpamConfig {
                    subnet: Some(subnet.to_string()),
                    gateway: subnets::gateway(subnet).map(|address| address.to_string()),
                    ..IpamConfig::default()
                }]),
                ..Ipam::default()
            }),
            enable_ipv6: Some(matches!(subnet, IpNet::V6(_))),
            labels: Some(labels::of_owner(owner)),
            ..NetworkCreateRequest::default()
        };
        let docker = self.clone();
        let call = async move { docker.post_network(request, subnet).await };
        let id = self.shared.making.make(owner.cluster, call).await?;
        Ok(Network {
            id,
            name,
            subnet,
            taken: subnets::gateway(subnet).into_iter().collect(),
            carries: Carries::AnyAddress,
            outside: None,
            owned: true,
        })
    }

    async fn post_network(
        &self,
        request: NetworkCreateRequest,
        subnet: IpNet,
    ) -> Result<String, PlatformError> {
        let what = format!("create network {} with {subnet}", request.name);
        let made = self.client().await?.create_network(request).await;
        Ok(made.map_err(|error| self.failure(what, error))?.id)
    }

    /// A network that exists, with the addresses that others hold in it. It is never changed.
    pub(super) async fn existing_network(
        &self,
        id_or_name: &str,
    ) -> Result<Network, PlatformError> {
        let what = || format!("use network {id_or_name:?}");
        let found = self.client().await?.inspect_network(id_or_name, None).await;
        let found = found.map_err(|error| {
            if is_absent(&error) {
                PlatformError::Refused {
                    what: what(),
                    reason: "there is no such network".to_owned(),
                    help: Some("`docker network ls` lists those that there are.".to_owned()),
                    retry: Retry::Never,
                }
            } else {
                self.failure(what(), error)
            }
        })?;
        let subnet = found
            .ipam
            .as_ref()
            .and_then(first_subnet)
            .ok_or_else(|| without_subnet(found.name.as_deref().unwrap_or(id_or_name)))?;
        let gateways = found.ipam.as_ref().map(gateways).unwrap_or_default();
        // Nodes of the cluster hold theirs rightly: only other containers' are taken.
        let held = found
            .containers
            .unwrap_or_default()
            .into_values()
            .filter_map(|endpoint| {
                let address = endpoint.ipv4_address?;
                address.split('/').next()?.parse::<IpAddr>().ok()
            });
        let id = found.id.unwrap_or_default();
        // Nodes that are stopped hold theirs too, and the network does not know of them.
        let label = format!("{}={id}", labels::NETWORK_ID);
        let filters = HashMap::from([("label".to_owned(), vec![label])]);
        let nodes = self.list_containers(Some(filters)).await?;
        let kept = nodes.iter().filter_map(|container| {
            let labels = container.labels.as_ref()?;
            labels.get(labels::NODE_ADDRESS)?.parse::<IpAddr>().ok()
        });
        Ok(Network {
            name: found.name.unwrap_or_default(),
            subnet,
            taken: gateways.into_iter().chain(held).chain(kept).collect(),
            carries: carries(found.internal),
            outside: None,
            owned: false,
            id,
        })
    }

    /// Every network of the engine.
    pub(super) async fn list_networks(&self) -> Result<Vec<ListedNetwork>, PlatformError> {
        let listed = self.client().await?.list_networks(None).await;
        listed.map_err(|error| self.failure("list networks", error))
    }

    /// See `Platform::delete_network`.
    pub(super) async fn remove_networks(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.shared.making.nothing_is_made(cluster).await;
        self.remove_privilege_questions(cluster).await?;
        let client = self.client().await?;
        let options = ListNetworksOptionsBuilder::new()
            .filters(&labels::filter_of_cluster(cluster))
            .build();
        let networks = client
            .list_networks(Some(options))
            .await
            .map_err(|error| self.failure("list networks", error))?;
        try_join_all(networks.into_iter().map(|network| async move {
            let id = network.id.unwrap_or_default();
            match client.remove_network(&id).await {
                Err(error) if !is_absent(&error) => {
                    let name = network.name.unwrap_or_default();
                    Err(self.failure(format!("remove network {name}"), error))
                }
                _ => Ok(()),
            }
        }))
        .await?;
        Ok(())
    }

    /// The subnets that the engine's machine reaches otherwise, where that machine is this one.
    pub(super) fn host_routes(&self) -> Vec<IpNet> {
        match &self.shared.address {
            EngineAddress::Unix(_) => std::fs::read_to_string("/proc/net/route")
                .map(|text| subnets::routes(&text))
                .unwrap_or_default(),
            EngineAddress::Tcp(_) | EngineAddress::Tls(_) => Vec::new(),
        }
    }
}

/// Whether the cluster made the network.
pub(super) fn is_owned_by(network: &ListedNetwork, cluster: ClusterId) -> bool {
    network
        .labels
        .as_ref()
        .is_some_and(|labels| labels::belongs_to(labels, cluster))
}

/// A network from the engine's list.
pub(super) fn describe(network: &ListedNetwork, owned: bool) -> Result<Network, PlatformError> {
    let name = network.name.clone().unwrap_or_default();
    let subnet = network
        .ipam
        .as_ref()
        .and_then(first_subnet)
        .ok_or_else(|| without_subnet(&name))?;
    Ok(Network {
        id: network.id.clone().unwrap_or_default(),
        name,
        subnet,
        taken: network.ipam.as_ref().map(gateways).unwrap_or_default(),
        carries: carries(network.internal),
        outside: None,
        owned,
    })
}

/// The subnets of a network.
pub(super) fn subnets_of(network: &ListedNetwork) -> Vec<IpNet> {
    let configs = network.ipam.as_ref().and_then(|ipam| ipam.config.as_ref());
    configs
        .into_iter()
        .flatten()
        .filter_map(subnet_of)
        .collect()
}

fn first_subnet(ipam: &Ipam) -> Option<IpNet> {
    let subnets: Vec<IpNet> = ipam.config.iter().flatten().filter_map(subnet_of).collect();
    subnets
        .iter()
        .copied()
        .find(|subnet| matches!(subnet, IpNet::V4(_)))
        .or(subnets.first().copied())
}

fn subnet_of(config: &IpamConfig) -> Option<IpNet> {
    config.subnet.as_deref()?.parse().ok()
}

/// The engine does not tell the gateway of a network that was made without one being named, and gives
/// it the first address.
fn gateways(ipam: &Ipam) -> Vec<IpAddr> {
    let gateway = |config: &IpamConfig| match config.gateway.as_deref() {
        Some(named) => named.split('/').next()?.parse().ok(),
        None => subnets::gateway(subnet_of(config)?),
    };
    ipam.config.iter().flatten().filter_map(gateway).collect()
}

/// The engine drops what comes from another address than the subnet's into a network that is internal, or goes to one.
fn carries(internal: Option<bool>) -> Carries {
    match internal {
        Some(true) => Carries::MachinesOnly,
        Some(false) | None => Carries::AnyAddress,
    }
}

fn is_overlap(reason: &str) -> bool {
    reason.contains("overlap")
}

fn without_subnet(name: &str) -> PlatformError {
    PlatformError::Refused {
        what: format!("use network {name:?}"),
        reason: "it has no subnet, so nodes cannot have fixed addresses in it".to_owned(),
        help: Some("Use a bridge network: `docker network create --subnet …`.".to_owned()),
        retry: Retry::Never,
    }
}
