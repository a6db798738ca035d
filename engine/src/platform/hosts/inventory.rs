//! All machines of the inventory, and who has each.

use std::net::IpAddr;

use super::look::Sight;
use super::marker::{Marker, MarkerState};
use super::{Hosts, MachineSettings};
use crate::error::chain;
use crate::model::{Holder, InventoryMachine, MachineStatus, Membership, NodeName};
use crate::platform::PlatformError;

impl Hosts {
    /// See `Platform::inventory`. An error only where no machine answers.
    pub(super) async fn all_machines(&self) -> Result<Vec<InventoryMachine>, PlatformError> {
        let sight = self.look().await?;
        let machines = self.shared.settings.machines.iter();
        Ok(machines
            .map(|(name, settings)| told(&sight, name, settings))
            .collect())
    }
}

fn told(sight: &Sight, name: &NodeName, settings: &MachineSettings) -> InventoryMachine {
    let machine = InventoryMachine {
        name: name.to_string(),
        address: settings.address,
        zone: settings.zone.clone(),
        roles: settings.roles.clone(),
        membership: Membership::Discovered,
        status: Some(MachineStatus::Unallocated),
        reason: None,
        holder: None,
    };
    let Some(seen) = sight.seen.get(name) else {
        let holder = last_holder(sight, settings.address);
        return InventoryMachine {
            membership: match holder {
                Some(_) => Membership::Disappeared,
                None => Membership::Unknown,
            },
            // It may have been stopped or cleaned since: it alone knows.
            status: None,
            reason: sight.silent.get(name).map(|silence| chain(silence)),
            holder,
            ..machine
        };
    };
    let Some(marker) = &seen.marker else {
        return machine;
    };
    let (status, reason) = status(sight, name, marker, seen.runs);
    InventoryMachine {
        status: Some(status),
        reason,
        holder: Some(Holder {
            cluster: marker.owner.cluster,
            cluster_name: marker.owner.cluster_name.clone(),
            node: marker.spec.name.clone(),
            role: Some(marker.spec.role),
        }),
        ..machine
    }
}

fn status(
    sight: &Sight,
    name: &NodeName,
    marker: &Marker,
    runs: bool,
) -> (MachineStatus, Option<String>) {
    if let MarkerState::CleanupFailed(problems) = &marker.state {
        return (MachineStatus::CleanupFailed, Some(problems.join("; ")));
    }
    let (cluster, node) = (marker.owner.cluster, &marker.spec.name);
    let last = sight.of_node(cluster, node).pop();
    if let Some((other, _)) = last
        && other != name
    {
        let reason = format!("machine {other} has taken its place");
        return (MachineStatus::Cancelled, Some(reason));
    }
    match marker.state {
        MarkerState::Provisioning => (MachineStatus::Provisioning, None),
        MarkerState::Allocated if runs => (MachineStatus::Allocated, None),
        MarkerState::Allocated => {
            let reason = "its service does not run".to_owned();
            (MachineStatus::Allocated, Some(reason))
        }
        MarkerState::Stopped => (MachineStatus::Maintenance, None),
        MarkerState::Kept | MarkerState::CleanupFailed(_) => (MachineStatus::Cancelled, None),
    }
}

/// Who had a machine that does not answer, as far as the clusters' records know.
fn last_holder(sight: &Sight, address: IpAddr) -> Option<Holder> {
    let gone = sight.gone();
    let records = sight.seen.values().flat_map(|seen| seen.records.keys());
    let records = records.filter(|cluster| !gone.contains(cluster));
    records
        .filter_map(|cluster| sight.record(*cluster))
        .find_map(|kept| {
            let addresses = &kept.record.addresses;
            let (node, _) = addresses.iter().find(|(_, other)| **other == address)?;
            Some(Holder {
                cluster: kept.owner.cluster,
                cluster_name: kept.owner.cluster_name.clone(),
                node: node.clone(),
                role: None,
            })
        })
}
