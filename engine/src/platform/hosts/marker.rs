//! The marker that a machine carries while a cluster has it, so that whoever looks at the machine sees the same.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{ClusterId, MachineState, NodeName, NodeSpec, Owner};

/// What a machine says of itself. A machine without one is free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// Which cluster has it, and the operation that took it.
    pub(super) owner: Owner,
    /// The node that it is.
    pub(super) spec: NodeSpec,
    /// By which address the others reach it.
    pub(super) address: IpAddr,
    /// How far it is.
    pub(super) state: MarkerState,
    /// Since when it is the node's. Of two machines of one node the later one counts.
    pub(super) since: Timestamp,
    /// Files that were put there for the node.
    #[serde(default)]
    pub(super) files: Vec<String>,
}

/// How far a machine is in its life with a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum MarkerState {
    /// Taken, and being made a node.
    Provisioning,
    /// A node.
    Allocated,
    /// A node whose services were stopped.
    Stopped,
    /// No node any more; what the node keeps is there.
    Kept,
    /// It was to be clean, and is not.
    CleanupFailed(Vec<String>),
}

impl Marker {
    pub(super) fn is_of(&self, cluster: ClusterId, node: &NodeName) -> bool {
        self.owner.cluster == cluster && self.spec.name == *node
    }

    /// The state of the node's machine; `None`: there is only what it kept.
    pub(super) fn machine_state(&self, runs: bool) -> Option<MachineState> {
        match (&self.state, runs) {
            (MarkerState::Provisioning, _) => Some(MachineState::Created),
            (MarkerState::Allocated, true) => Some(MachineState::Running),
            (MarkerState::Allocated | MarkerState::Stopped, _) => Some(MachineState::Stopped),
            (MarkerState::CleanupFailed(_), _) => Some(MachineState::Failed),
            (MarkerState::Kept, _) => None,
        }
    }

    /// How it is told to people.
    pub(super) fn told(&self) -> String {
        let (node, cluster) = (&self.spec.name, &self.owner.cluster_name);
        match &self.state {
            MarkerState::CleanupFailed(problems) => format!(
                "was {node} of cluster {cluster} and could not be cleaned up: {}",
                problems.join("; ")
            ),
            _ => format!("is {node} of cluster {cluster}"),
        }
    }
}
