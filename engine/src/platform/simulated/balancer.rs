//! Balancers: files that say where one would lead.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::{Balancer, ClusterId, MachineState, NodeName, Owner, PortMapping, Protocol};
use crate::platform::balancer::{free_address, name_of};
use crate::platform::{BalancerRequest, PlatformError};

use super::folder::{Folder, Kind, LockedFolder};
use super::labels::{self, Labels};
use super::{clusters, network, port};

/// A balancer as its file keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct BalancerFile {
    #[serde(default)]
    pub(super) labels: Labels,
    id: String,
    state: MachineState,
    network: String,
    address: IpAddr,
    host_port: u16,
    targets: BTreeSet<IpAddr>,
}

impl BalancerFile {
    pub(super) fn to_balancer(&self) -> Balancer {
        Balancer {
            id: self.id.clone(),
            address: self.address,
            published: (IpAddr::V4(Ipv4Addr::LOCALHOST), self.host_port),
            targets: self.targets.clone(),
            state: self.state,
        }
    }
}

/// Makes sure that the cluster has its balancer.
pub(super) fn ensure(
    folder: &LockedFolder<'_>,
    owner: &Owner,
    request: &BalancerRequest,
) -> Result<Balancer, PlatformError> {
    let name = name_of(owner)?;
    let mut host_port = request.host_port;
    if labels::is_ours(folder, Kind::Balancer, name.as_str(), owner.cluster)? {
        let path = folder.object_file(Kind::Balancer, name.as_str());
        let found: Option<BalancerFile> = folder.read_json(&path)?;
        if let Some(found) = found {
            if found.state == MachineState::Running && found.targets == request.targets {
                return Ok(found.to_balancer());
            }
            host_port = host_port.or(Some(found.host_port));
            remove(folder, &name, &found)?;
        }
    }
    let mapping = PortMapping {
        node: name.clone(),
        node_port: request.port,
        host_port,
        listen_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        protocol: Protocol::Tcp,
    };
    let any = PortMapping {
        host_port: None,
        ..mapping.clone()
    };
    let published = port::choose(folder, &name, &[mapping])
        .or_else(|_in_use| port::choose(folder, &name, &[any]))?;
    let held = held(folder, &request.network.name)?;
    let address = free_address(owner, request, held)?;
    let file = BalancerFile {
        labels: labels::of_owner(owner),
        id: Uuid::new_v4().to_string(),
        state: MachineState::Running,
        network: request.network.name.clone(),
        address,
        host_port: published
            .iter()
            .find_map(|port| port.host_port)
            .unwrap_or_default(),
        targets: request.targets.clone(),
    };
    clusters::point_to(folder, owner, Kind::Balancer, name.as_str())?;
    folder.write_json(&folder.object_file(Kind::Balancer, name.as_str()), &file)?;
    port::hold(folder, &name, &published)?;
    let address_file = folder.address_file(&file.network, address);
    folder.write(&address_file, 0o644, name.as_str().as_bytes())?;
    Ok(file.to_balancer())
}

/// The addresses that somebody holds in the network.
fn held(folder: &Folder, network: &str) -> Result<Vec<IpAddr>, PlatformError> {
    let mut held = Vec::new();
    for address in folder.names_in(&folder.addresses(network))? {
        if let Ok(address) = address.parse()
            && network::holder_of_address(folder, network, address)?.is_some()
        {
            held.push(address);
        }
    }
    Ok(held)
}

/// Deletes the cluster's balancer.
pub(super) fn delete(folder: &LockedFolder<'_>, cluster: ClusterId) -> Result<(), PlatformError> {
    for path in clusters::pointed(folder, cluster, Kind::Balancer)? {
        let Some(file) = folder.read_json::<BalancerFile>(&path)? else {
            continue;
        };
        let owner = labels::owner_from(&file.labels);
        if let Some(owner) = owner.filter(|owner| owner.cluster == cluster) {
            let name = name_of(&owner)?;
            remove(folder, &name, &file)?;
            clusters::forget(folder, cluster, Kind::Balancer, name.as_str())?;
        }
    }
    Ok(())
}

fn remove(
    folder: &LockedFolder<'_>,
    name: &NodeName,
    file: &BalancerFile,
) -> Result<(), PlatformError> {
    let port = folder.port_file(port::protocol_name(Protocol::Tcp), file.host_port);
    for holder in [port, folder.address_file(&file.network, file.address)] {
        if folder.read_text(&holder)?.as_deref() == Some(name.as_str()) {
            folder.remove_file(&holder)?;
        }
    }
    folder.remove_object(Kind::Balancer, name.as_str())
}
