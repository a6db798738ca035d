//! One look at everything of ours: three list calls, whatever the number of nodes.
//!
//! A cluster in a network that it does not own takes one more call for that network, because the list
//! does not tell who holds which address in it.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum as State, Volume};

use super::network::{self, ListedNetwork};
use super::{Docker, balancer, claim, container, labels, record};
use crate::model::{
    ClusterId, ClusterRecord, MachineState, NetworkSpec, NodeName, ObservedCluster, Owner,
};
use crate::platform::{PlatformError, Scope};

impl Docker {
    /// See `Platform::observe`.
    pub(super) async fn observe_clusters(
        &self,
        scope: &Scope,
    ) -> Result<Vec<ObservedCluster>, PlatformError> {
        let filters = labels::filter_of_scope(scope);
        let (containers, networks, volumes) = tokio::try_join!(
            self.list_containers(Some(filters.clone())),
            self.list_networks(),
            self.list_volumes(Some(filters)),
        )?;
        let in_scope = |labels: &HashMap<String, String>| match scope {
            Scope::All => labels.contains_key(Owner::CLUSTER_ID),
            Scope::Id(cluster) => labels::belongs_to(labels, *cluster),
            Scope::Name(name) => labels
                .get(Owner::CLUSTER_NAME)
                .is_some_and(|is| is == name.as_str()),
        };
        let mut clusters = BTreeMap::new();
        let mut networks_in_use = BTreeMap::new();
        for found in &containers {
            let no_labels = HashMap::new();
            let labels = found.labels.as_ref().unwrap_or(&no_labels);
            let id = found.id.as_deref().unwrap_or_default();
            let owner = labels::owner(&format!("container {id}"), labels)?;
            let cluster = ObservedCluster::among(&mut clusters, &owner);
            if labels.contains_key(labels::PRIVILEGES) {
                continue;
            }
            if let Some(balancer) = balancer::from_labels(id, labels, state_of(found))? {
                cluster.balancer = Some(balancer);
                continue;
            }
            let mut machine = container::machine(id, labels, state_of(found))?;
            if let Some(network) = labels.get(labels::NETWORK_ID) {
                networks_in_use.insert(owner.cluster, network.clone());
                if is_cut_off(found, network, &networks) {
                    // It can only be made again: a container cannot start without the network it was made with.
                    machine.state = MachineState::Failed;
                }
            }
            cluster.machines.insert(machine.spec.name.clone(), machine);
        }
        add_volumes(&mut clusters, &volumes)?;
        for found in &networks {
            let Some(labels) = found.labels.as_ref().filter(|labels| in_scope(labels)) else {
                continue;
            };
            let name = format!("network {}", found.name.as_deref().unwrap_or_default());
            let owner = labels::owner(&name, labels)?;
            ObservedCluster::among(&mut clusters, &owner).network =
                Some(network::describe(found, true)?);
        }
        // A claim does not say whose the cluster is, but where it is all that is left.
        for claim in claim::in_order(&volumes) {
            let owner = labels::owner(&format!("volume {}", claim.name), &claim.labels)?;
            let cluster = match clusters.get_mut(&owner.cluster) {
                Some(cluster) => cluster,
                None => ObservedCluster::among(&mut clusters, &owner),
            };
            cluster.claim = Some(owner);
        }
        let mut clusters: Vec<ObservedCluster> = clusters.into_values().collect();
        for cluster in clusters
            .iter_mut()
            .filter(|cluster| cluster.network.is_none())
        {
            let in_use = networks_in_use.get(&cluster.id);
            self.add_existing_network(cluster, in_use, &networks)
                .await?;
        }
        for cluster in &mut clusters {
            if let (Some(network), Some(balancer)) = (&mut cluster.network, &cluster.balancer) {
                network.taken.push(balancer.address);
            }
        }
        Ok(clusters)
    }

    async fn add_existing_network(
        &self,
        cluster: &mut ObservedCluster,
        in_use: Option<&String>,
        networks: &[ListedNetwork],
    ) -> Result<(), PlatformError> {
        let asked_for = match cluster.record.as_ref().map(|record| &record.spec.network) {
            Some(NetworkSpec::Existing(id_or_name)) => Some(id_or_name),
            _ => None,
        };
        let Some(wanted) = in_use.or(asked_for) else {
            return Ok(());
        };
        let is_wanted = |network: &&ListedNetwork| {
            network.id.as_ref() == Some(wanted) || network.name.as_ref() == Some(wanted)
        };
        let Some(id) = networks
            .iter()
            .find(is_wanted)
            .and_then(|network| network.id.as_ref())
        else {
            return Ok(());
        };
        let mut found = self.existing_network(id).await?;
        let is_own = |address: &IpAddr| {
            cluster
                .machines
                .values()
                .any(|machine| machine.address == *address)
        };
        found.taken.retain(|address| !is_own(address));
        cluster.network = Some(found);
        Ok(())
    }
}

pub(super) fn state_of(found: &ContainerSummary) -> MachineState {
    match found.state {
        Some(State::CREATED) => MachineState::Created,
        Some(State::RUNNING) => MachineState::Running,
        Some(State::EXITED | State::PAUSED) => MachineState::Stopped,
        // Restarting is what the engine calls a service that ends again and again.
        _ => MachineState::Failed,
    }
}

/// Whether the node's network is gone, or the node was taken out of it while it runs.
fn is_cut_off(found: &ContainerSummary, network: &str, networks: &[ListedNetwork]) -> bool {
    let is_there = networks
        .iter()
        .any(|listed| listed.id.as_deref() == Some(network));
    let settings = found.network_settings.as_ref();
    let attached = settings.and_then(|settings| settings.networks.as_ref());
    let is_attached = attached.is_none_or(|attached| {
        let mut ids = attached.values().filter_map(|to| to.network_id.as_deref());
        ids.any(|id| id == network)
    });
    !is_there || (state_of(found) == MachineState::Running && !is_attached)
}

fn add_volumes(
    clusters: &mut BTreeMap<ClusterId, ObservedCluster>,
    volumes: &[Volume],
) -> Result<(), PlatformError> {
    let mut newest: BTreeMap<ClusterId, &Volume> = BTreeMap::new();
    for volume in volumes {
        let name = format!("volume {}", volume.name);
        let owner = labels::owner(&name, &volume.labels)?;
        if claim::is_claim(volume) {
            continue;
        }
        let cluster = ObservedCluster::among(clusters, &owner);
        if record::is_record(volume) {
            let known = newest.entry(owner.cluster).or_insert(volume);
            if record::revision(volume) > record::revision(known) {
                *known = volume;
            }
        } else {
            let node: NodeName = labels::parsed(&name, &volume.labels, Owner::NODE_NAME)?;
            let short = labels::parsed(&name, &volume.labels, labels::VOLUME_NAME)?;
            cluster.volumes.entry(node).or_default().push(short);
        }
    }
    for (id, volume) in newest {
        let name = format!("volume {}", volume.name);
        let record: ClusterRecord = labels::parsed_json(&name, &volume.labels, labels::RECORD)?;
        if let Some(cluster) = clusters.get_mut(&id) {
            cluster.record = Some(record);
        }
    }
    for cluster in clusters.values_mut() {
        cluster.volumes.values_mut().for_each(|names| names.sort());
    }
    Ok(())
}
