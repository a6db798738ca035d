//! What is of clusters on the machines.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::look::Sight;
use super::marker::Marker;
use super::{Hosts, NAME};
use crate::model::{Carries, ClusterId, Machine, Network, NodeName, ObservedCluster, Owner};
use crate::platform::ssh_node::SshMachine;
use crate::platform::{PlatformError, Scope};

impl Hosts {
    /// See `Platform::observe`. A cluster that is asked for by its id, and of which nothing is found while some machine
    /// does not answer, is not known to be gone: that is the machine's error.
    pub(super) async fn observe_clusters(
        &self,
        scope: &Scope,
    ) -> Result<Vec<ObservedCluster>, PlatformError> {
        let mut sight = self.look().await?;
        let mut clusters = self.clusters(&sight);
        clusters.retain(|id, cluster| match scope {
            Scope::All => true,
            Scope::Id(wanted) => id == wanted,
            Scope::Name(wanted) => cluster.owner.cluster_name == *wanted,
        });
        if let Scope::Id(wanted) = scope
            && clusters.is_empty()
            && !sight.gone().contains(wanted)
            && let Some((_, silence)) = sight.silent.pop_first()
        {
            return Err(silence);
        }
        Ok(clusters.into_values().collect())
    }

    fn clusters(&self, sight: &Sight) -> BTreeMap<ClusterId, ObservedCluster> {
        let mut clusters = BTreeMap::new();
        let gone = sight.gone();
        for seen in sight.seen.values() {
            for kept in seen.records.values() {
                if !gone.contains(&kept.owner.cluster) {
                    ObservedCluster::among(&mut clusters, &kept.owner);
                }
            }
        }
        for (name, seen) in &sight.seen {
            let Some(marker) = &seen.marker else { continue };
            let (id, node) = (marker.owner.cluster, &marker.spec.name);
            let cluster = ObservedCluster::among(&mut clusters, &marker.owner);
            let counts = sight.of_node(id, node).last().map(|(name, _)| *name) == Some(name);
            if !counts {
                continue;
            }
            let volumes = marker.spec.volumes.iter();
            let mut volumes: Vec<String> = volumes.map(|volume| volume.name.clone()).collect();
            volumes.sort();
            cluster.volumes.insert(node.clone(), volumes);
            if let Some(machine) = machine(name, marker, seen.runs) {
                cluster.machines.insert(node.clone(), machine);
            }
        }
        for (id, cluster) in &mut clusters {
            let record = sight.record(*id).filter(|_| !gone.contains(id));
            cluster.record = record.map(|kept| kept.record.clone());
            cluster.network = self.network();
        }
        for claim in sight.seen.values().flat_map(|seen| seen.claims.values()) {
            let is_later = |held: &Owner| held.deadline < claim.0.deadline;
            let cluster = match clusters.get_mut(&claim.0.cluster) {
                Some(cluster) => cluster,
                None => ObservedCluster::among(&mut clusters, &claim.0),
            };
            if cluster.claim.as_ref().is_none_or(is_later) {
                cluster.claim = Some(claim.0.clone());
            }
        }
        clusters
    }

    /// The network of the machines, which is nobody's: as small as one that all addresses are in.
    pub(super) fn network(&self) -> Option<Network> {
        let machines = self.shared.settings.machines.values();
        let addresses: Vec<IpAddr> = machines.map(|machine| machine.address).collect();
        Some(Network {
            id: NAME.to_owned(),
            name: NAME.to_owned(),
            subnet: smallest(&addresses)?,
            taken: Vec::new(),
            // There may be routers between them, and clouds that look at addresses.
            carries: Carries::MachinesOnly,
            outside: None,
            owned: false,
        })
    }

    /// The machines that answered.
    pub(super) fn those<'a>(&'a self, sight: &'a Sight) -> impl Iterator<Item = &'a SshMachine> {
        let machines = self.shared.machines.values();
        machines.filter(|machine| sight.seen.contains_key(&machine.name))
    }
}

/// The machine of a node, if it has one.
pub(super) fn machine(name: &NodeName, marker: &Marker, runs: bool) -> Option<Machine> {
    Some(Machine {
        id: name.to_string(),
        spec: marker.spec.clone(),
        address: marker.address,
        state: marker.machine_state(runs)?,
        // It is reached at its own address.
        published: BTreeMap::new(),
        owner: marker.owner.clone(),
    })
}

fn smallest(addresses: &[IpAddr]) -> Option<IpNet> {
    let first = *addresses.first()?;
    let longest = IpNet::from(first).prefix_len();
    (0..=longest)
        .rev()
        .filter_map(|length| IpNet::new(first, length).ok())
        .find(|net| addresses.iter().all(|address| net.contains(address)))
        .map(|net| net.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_is_as_small_as_the_addresses_let_it() {
        let smallest = |texts: &[&str]| {
            let addresses: Vec<IpAddr> = texts.iter().map(|text| text.parse().unwrap()).collect();
            smallest(&addresses).map(|net| net.to_string())
        };
        assert_eq!(smallest(&[]), None);
        assert_eq!(smallest(&["10.0.0.7"]), Some("10.0.0.7/32".to_owned()));
        assert_eq!(
            smallest(&["10.0.0.7", "10.0.0.9"]),
            Some("10.0.0.0/28".to_owned())
        );
        assert_eq!(smallest(&["10.0.0.7", "fd00::1"]), None);
    }
}
