//! Machines as an inventory has them, in the words of Contiv's cluster manager. Pure.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use super::{ClusterId, ClusterName, MachineState, NodeName, ObservedCluster, Role};

/// Whether a machine is where the inventory says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Membership {
    /// It does not answer, and no cluster that is known has it.
    Unknown,
    /// It is there.
    Discovered,
    /// A cluster has it, and it is not there, or does not answer.
    Disappeared,
}

/// How far a machine is in its life with clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MachineStatus {
    /// No cluster has it: it is clean.
    Unallocated,
    /// Being made a node.
    Provisioning,
    /// A node.
    Allocated,
    /// A node that was stopped.
    Maintenance,
    /// A node no more, and not cleaned yet.
    Cancelled,
    /// Cleaned, and not free yet.
    Decommissioned,
    /// It was to be clean, and is not.
    CleanupFailed,
}

/// Which cluster has a machine, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The cluster.
    pub cluster: ClusterId,
    /// Its name.
    pub cluster_name: ClusterName,
    /// The node that the machine is or was.
    pub node: NodeName,
    /// Its role; `None`: nobody says.
    pub role: Option<Role>,
}

/// A machine of an inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryMachine {
    /// Its name in the inventory.
    pub name: String,
    /// Where it is reached.
    pub address: IpAddr,
    /// What fails together with it.
    pub zone: Option<String>,
    /// What nodes may be on it; empty: any.
    pub roles: BTreeSet<Role>,
    /// Whether it is there.
    pub membership: Membership,
    /// How far it is; `None`: it does not say.
    pub status: Option<MachineStatus>,
    /// Why it is not as it should be.
    pub reason: Option<String>,
    /// Who has it.
    pub holder: Option<Holder>,
}

impl Membership {
    /// As Contiv has it: `Discovered`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Discovered => "Discovered",
            Self::Disappeared => "Disappeared",
        }
    }
}

impl MachineStatus {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Unallocated,
        Self::Provisioning,
        Self::Allocated,
        Self::Maintenance,
        Self::Cancelled,
        Self::Decommissioned,
        Self::CleanupFailed,
    ];

    /// As Contiv has it: `Allocated`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unallocated => "Unallocated",
            Self::Provisioning => "Provisioning",
            Self::Allocated => "Allocated",
            Self::Maintenance => "Maintenance",
            Self::Cancelled => "Cancelled",
            Self::Decommissioned => "Decommissioned",
            Self::CleanupFailed => "CleanupFailed",
        }
    }
}

impl fmt::Display for Membership {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for MachineStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The machines of clusters whose platform makes machines: there is no other machine than those of nodes. One that a
/// cluster's record knows, and that is gone, has disappeared.
pub(crate) fn of_clusters(clusters: &[ObservedCluster]) -> Vec<InventoryMachine> {
    let mut machines = Vec::new();
    for cluster in clusters {
        let holder = |node: &NodeName, role| Holder {
            cluster: cluster.id,
            cluster_name: cluster.owner.cluster_name.clone(),
            node: node.clone(),
            role,
        };
        for (node, machine) in &cluster.machines {
            let (status, reason) = match machine.state {
                MachineState::Created => (MachineStatus::Provisioning, None),
                MachineState::Running => (MachineStatus::Allocated, None),
                MachineState::Stopped => (MachineStatus::Maintenance, None),
                MachineState::Failed => (
                    MachineStatus::Allocated,
                    Some("its platform says that it failed".to_owned()),
                ),
            };
            machines.push(InventoryMachine {
                name: node.to_string(),
                address: machine.address,
                zone: None,
                roles: BTreeSet::from([machine.spec.role]),
                membership: Membership::Discovered,
                status: Some(status),
                reason,
                holder: Some(holder(node, Some(machine.spec.role))),
            });
        }
        let known = cluster.record.iter().flat_map(|record| &record.addresses);
        for (node, address) in known.filter(|(node, _)| !cluster.machines.contains_key(*node)) {
            machines.push(InventoryMachine {
                name: node.to_string(),
                address: *address,
                zone: None,
                roles: BTreeSet::new(),
                membership: Membership::Disappeared,
                status: Some(MachineStatus::Allocated),
                reason: Some("its platform has no such machine".to_owned()),
                holder: Some(holder(node, None)),
            });
        }
    }
    machines
}
