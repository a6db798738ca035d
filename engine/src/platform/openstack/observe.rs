//! One look at everything of ours: five list calls at once, whatever the number of nodes.
//!
//! A cluster in a network that it does not own takes three more for that network.

use std::collections::BTreeMap;

use super::OpenStack;
use super::kept::Kind;
use super::network::{
    Listed, ListedNetwork, ListedSubnet, NETWORK, SECURITY_GROUP, SUBNET, described_network,
    existing,
};
use super::{claim, labels, record};
use crate::model::{MachineState, ObservedCluster, Owner};
use crate::platform::{PlatformError, Scope};

impl OpenStack {
    /// See `Platform::observe`.
    pub(super) async fn observe_clusters(
        &self,
        scope: &Scope,
    ) -> Result<Vec<ObservedCluster>, PlatformError> {
        let fields = "fields=id&fields=name&fields=description";
        let (servers, networks, subnets, groups, kept) = tokio::try_join!(
            self.servers_in(scope),
            self.neutron::<ListedNetwork>(NETWORK, fields),
            self.neutron::<ListedSubnet>(SUBNET, ""),
            self.neutron::<Listed>(SECURITY_GROUP, fields),
            self.kept(scope),
        )?;
        let in_scope = |owner: &Owner| match scope {
            Scope::All => true,
            Scope::Id(cluster) => owner.cluster == *cluster,
            Scope::Name(name) => owner.cluster_name == *name,
        };
        let mut clusters = BTreeMap::new();
        let mut networks_in_use = BTreeMap::new();
        for server in &servers {
            let machine = server.machine()?;
            self.learn_from(server, &machine)?;
            let cluster = ObservedCluster::among(&mut clusters, &machine.owner);
            if let Some(network) = server.metadata.get(labels::NETWORK_ID) {
                networks_in_use.insert(machine.owner.cluster, network.clone());
            }
            let name = machine.spec.name.clone();
            let volumes = machine.spec.volumes.iter();
            let mut volumes: Vec<String> = volumes.map(|volume| volume.name.clone()).collect();
            volumes.sort();
            cluster.volumes.insert(name.clone(), volumes);
            // Of two servers of a node the one that was made the node counts.
            let known = cluster.machines.get(&name);
            if known.is_none_or(|known| known.state == MachineState::Created) {
                cluster.machines.insert(name, machine);
            }
        }
        for network in &networks {
            let Some(owner) = network.object.owner().filter(in_scope) else {
                continue;
            };
            let subnet = subnets
                .iter()
                .find(|subnet| subnet.network_id == network.object.id);
            let cluster = ObservedCluster::among(&mut clusters, &owner);
            cluster.network = subnet.map(|subnet| described_network(&network.object, subnet, true));
        }
        for group in &groups {
            if let Some(owner) = group.owner().filter(in_scope) {
                ObservedCluster::among(&mut clusters, &owner);
            }
        }
        for kept in kept.iter().filter(|kept| kept.is(Kind::Record)) {
            let owner = labels::owner(&kept.told(), &kept.labels)?;
            ObservedCluster::among(&mut clusters, &owner).record = Some(record::read(kept)?);
        }
        for (_, kept) in claim::in_order(kept)? {
            let owner = kept.owner()?;
            // It does not say whose the cluster is, but where it is all that is left.
            let cluster = match clusters.get_mut(&owner.cluster) {
                Some(cluster) => cluster,
                None => ObservedCluster::among(&mut clusters, &owner),
            };
            cluster.claim = (!claim::is_released(&kept)).then_some(owner);
        }
        for cluster in clusters.values_mut() {
            let in_use = networks_in_use.get(&cluster.id).map(String::as_str);
            let record = cluster.record.as_ref();
            let asked_for = record.and_then(|record| existing(&record.spec.network));
            if let (Some(wanted), None) = (asked_for.or(in_use), &cluster.network) {
                cluster.network = self.existing_network_if_there(wanted).await?;
            }
        }
        Ok(clusters.into_values().collect())
    }
}
