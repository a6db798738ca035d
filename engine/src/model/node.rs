//! What a node should be.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{GroupName, NodeName};

/// What a node does in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Keeps the cluster's own state and its API: a manager, a control-plane node.
    ControlPlane,
    /// Runs what users deploy.
    Worker,
}

impl Role {
    /// As in labels: `control_plane`, `worker`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ControlPlane => "control_plane",
            Self::Worker => "worker",
        }
    }
}

/// As in a sentence: `control plane`, `worker`.
impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ControlPlane => "control plane",
            Self::Worker => "worker",
        })
    }
}

/// Who counts a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeGroup {
    /// The cluster's own pool: `control_plane_count` and `node_count`.
    Pool,
    /// A resource of its own beside the pool: `coe_cluster_node`.
    Beside,
    /// A group beside the pool: `coe_node_group`.
    Named(GroupName),
}

impl NodeGroup {
    /// The name of the group, if it is one with a name.
    pub fn name(&self) -> Option<&GroupName> {
        match self {
            Self::Named(name) => Some(name),
            Self::Pool | Self::Beside => None,
        }
    }
}

/// The size of a machine, as its platform names it (docker: `"<cpus>x<GiB>"`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Flavor(pub String);

/// An image, as its platform names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageName(pub String);

impl fmt::Display for Flavor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a taint does to work that does not tolerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TaintEffect {
    /// It does not come.
    NoSchedule,
    /// It comes where there is nowhere else.
    PreferNoSchedule,
    /// It does not come, and what is there goes.
    NoExecute,
}

impl TaintEffect {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NoSchedule, Self::PreferNoSchedule, Self::NoExecute];

    /// As the COE has it: `NoSchedule`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSchedule => "NoSchedule",
            Self::PreferNoSchedule => "PreferNoSchedule",
            Self::NoExecute => "NoExecute",
        }
    }
}

/// What keeps work off a node that does not tolerate it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Taint {
    /// Which.
    pub key: String,
    /// Its value, which may be empty.
    pub value: String,
    /// What it does.
    pub effect: TaintEffect,
}

/// A transport protocol of a published port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A port of a node that is reached through the platform's own host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortMapping {
    /// The node that it leads to.
    pub node: NodeName,
    /// On the node.
    pub node_port: u16,
    /// On the platform's host; `None`: the platform chooses a free one and keeps it.
    pub host_port: Option<u16>,
    /// The host's address that listens. 127.0.0.1 unless the user says otherwise.
    pub listen_address: IpAddr,
    /// TCP or UDP.
    pub protocol: Protocol,
}

impl PortMapping {
    /// Whether the two cannot be published at once: they want one port of the host.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        let (one, two) = (self.listen_address, other.listen_address);
        self.host_port.is_some()
            && self.host_port == other.host_port
            && self.protocol == other.protocol
            && (one == two || one.is_unspecified() || two.is_unspecified())
    }
}

/// A folder or file of the platform's host that nodes see.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mount {
    /// On the platform's host; absolute.
    pub host_path: String,
    /// On the node; absolute.
    pub node_path: String,
    /// Whether nodes may not write to it.
    pub read_only: bool,
}

/// With what a volume ends.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum VolumeLife {
    /// With the node: it outlives the node's machines.
    #[default]
    Node,
    /// With the machine: one that is made again begins with what its image has there.
    Machine,
}

/// A volume of each node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeVolume {
    /// Distinguishes the node's volumes: `data`.
    pub name: String,
    /// Where the node sees it; absolute.
    pub path: String,
    /// GiB; `None`: as large as the platform makes it.
    pub size: Option<u32>,
    /// With what it ends.
    #[serde(default)]
    pub life: VolumeLife,
}

/// Everything that makes a node's machine what it is. Kept with the machine, so that a difference
/// between it and what is wanted is seen from the platform alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSpec {
    /// Its name, and its machine's host name.
    pub name: NodeName,
    /// What it does.
    pub role: Role,
    /// Who counts it.
    pub group: NodeGroup,
    /// What its machine is made from.
    pub image: ImageName,
    /// How large its machine is; `None`: no limit or the platform's default.
    pub flavor: Option<Flavor>,
    /// Its ports on the platform's host.
    pub ports: Vec<PortMapping>,
    /// What it sees of the platform's host.
    pub mounts: Vec<Mount>,
    /// Its volumes, those that the COE needs included.
    pub volumes: Vec<NodeVolume>,
    /// Labels in the COE, for placement of what users deploy.
    pub labels: BTreeMap<String, String>,
}
