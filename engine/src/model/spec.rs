//! What a cluster should be.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    ClusterId, ClusterName, Drain, Flavor, ImageName, Mount, NetworkSpec, NodeVolume, Pace,
    PortMapping,
};

/// A container orchestration engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoeKind {
    /// Kubernetes.
    Kubernetes,
    /// Docker's swarm mode.
    Swarm,
}

impl CoeKind {
    /// All that this engine has a driver for.
    pub const ALL: [Self; 2] = [Self::Kubernetes, Self::Swarm];

    /// As a person writes it: `swarm`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Swarm => "swarm",
        }
    }
}

impl fmt::Display for CoeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for CoeKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(())
    }
}

/// 1, 3, 5 or 7: an even number adds a node and no failure that the cluster survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct ControlPlaneCount(u32);

/// A number of control planes that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a cluster has 1, 3, 5 or 7 control planes, not {0}: only an odd number has a majority that survives"
)]
pub struct InvalidControlPlaneCount(pub u32);

impl ControlPlaneCount {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for ControlPlaneCount {
    type Error = InvalidControlPlaneCount;

    fn try_from(count: u32) -> Result<Self, Self::Error> {
        if matches!(count, 1 | 3 | 5 | 7) {
            Ok(Self(count))
        } else {
            Err(InvalidControlPlaneCount(count))
        }
    }
}

impl From<ControlPlaneCount> for u32 {
    fn from(count: ControlPlaneCount) -> Self {
        count.0
    }
}

/// Whether a cluster's machines run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DesiredState {
    /// They do.
    #[default]
    Running,
    /// They are stopped, with all data: hibernation.
    Stopped,
}

/// What becomes of a cluster whose create fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum OnCreateFailure {
    /// Everything that was made is removed.
    #[default]
    Rollback,
    /// What works stays, and the next apply carries on.
    Keep,
}

/// What has to be true before nodes are said to be there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// Whatever work needs of the COE is there: the nodes, what the COE itself runs on each of them, the resolving of
    /// names.
    #[default]
    Usable,
    /// The nodes are ready by what their COE says. What it runs on them for others comes on its own, a little later.
    NodesReady,
}

/// A cluster as the user wants it. Serialized into the cluster's record on the platform, so it holds
/// no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSpec {
    /// Its name.
    pub name: ClusterName,
    /// For people.
    pub description: String,
    /// Which engine it runs.
    pub coe: CoeKind,
    /// The COE driver's settings, by the driver's own keys.
    pub labels: BTreeMap<String, String>,
    /// The COE's version; `None`: what the image carries.
    pub version: Option<String>,
    /// How many control planes.
    pub control_planes: ControlPlaneCount,
    /// How many workers in the pool.
    pub workers: u32,
    /// The size of control planes; `None`: as `flavor`.
    pub control_plane_flavor: Option<Flavor>,
    /// The size of nodes.
    pub flavor: Option<Flavor>,
    /// What machines are made from; `None`: the COE's default for `version`.
    pub image: Option<ImageName>,
    /// Images that each node has before it counts as ready.
    pub preload_images: Vec<ImageName>,
    /// Ports of nodes on the platform's host.
    pub ports: Vec<PortMapping>,
    /// What nodes see of the platform's host.
    pub mounts: Vec<Mount>,
    /// Volumes of each node.
    pub volumes: Vec<NodeVolume>,
    /// The network between nodes.
    pub network: NetworkSpec,
    /// Whether it runs.
    pub desired_state: DesiredState,
    /// How fast workers are made again.
    #[serde(default)]
    pub pace: Pace,
    /// How nodes are drained.
    #[serde(default)]
    pub drain: Drain,
    /// What is waited for where nodes are made.
    #[serde(default)]
    pub wait_for: WaitFor,
}

#[cfg(test)]
impl ClusterSpec {
    /// One control plane, and nothing else that has to be said.
    pub(crate) fn smallest(name: &str) -> Self {
        Self {
            name: name.parse().unwrap(),
            description: String::new(),
            coe: CoeKind::Swarm,
            labels: BTreeMap::new(),
            version: None,
            control_planes: 1.try_into().unwrap(),
            workers: 0,
            control_plane_flavor: None,
            flavor: None,
            image: None,
            preload_images: Vec::new(),
            ports: Vec::new(),
            mounts: Vec::new(),
            volumes: Vec::new(),
            network: NetworkSpec::Isolated,
            desired_state: DesiredState::Running,
            pace: Pace::default(),
            drain: Drain::default(),
            wait_for: WaitFor::default(),
        }
    }
}

/// The part of a request that a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// No part in particular.
    Cluster,
    /// The name.
    Name,
    /// The COE's version.
    Version,
    /// A setting of the COE.
    Label(String),
    /// The number of control planes.
    ControlPlanes,
    /// The number of workers.
    Workers,
    /// The size of workers.
    Flavor,
    /// The size of control planes.
    ControlPlaneFlavor,
    /// What machines are made from.
    Image,
    /// An image to preload, by its position.
    PreloadImage(usize),
    /// A published port, by its position.
    Port(usize),
    /// A mount, by its position.
    Mount(usize),
    /// A volume, by its position.
    Volume(usize),
    /// The network.
    Network,
    /// Whether it runs.
    DesiredState,
    /// A label of a node.
    NodeLabel(String),
    /// The taints of a node.
    Taints,
}

/// Whether a finding stops the apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It does.
    Error,
    /// It does not.
    Warning,
}

/// Something that is wrong with a request, found before anything is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub subject: Subject,
    /// Whether it stops the apply.
    pub severity: Severity,
    /// One line: what is wrong.
    pub summary: String,
    /// What would be right, and how to get there.
    pub detail: String,
    /// The cluster whose object is in the way. A caller that knows that this cluster goes first may
    /// leave the finding out.
    pub held_by: Option<ClusterId>,
}

impl Finding {
    /// A finding that stops the apply.
    pub fn error(subject: Subject, summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            subject,
            severity: Severity::Error,
            summary: summary.into(),
            detail: detail.into(),
            held_by: None,
        }
    }

    /// A finding that the user should know of.
    pub fn warning(
        subject: Subject,
        summary: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(subject, summary, detail)
        }
    }

    /// The same finding, about something that an object of that cluster is in the way of.
    #[must_use]
    pub fn held_by(mut self, cluster: Option<ClusterId>) -> Self {
        self.held_by = cluster;
        self
    }
}
