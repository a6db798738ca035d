//! A group of nodes beside a cluster's pool.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Drain, Flavor, GroupName, ImageName, NodeSettings, OperationId, Pace, Taint};

/// A group of nodes beside a cluster's pool as the user wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeGroupSpec {
    /// Its name.
    pub name: GroupName,
    /// How many nodes.
    pub count: u32,
    /// The fewest that `count` may be; it says nothing of what there is.
    #[serde(default)]
    pub min_count: Option<u32>,
    /// The most that `count` may be.
    #[serde(default)]
    pub max_count: Option<u32>,
    /// The size of their machines; `None`: as the cluster's workers.
    pub flavor: Option<Flavor>,
    /// What their machines are made from; `None`: as the cluster's.
    pub image: Option<ImageName>,
    /// Their labels in the COE.
    pub labels: BTreeMap<String, String>,
    /// Their taints in the COE.
    #[serde(default)]
    pub taints: BTreeSet<Taint>,
    /// How fast they are made again.
    #[serde(default)]
    pub pace: Pace,
    /// How they are drained.
    #[serde(default)]
    pub drain: Drain,
}

impl NodeGroupSpec {
    /// What each of its nodes is given by the COE.
    pub fn settings(&self) -> NodeSettings {
        NodeSettings {
            labels: self.labels.clone(),
            taints: self.taints.clone(),
            maintenance: false,
        }
    }
}

/// What a cluster's platform remembers of a group of its nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRecord {
    /// The group as it was last asked for.
    pub spec: NodeGroupSpec,
    /// The operation that added it.
    pub added_by: OperationId,
}
