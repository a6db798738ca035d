//! Requests that no sequence of changes leads to.

use crate::model::{ClusterName, CoeKind, ImageName, NodeName};

/// Why there is no way from what is there to what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Every control plane is gone, with its volumes.
    #[error(
        "cluster {cluster} has lost its state: no control plane is left, nor the volumes of one. What \
         ran on it cannot be brought back from here; delete the cluster and create it anew"
    )]
    StateLost {
        /// The cluster.
        cluster: ClusterName,
    },
    /// So many control planes are gone for good that those left cannot agree on anything.
    #[error(
        "cluster {cluster} has lost its quorum: {lost} of {total} control planes are gone with their \
         volumes ({names}), and those left cannot decide anything ({left}). Force a new cluster from one \
         that is left with the COE's own means and apply again, or delete the cluster and create it anew",
        lost = lost.len(),
        total = lost.len() + left.len(),
        names = join(lost),
        left = join(left)
    )]
    QuorumLost {
        /// The cluster.
        cluster: ClusterName,
        /// The control planes that are gone with their volumes.
        lost: Vec<NodeName>,
        /// Those of which a machine or a volume is left.
        left: Vec<NodeName>,
    },
    /// A change needs the COE's agreement, and it cannot be asked.
    #[error(
        "cluster {cluster} cannot be changed while no control plane answers: {reason}. Wanted were: {}",
        .wanted.join("; ")
    )]
    Unanswering {
        /// The cluster.
        cluster: ClusterName,
        /// Why it could not be asked.
        reason: String,
        /// The changes that need it.
        wanted: Vec<String>,
    },
    /// Another network: only another cluster can have it.
    #[error("cluster {cluster} cannot move to another network; it has to be replaced")]
    NetworkChanged {
        /// The cluster.
        cluster: ClusterName,
    },
    /// Another value of a label that a cluster keeps for life.
    #[error("label {label} of cluster {cluster} cannot change; the cluster has to be replaced")]
    LabelChanged {
        /// The cluster.
        cluster: ClusterName,
        /// The driver's key.
        label: String,
    },
    /// Another name or COE: only another cluster can have it.
    #[error("the {what} of cluster {cluster} cannot change; it has to be replaced")]
    IdentityChanged {
        /// The cluster.
        cluster: ClusterName,
        /// `name`, `coe`.
        what: &'static str,
    },
    /// An older version than the one that runs.
    #[error(
        "cluster {cluster} runs version {running} and cannot go back to {wanted}: the state of a newer \
         version is not read by an older one"
    )]
    Downgrade {
        /// The cluster.
        cluster: ClusterName,
        /// What runs.
        running: String,
        /// What is wanted.
        wanted: String,
    },
    /// The image that nodes have, and keep, carries another version than the one that is wanted.
    #[error(
        "image {image} carries version {carried}, not {wanted}: give an image of that version, or no version"
    )]
    OtherVersion {
        /// The image.
        image: ImageName,
        /// The version that nodes of it run.
        carried: String,
        /// What is wanted.
        wanted: String,
    },
    /// A version to which no upgrade leads at once.
    #[error(
        "cluster {cluster} runs version {running}, and an upgrade to {wanted} would leave a minor version out: they are \
         upgraded one after another"
    )]
    MinorLeftOut {
        /// The cluster.
        cluster: ClusterName,
        /// What a node of it runs.
        running: String,
        /// What is wanted.
        wanted: String,
    },
    /// A control plane that is lost would join control planes that are older than it.
    #[error(
        "cluster {cluster} cannot be upgraded while {node} is lost with its volumes: apply with the version and image that \
         the cluster has, which replaces it, and then upgrade"
    )]
    RepairFirst {
        /// The cluster.
        cluster: ClusterName,
        /// The control plane.
        node: NodeName,
    },
    /// The subnet has no address left.
    #[error("subnet {subnet} has no free address for {node}")]
    SubnetFull {
        /// The subnet.
        subnet: String,
        /// The node that gets none.
        node: NodeName,
    },
    /// This build has no driver for the COE.
    #[error("there is no driver for {0}")]
    NoDriver(CoeKind),
    /// A node's name would be too long.
    #[error(transparent)]
    Name(#[from] crate::model::InvalidName),
}

impl PlanError {
    /// Whether the cluster as it is allows nothing, whatever is wanted of it: the way out is to end it, or is
    /// outside.
    pub fn is_of_the_cluster(&self) -> bool {
        matches!(self, Self::StateLost { .. } | Self::QuorumLost { .. })
    }
}

fn join(names: &[NodeName]) -> String {
    names
        .iter()
        .map(NodeName::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}
