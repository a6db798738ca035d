//! Networks, and which machine holds which of their addresses.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

use crate::model::{Carries, ClusterId, Network, NetworkSpec, Owner};
use crate::platform::{PlatformError, Retry};

use super::clusters;
use super::folder::{Folder, Kind, LockedFolder};
use super::labels::{self, Holder, Labels};
use super::settings::Quota;

/// The pool has room for 32,768 clusters; a /16 of them would be full at 256.
const POOL: (Ipv4Addr, u8) = (Ipv4Addr::new(10, 128, 0, 0), 9);
const SUBNET_PREFIX: u8 = 24;

/// A network as its file keeps it. A foreign one may be written by hand with its subnet alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NetworkFile {
    #[serde(default)]
    pub(super) labels: Labels,
    #[serde(default)]
    pub(super) name: String,
    pub(super) subnet: IpNet,
}

impl NetworkFile {
    pub(super) fn to_network(&self, taken: Vec<IpAddr>, owned: bool) -> Network {
        Network {
            id: self.name.clone(),
            name: self.name.clone(),
            subnet: self.subnet,
            taken,
            carries: Carries::AnyAddress,
            outside: None,
            owned,
        }
    }
}

/// The gateway of a subnet: its first address.
pub(super) fn gateway(subnet: IpNet) -> Option<IpAddr> {
    subnet.hosts().next()
}

/// The network of that name as a cluster sees it.
pub(super) fn find(
    folder: &Folder,
    name: &str,
    cluster: ClusterId,
) -> Result<Option<Network>, PlatformError> {
    let file: Option<NetworkFile> = folder.read_json(&folder.object_file(Kind::Network, name))?;
    let Some(mut file) = file else {
        return Ok(None);
    };
    name.clone_into(&mut file.name);
    let owned = labels::owner_from(&file.labels).is_some_and(|owner| owner.cluster == cluster);
    let mut taken: Vec<IpAddr> = gateway(file.subnet).into_iter().collect();
    if !owned {
        taken.extend(addresses_of_others(folder, name, cluster)?);
    }
    Ok(Some(file.to_network(taken, owned)))
}

fn addresses_of_others(
    folder: &Folder,
    network: &str,
    cluster: ClusterId,
) -> Result<Vec<IpAddr>, PlatformError> {
    let mut taken = Vec::new();
    for address in folder.names_in(&folder.addresses(network))? {
        let Ok(address) = address.parse::<IpAddr>() else {
            continue;
        };
        let Some(machine) = holder_of_address(folder, network, address)? else {
            continue;
        };
        if labels::holder(folder, Kind::Machine, &machine)? != Holder::Cluster(cluster) {
            taken.push(address);
        }
    }
    Ok(taken)
}

/// The name of the machine or balancer that holds an address. The file outlives what was deleted by
/// hand, so what is not there holds nothing.
pub(super) fn holder_of_address(
    folder: &Folder,
    network: &str,
    address: IpAddr,
) -> Result<Option<String>, PlatformError> {
    let Some(machine) = folder.read_text(&folder.address_file(network, address))? else {
        return Ok(None);
    };
    Ok(folder.holds(&machine).then_some(machine))
}

/// Makes sure that the cluster has its network.
pub(super) fn ensure(
    folder: &LockedFolder<'_>,
    quota: Quota,
    owner: &Owner,
    want: &NetworkSpec,
) -> Result<Network, PlatformError> {
    let name = owner.cluster_name.as_str();
    let what = || format!("making network {name}");
    let wanted_subnet = match want {
        NetworkSpec::Existing(id) => {
            return find(folder, id, owner.cluster)?.ok_or_else(|| absent(id));
        }
        NetworkSpec::Subnet(subnet) => Some(subnet.trunc()),
        NetworkSpec::Isolated => None,
    };
    if labels::is_ours(folder, Kind::Network, name, owner.cluster)?
        && let Some(network) = find(folder, name, owner.cluster)?
    {
        return Ok(network);
    }
    let others = subnets(folder)?;
    if let Some(most) = quota.networks
        && others.len() >= usize::try_from(most).unwrap_or(usize::MAX)
    {
        return Err(refused(
            what(),
            format!("the platform's quota is {most} networks"),
        ));
    }
    let subnet = match wanted_subnet {
        Some(subnet) => match overlapping(&others, subnet) {
            None => subnet,
            Some((other, theirs)) => {
                let reason = format!("{subnet} overlaps with {theirs} of network {other}");
                return Err(refused(what(), reason));
            }
        },
        None => free_subnet(&others).ok_or_else(|| {
            refused(
                what(),
                format!("no /{SUBNET_PREFIX} of {}/{} is free", POOL.0, POOL.1),
            )
        })?,
    };
    let file = NetworkFile {
        labels: labels::of_owner(owner),
        name: name.to_owned(),
        subnet,
    };
    clusters::point_to(folder, owner, Kind::Network, name)?;
    folder.write_json(&folder.object_file(Kind::Network, name), &file)?;
    Ok(file.to_network(gateway(subnet).into_iter().collect(), true))
}

/// Deletes the cluster's network. As on real platforms, not while a machine is in it.
pub(super) fn delete(folder: &LockedFolder<'_>, cluster: ClusterId) -> Result<(), PlatformError> {
    for path in clusters::pointed(folder, cluster, Kind::Network)? {
        let Some(file) = folder.read_json::<NetworkFile>(&path)? else {
            continue;
        };
        if labels::holder(folder, Kind::Network, &file.name)? == Holder::Cluster(cluster) {
            for address in folder.names_in(&folder.addresses(&file.name))? {
                let Ok(address) = address.parse::<IpAddr>() else {
                    continue;
                };
                if let Some(machine) = holder_of_address(folder, &file.name, address)? {
                    return Err(refused(
                        format!("deleting network {}", file.name),
                        format!("machine {machine} is in it"),
                    ));
                }
            }
            folder.remove_object(Kind::Network, &file.name)?;
        }
        clusters::forget(folder, cluster, Kind::Network, &file.name)?;
    }
    Ok(())
}

/// The subnet of every network, by the network's name.
pub(super) fn subnets(folder: &Folder) -> Result<Vec<(String, IpNet)>, PlatformError> {
    let mut subnets = Vec::new();
    for name in folder.names_in(&folder.all(Kind::Network))? {
        let path = folder.all(Kind::Network).join(&name).join("network.json");
        if let Some(file) = folder.read_json::<NetworkFile>(&path)? {
            subnets.push((name, file.subnet));
        }
    }
    Ok(subnets)
}

/// The first network whose subnet overlaps with `subnet`.
pub(super) fn overlapping(subnets: &[(String, IpNet)], subnet: IpNet) -> Option<&(String, IpNet)> {
    subnets
        .iter()
        .find(|(_, other)| other.contains(&subnet) || subnet.contains(other))
}

fn free_subnet(others: &[(String, IpNet)]) -> Option<IpNet> {
    let (address, prefix) = POOL;
    let pool = Ipv4Net::new(address, prefix).ok()?;
    pool.subnets(SUBNET_PREFIX)
        .ok()?
        .map(IpNet::V4)
        .find(|subnet| overlapping(others, *subnet).is_none())
}

fn absent(id: &str) -> PlatformError {
    PlatformError::Refused {
        what: format!("looking up network {id:?}"),
        reason: "there is no such network".to_owned(),
        help: Some("Give the name of one that exists, or none for a new network.".to_owned()),
        retry: Retry::Never,
    }
}

fn refused(what: String, reason: String) -> PlatformError {
    PlatformError::Refused {
        what,
        reason,
        help: None,
        retry: Retry::Never,
    }
}
