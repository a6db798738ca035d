//! What is to be remembered of a cluster, as its steps have left it.

use super::{Known, Site};
use crate::model::{ClusterRecord, ObservedCluster, Phase};

impl Site {
    /// The cluster as the steps have left it, for want of a look at it; `unseen`: why there is none.
    pub fn as_left_by_its_steps(&self, phase: Phase, unseen: String) -> ObservedCluster {
        let known = self.known();
        let record = self.record_of(&known, phase);
        let volumes = known.volumes.iter();
        ObservedCluster {
            id: self.owner.cluster,
            owner: self.owner.clone(),
            record: Some(record),
            network: known.network.clone(),
            balancer: known.balancer.clone(),
            machines: known.machines.clone(),
            volumes: volumes.map(|node| (node.clone(), Vec::new())).collect(),
            members: None,
            unreachable: Some(unseen),
            refuses: false,
            configured_version: None,
            ca_certificate: self
                .secrets
                .get()
                .map(|secrets| secrets.ca_certificate.clone()),
            claim: None,
        }
    }

    /// What the platform should remember of the cluster.
    pub fn record(&self, phase: Phase) -> ClusterRecord {
        self.record_of(&self.known(), phase)
    }

    fn record_of(&self, known: &Known, phase: Phase) -> ClusterRecord {
        let preloaded = self
            .spec
            .preload_images
            .iter()
            .filter_map(|image| {
                let id = known
                    .image_ids
                    .get(image)
                    .or_else(|| known.preloaded.get(&image.0))?;
                Some((image.0.clone(), id.clone()))
            })
            .collect();
        ClusterRecord {
            spec: self.spec.clone(),
            created_at: self.created_at,
            preloaded,
            addresses: known.addresses.clone(),
            api_ports: known.api_ports.clone(),
            balancer_port: known.balancer_port,
            subnet: known
                .network
                .as_ref()
                .map(|network| network.subnet)
                .or(known.subnet),
            initialized: known.initialized,
            phase,
            coe_labels: known
                .coe_labels
                .clone()
                .filter(|labels| *labels != self.spec.labels),
            put_off: known.put_off.clone(),
            departed: known.departed.clone(),
            groups: known.groups.clone(),
        }
    }
}
