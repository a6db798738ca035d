//! One look at everything of ours: seven list calls at once, whatever the number of nodes.

use std::collections::BTreeMap;

use super::network::{Access, described, find};
use super::{CloudStack, claim, record, rules};
use crate::model::{MachineState, NetworkSpec, ObservedCluster, Owner};
use crate::platform::labels::{NETWORK_ID, belongs_to};
use crate::platform::{PlatformError, Scope};

impl CloudStack {
    /// See `Platform::observe`.
    pub(super) async fn observe_clusters(
        &self,
        scope: &Scope,
    ) -> Result<Vec<ObservedCluster>, PlatformError> {
        let (machines, networks, addresses, forwards, balancers, claims, records) = tokio::try_join!(
            self.machines(),
            self.networks(),
            self.addresses(),
            self.forwards(),
            self.balancers(),
            self.claims(),
            self.records(),
        )?;
        let in_scope = |owner: &Owner| match scope {
            Scope::All => true,
            Scope::Id(cluster) => owner.cluster == *cluster,
            Scope::Name(name) => owner.cluster_name == *name,
        };
        let is_in_scope = |labels: &BTreeMap<String, String>| match scope {
            Scope::All => labels.contains_key(Owner::CLUSTER_ID),
            Scope::Id(cluster) => belongs_to(labels, *cluster),
            Scope::Name(name) => {
                let named = labels.get(Owner::CLUSTER_NAME);
                named.is_some_and(|named| named == name.as_str())
            }
        };
        let mut clusters = BTreeMap::new();
        let mut networks_in_use = BTreeMap::new();
        for listed in machines
            .iter()
            .filter(|listed| is_in_scope(listed.labels()))
        {
            let mut machine = listed.machine()?;
            let network = listed.labels().get(NETWORK_ID);
            let network = network.and_then(|id| networks.iter().find(|network| network.id == *id));
            let access = network.and_then(|network| Access::of(network, &addresses));
            if let Some(access) = &access {
                self.learn_from(listed, &machine, access)?;
                self.knows(access.clone());
            }
            rules::published(&mut machine, access.as_ref(), &forwards, &balancers);
            let cluster = ObservedCluster::among(&mut clusters, &machine.owner);
            if let Some(network) = network {
                networks_in_use.insert(machine.owner.cluster, network.id.clone());
            }
            let name = machine.spec.name.clone();
            let volumes = machine.spec.volumes.iter();
            let mut volumes: Vec<String> = volumes.map(|volume| volume.name.clone()).collect();
            volumes.sort();
            cluster.volumes.insert(name.clone(), volumes);
            // Of two instances of a node the one that was made the node counts.
            let known = cluster.machines.get(&name);
            if known.is_none_or(|known| known.state == MachineState::Created) {
                cluster.machines.insert(name, machine);
            }
        }
        for network in &networks {
            if let Some(owner) = network.owner().filter(in_scope) {
                let cluster = ObservedCluster::among(&mut clusters, &owner);
                let outside = Access::of(network, &addresses).map(|access| access.address);
                cluster.network = Some(described(network, true, outside, &[])?);
            }
        }
        for kept in &records {
            // One whose pieces are not all there was not written to its end: the one before counts.
            if let Some((owner, record)) = record::read(kept)?
                && in_scope(&owner)
            {
                // The one with the highest number is the last one.
                ObservedCluster::among(&mut clusters, &owner).record = Some(record);
            }
        }
        for kept in &claims {
            let owner = claim::owner(kept)?;
            if !in_scope(&owner) {
                continue;
            }
            // It does not say whose the cluster is, but where it is all that is left.
            let cluster = match clusters.get_mut(&owner.cluster) {
                Some(cluster) => cluster,
                None => ObservedCluster::among(&mut clusters, &owner),
            };
            cluster.claim = claim::holder(kept)?;
        }
        for cluster in clusters.values_mut() {
            if cluster.network.is_some() {
                continue;
            }
            let in_use = networks_in_use.get(&cluster.id).map(String::as_str);
            let record = cluster.record.as_ref();
            let asked_for = record.and_then(|record| match &record.spec.network {
                NetworkSpec::Existing(id_or_name) => Some(id_or_name.as_str()),
                NetworkSpec::Isolated | NetworkSpec::Subnet(_) => None,
            });
            let Some(network) = asked_for.or(in_use).map(|wanted| find(&networks, wanted)) else {
                continue;
            };
            if let Ok(network) = network {
                let access = Access::of(network, &addresses);
                let taken = access
                    .as_ref()
                    .map(|access| access.taken(&machines, &forwards));
                let outside = access.map(|access| access.address);
                let taken = taken.unwrap_or_default();
                cluster.network = Some(described(network, false, outside, &taken)?);
            }
        }
        Ok(clusters.into_values().collect())
    }
}
