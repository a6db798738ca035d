//! What is there, read from the files of the clusters that are asked for and from no others.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use crate::model::{ClusterId, MachineState, NetworkSpec, NodeName, ObservedCluster, Owner};
use crate::platform::{PlatformError, Scope};

use super::balancer::BalancerFile;
use super::clusters::pointed_among;
use super::folder::{Folder, Kind};
use super::machine::MachineFile;
use super::network::{self, NetworkFile};
use super::volume::VolumeFile;
use super::{claim, labels, record};

/// The clusters in that scope.
pub(super) fn observe(
    folder: &Folder,
    scope: &Scope,
) -> Result<Vec<ObservedCluster>, PlatformError> {
    let ids = match scope {
        Scope::Id(id) => vec![id.to_string()],
        Scope::All => folder.names_in(&folder.clusters())?,
        Scope::Name(name) => folder.names_in(&folder.clusters_of_name(name))?,
    };
    let mut clusters = Vec::new();
    for id in ids {
        if let Ok(id) = id.parse()
            && let Some(cluster) = observe_cluster(folder, id)?
        {
            clusters.push(cluster);
        }
    }
    Ok(clusters)
}

fn observe_cluster(
    folder: &Folder,
    id: ClusterId,
) -> Result<Option<ObservedCluster>, PlatformError> {
    let entries = folder.names_in(&folder.cluster(id))?;
    let mut owners: Vec<Owner> = Vec::new();
    let mut record = None;
    if let Some((found, owner)) = record::find(folder, id)? {
        record = Some(found);
        owners.extend(owner);
    }

    let mut machines = BTreeMap::new();
    let mut networks_of_machines: BTreeMap<String, Vec<NodeName>> = BTreeMap::new();
    for file in objects::<MachineFile>(folder, &entries, Kind::Machine)? {
        let Some(machine) = file
            .to_machine()
            .filter(|machine| machine.owner.cluster == id)
        else {
            continue;
        };
        owners.push(machine.owner.clone());
        networks_of_machines
            .entry(file.network)
            .or_default()
            .push(machine.spec.name.clone());
        machines.insert(machine.spec.name.clone(), machine);
    }

    for (name, nodes) in &networks_of_machines {
        if network::find(folder, name, id)?.is_some() {
            continue;
        }
        for node in nodes {
            // It can only be made again, as on platforms whose machines cannot change networks.
            if let Some(machine) = machines.get_mut(node) {
                machine.state = MachineState::Failed;
            }
        }
    }

    let mut volumes: BTreeMap<NodeName, Vec<String>> = BTreeMap::new();
    for file in objects::<VolumeFile>(folder, &entries, Kind::Volume)? {
        let owner = labels::owner_from(&file.labels).filter(|owner| owner.cluster == id);
        if let (Some(owner), Some(node)) = (owner, file.node()) {
            owners.push(owner);
            volumes.entry(node).or_default().push(file.volume);
        }
    }
    for names in volumes.values_mut() {
        names.sort();
    }

    let mut network = None;
    for file in objects::<NetworkFile>(folder, &entries, Kind::Network)? {
        if let Some(owner) = labels::owner_from(&file.labels).filter(|owner| owner.cluster == id) {
            owners.push(owner);
            network = network::find(folder, &file.name, id)?;
        }
    }
    if network.is_none() {
        let given = record
            .as_ref()
            .and_then(|record| match &record.spec.network {
                NetworkSpec::Existing(network) => Some(network),
                NetworkSpec::Isolated | NetworkSpec::Subnet(_) => None,
            });
        if let Some(name) = networks_of_machines.keys().next().or(given) {
            network = network::find(folder, name, id)?;
        }
    }

    let mut balancer = None;
    for file in objects::<BalancerFile>(folder, &entries, Kind::Balancer)? {
        if let Some(owner) = labels::owner_from(&file.labels).filter(|owner| owner.cluster == id) {
            owners.push(owner);
            let found = file.to_balancer();
            if let Some(network) = &mut network {
                network.taken.push(found.address);
            }
            balancer = Some(found);
        }
    }

    let claim = claim::find(folder, id)?;
    if owners.is_empty() {
        owners.extend(claim.clone());
    }
    let owner = owners.into_iter().max_by_key(|owner| owner.deadline);
    Ok(owner.map(|owner| ObservedCluster {
        id,
        owner,
        record,
        network,
        balancer,
        machines,
        volumes,
        members: None,
        unreachable: None,
        refuses: false,
        configured_version: None,
        ca_certificate: None,
        claim,
    }))
}

/// The objects that the cluster's pointers lead to. What cannot be read as one of ours was put there
/// by somebody else after ours was gone.
fn objects<T: DeserializeOwned>(
    folder: &Folder,
    entries: &[String],
    kind: Kind,
) -> Result<Vec<T>, PlatformError> {
    let mut objects = Vec::new();
    for path in pointed_among(folder, entries, kind) {
        let content = folder.read(&path)?;
        objects.extend(content.and_then(|content| serde_json::from_slice(&content).ok()));
    }
    Ok(objects)
}
