//! What is there: the planner's other input.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Balancer, ClusterId, ClusterSpec, GroupName, GroupRecord, Network, NodeName, NodeSpec, Owner,
    Role, Taint,
};

/// What a cluster's platform remembers of it, so that it can be imported, and repaired by somebody who
/// has only the platform. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterRecord {
    /// The cluster as it was last asked for.
    pub spec: ClusterSpec,
    /// When the cluster was made.
    pub created_at: Timestamp,
    /// The images that its nodes carry, by name: the platform's id of each.
    pub preloaded: BTreeMap<String, String>,
    /// The addresses of its nodes, so that a machine that is made again gets its own.
    #[serde(default)]
    pub addresses: BTreeMap<NodeName, IpAddr>,
    /// The ports of the platform's host that lead to the API of its control planes: a machine that is
    /// made again keeps its endpoint.
    #[serde(default)]
    pub api_ports: BTreeMap<NodeName, u16>,
    /// The port of the platform's host that leads to its balancer, so that one that is made again keeps the
    /// cluster's endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancer_port: Option<u16>,
    /// The subnet of its network, so that one that is made again has room for those addresses.
    #[serde(default)]
    pub subnet: Option<IpNet>,
    /// Whether its first control plane was ever made one: a create that was kept may have failed before.
    #[serde(default)]
    pub initialized: bool,
    /// How far it is in its life.
    pub phase: Phase,
    /// The labels that its COE has, where they are not those of the request: it was changed while the
    /// cluster was stopped, and its COE is told when the cluster is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coe_labels: Option<BTreeMap<String, String>>,
    /// What nodes beside the pool are to be given when the cluster is started: it was asked for while the
    /// cluster was stopped.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub put_off: BTreeMap<NodeName, NodeSettings>,
    /// The groups of nodes beside its pool.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<GroupName, GroupRecord>,
}

/// What a member is given by its COE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSettings {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its taints.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub taints: BTreeSet<Taint>,
    /// Whether it is cordoned and drained.
    pub maintenance: bool,
}

impl ClusterRecord {
    /// The labels that its COE has.
    pub fn coe_labels(&self) -> &BTreeMap<String, String> {
        self.coe_labels.as_ref().unwrap_or(&self.spec.labels)
    }
}

/// How far a cluster is in its life, as its record says: what cannot be seen of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Being made. A leftover, and no cluster, once nobody makes it any more.
    Making,
    /// Its create failed, and what it left could not be removed. A leftover.
    Failed,
    /// It is there.
    There,
    /// Being deleted, or its deletion did not come to its end.
    Going,
}

impl Phase {
    /// Whether the create came to an end: until then there is a leftover and not a cluster.
    pub fn is_of_cluster(self) -> bool {
        matches!(self, Self::There | Self::Going)
    }
}

/// How a machine does, as its platform says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineState {
    /// Made, and never started: its create was interrupted.
    Created,
    /// Running.
    Running,
    /// Not running; its data is there.
    Stopped,
    /// Its platform says that it failed, or cannot say.
    Failed,
}

/// A machine that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The platform's id.
    pub id: String,
    /// What it was made as.
    pub spec: NodeSpec,
    /// Its address in the cluster's network.
    pub address: IpAddr,
    /// How it does.
    pub state: MachineState,
    /// Ports of the platform's host that lead to it: node port → (host address, host port).
    pub published: BTreeMap<u16, (IpAddr, u16)>,
    /// The operation that made it.
    pub owner: Owner,
}

/// How a member of a cluster does, as its COE says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// Takes work.
    Ready,
    /// Cordoned or drained: takes no new work.
    Drained,
    /// Known to the COE, and does not answer it.
    Down,
}

/// A member of a cluster, as its COE says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The COE's id of it.
    pub id: String,
    /// Its role.
    pub role: Role,
    /// How it does.
    pub state: MemberState,
    /// The version of the COE that it runs.
    pub version: String,
    /// Its labels in the COE.
    pub labels: BTreeMap<String, String>,
    /// The user's taints of it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub taints: BTreeSet<Taint>,
    /// Whether its machine was made a node here: it says so of itself. Others may join nodes too.
    #[serde(default)]
    pub made_here: bool,
    /// When its certificates end, where that is so soon that they have to be renewed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// Everything that is known of a cluster that is there. Serialized as the baseline of the next plan,
/// so it holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedCluster {
    /// Its id.
    pub id: ClusterId,
    /// The owner that its objects carry; of several, the one with the latest deadline.
    pub owner: Owner,
    /// What its platform remembers; `None`: its create was interrupted before the record was written.
    pub record: Option<ClusterRecord>,
    /// Its network.
    pub network: Option<Network>,
    /// What leads to its control planes.
    #[serde(default)]
    pub balancer: Option<Balancer>,
    /// Its machines by name.
    pub machines: BTreeMap<NodeName, Machine>,
    /// Volumes of its nodes, those of machines that are gone included: node → volume names.
    pub volumes: BTreeMap<NodeName, Vec<String>>,
    /// Its members by name; `None`: the COE could not be asked (stopped, no quorum, unreachable).
    pub members: Option<BTreeMap<NodeName, Member>>,
    /// Why the COE could not be asked.
    pub unreachable: Option<String>,
    /// Whether the COE answered, and that it cannot serve.
    #[serde(default)]
    pub refuses: bool,
    /// The version that the cluster as a whole is configured for, where its COE has such a thing.
    #[serde(default)]
    pub configured_version: Option<String>,
    /// The cluster's CA certificate, PEM.
    pub ca_certificate: Option<String>,
    /// The operation that has claimed it. No part of the baseline: it says nothing of what is to be done.
    #[serde(skip)]
    pub claim: Option<Owner>,
}

impl ObservedCluster {
    /// The cluster of an object with that owner, among those of which something was seen already.
    pub fn among<'a>(clusters: &'a mut BTreeMap<ClusterId, Self>, owner: &Owner) -> &'a mut Self {
        let cluster = clusters.entry(owner.cluster).or_insert_with(|| Self {
            id: owner.cluster,
            owner: owner.clone(),
            record: None,
            network: None,
            balancer: None,
            machines: BTreeMap::new(),
            volumes: BTreeMap::new(),
            members: None,
            unreachable: None,
            refuses: false,
            configured_version: None,
            ca_certificate: None,
            claim: None,
        });
        if owner.deadline > cluster.owner.deadline {
            cluster.owner = owner.clone();
        }
        cluster
    }

    /// Whether its create came to an end: until then it is a leftover and not a cluster.
    pub fn is_complete(&self) -> bool {
        self.record
            .as_ref()
            .is_some_and(|record| record.phase.is_of_cluster())
    }

    /// Whether its record is gone from the platform. A create makes the record before the first machine, and
    /// a deletion deletes it after the last: it is a cluster, and no leftover.
    pub fn has_lost_its_record(&self) -> bool {
        self.record.is_none() && !self.machines.is_empty()
    }
}
