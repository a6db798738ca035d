//! Nodes beside a cluster's pool, each asked for by itself.

mod group;
mod party;
mod put_off;
mod remove;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Engine;
use super::check::refuse;
use super::memory::NodeWork;
use crate::cluster::{Cluster, Node, NodeStatus};
use crate::error::{EngineError, Failure};
use crate::model::{
    ClusterId, ClusterRecord, ClusterSpec, ClusterStatus, Finding, Flavor, GroupRecord, ImageName,
    Machine, NodeGroup, NodeName, NodeSettings, ObservedCluster, Role, Subject, Taint,
};
use crate::operation::Operation;
use crate::plan::{
    Beside, Change, CoeNeeds, Plan, beside_node, cluster_as_of, group_of, makes_machine,
    newer_than_control_planes, plan_node, pool_role,
};
use crate::saga::journal::OperationKind;
use crate::scheduler::Bounds;

pub use group::{GroupStatus, SeenGroup};
use party::Party;
use put_off::{Later, start_first};

/// A node beside a cluster's pool as the user wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRequest {
    /// Its name; none of the pool's.
    pub name: NodeName,
    /// What it does.
    pub role: Role,
    /// The size of its machine; `None`: as the cluster's nodes of that role.
    pub flavor: Option<Flavor>,
    /// What its machine is made from; `None`: as the cluster's.
    pub image: Option<ImageName>,
    /// Its labels in the COE.
    pub labels: BTreeMap<String, String>,
    /// Its taints in the COE.
    pub taints: BTreeSet<Taint>,
    /// Whether it is cordoned and drained.
    pub maintenance: bool,
}

impl NodeRequest {
    fn settings(&self) -> NodeSettings {
        NodeSettings {
            labels: self.labels.clone(),
            taints: self.taints.clone(),
            maintenance: self.maintenance,
        }
    }
}

/// A cluster that a node is added to, changed in or removed from.
struct Target {
    observed: ObservedCluster,
    record: ClusterRecord,
}

impl Target {
    fn of(cluster: ClusterId, observed: Option<ObservedCluster>) -> Result<Self, EngineError> {
        let observed = observed.ok_or(EngineError::NoCluster(cluster))?;
        let record = observed
            .record
            .clone()
            .ok_or(EngineError::NoRecord(cluster))?;
        Ok(Self { observed, record })
    }

    /// The group that a name is of.
    fn group_of(&self, name: &NodeName) -> Option<&GroupRecord> {
        self.record.groups.get(group_of(&self.record, name)?)
    }
}

/// One node as it is wanted.
struct Wanted {
    node: Beside,
    /// The cluster as the node has it.
    spec: ClusterSpec,
    needs: CoeNeeds,
}

impl Wanted {
    fn party(self, target: &Target, plan: &Plan) -> Party {
        let name = self.node.machine.name.clone();
        let nodes = BTreeMap::from([(name, self.node)]);
        Party::of_plan(self.spec, &self.needs, &target.observed, &nodes, plan)
    }
}

impl Engine {
    /// Adds a node beside the cluster's pool. When it fails, what it made is removed. What an add left
    /// that came to no end is finished once that one's deadline has passed.
    pub async fn add_node(
        &self,
        cluster: ClusterId,
        node: &NodeRequest,
        operation: &Operation,
    ) -> Result<Node, Failure> {
        let _changing = self.0.looks.changing(cluster);
        let target = answering(self.find_target(cluster, operation).await?)?;
        if let Some(finding) = name_of_others(&target.record, &node.name) {
            return Err(EngineError::Invalid(vec![finding]).into());
        }
        if let Some(machine) = target.observed.machines.get(&node.name) {
            if !self.was_abandoned(&target, machine).await? {
                let (cluster, node) = (target.record.spec.name.clone(), node.name.clone());
                return Err(EngineError::NodeExists { cluster, node }.into());
            }
            let work = NodeWork::CarryOn(machine.owner.operation);
            return Box::pin(self.bring_to(work, target, node, operation)).await;
        }
        let wanted = self.wanted_node(&target.record.spec, node)?;
        let bounds = Bounds::of(operation);
        refuse(self.ask_about_node(&target, &wanted, &bounds).await?)?;
        let (name, role) = (node.name.clone(), node.role);
        let plan = Plan {
            changes: vec![Change::CreateNode { name, role }],
        };
        let party = wanted.party(&target, &plan);
        let cluster = self
            .work_on(NodeWork::Add, &target, party, operation)
            .await?;
        Ok(node_of(&cluster, &node.name)?)
    }

    /// Whether the machine is of an add that came to no end. That one's last act is to have the record
    /// remember the node, and after its deadline nobody works on it; where its process died on this machine,
    /// that is known at once.
    async fn was_abandoned(&self, target: &Target, machine: &Machine) -> Result<bool, EngineError> {
        if machine.spec.group != NodeGroup::Beside {
            return Ok(false);
        }
        let remembered = target.record.addresses.contains_key(&machine.spec.name);
        if !remembered && machine.owner.deadline < Timestamp::now() {
            return Ok(true);
        }
        let (cluster, operation) = (target.observed.id, machine.owner.operation);
        let journals = &self.0.journals;
        Ok(journals
            .is_abandoned(cluster, operation, OperationKind::AddNode)
            .await?)
    }

    /// A node of the cluster; `None` where nothing of it is there.
    pub async fn read_node(
        &self,
        cluster: ClusterId,
        name: &NodeName,
    ) -> Result<Option<Node>, EngineError> {
        Ok(self
            .read(cluster)
            .await?
            .and_then(|cluster| cluster.node(name)))
    }

    /// What was asked for when the node was added, as far as it can be told: a size or an image that the cluster
    /// would give it by itself is left out.
    pub fn request_of(&self, cluster: &Cluster, node: &Node) -> Result<NodeRequest, EngineError> {
        let spec = cluster.spec().ok_or(EngineError::NoRecord(cluster.id()))?;
        let request = NodeRequest {
            name: node.name.clone(),
            role: node.role,
            flavor: None,
            image: None,
            labels: node.labels.clone(),
            taints: node.taints.clone(),
            maintenance: node.status == NodeStatus::Drained,
        };
        let by_itself = self.wanted_node(spec, &request)?.node.machine;
        Ok(NodeRequest {
            flavor: node
                .flavor
                .clone()
                .filter(|flavor| by_itself.flavor.as_ref() != Some(flavor)),
            image: node.image.clone().filter(|image| by_itself.image != *image),
            ..request
        })
    }

    /// Changes a node beside the cluster's pool, and repairs it: labels and maintenance in place, image
    /// and size by making its machine again. Never undone. Of a cluster that is stopped, labels and
    /// maintenance are remembered, and the node gets them when the cluster is started.
    pub async fn update_node(
        &self,
        cluster: ClusterId,
        node: &NodeRequest,
        operation: &Operation,
    ) -> Result<Node, Failure> {
        let _changing = self.0.looks.changing(cluster);
        let target = self.find_target(cluster, operation).await?;
        if self.cluster(target.observed.clone()).status() == ClusterStatus::Stopped {
            return self.put_node_off(target, node, operation).await;
        }
        let target = answering(target)?;
        Box::pin(self.bring_to(NodeWork::Change, target, node, operation)).await
    }

    /// Makes the node as wanted, whatever of it is there.
    async fn bring_to(
        &self,
        work: NodeWork,
        target: Target,
        node: &NodeRequest,
        operation: &Operation,
    ) -> Result<Node, Failure> {
        let wanted = self.wanted_node(&target.record.spec, node)?;
        if makes_machine(&wanted.node, &target.observed) {
            let bounds = Bounds::of(operation);
            refuse(self.ask_about_node(&target, &wanted, &bounds).await?)?;
        }
        let plan = Plan {
            changes: plan_node(&wanted.node, &target.observed)
                .into_iter()
                .collect(),
        };
        let is_remembered = target.record.addresses.contains_key(&node.name);
        // One that carries on remembers that it did: from then on somebody has the node.
        let carries_on = matches!(work, NodeWork::CarryOn(_));
        if plan.is_empty() && is_remembered && !carries_on {
            return Ok(node_of(&self.cluster(target.observed), &node.name)?);
        }
        let party = wanted.party(&target, &plan);
        let cluster = self.work_on(work, &target, party, operation).await?;
        Ok(node_of(&cluster, &node.name)?)
    }

    async fn put_node_off(
        &self,
        target: Target,
        node: &NodeRequest,
        operation: &Operation,
    ) -> Result<Node, Failure> {
        let wanted = self.wanted_node(&target.record.spec, node)?.node;
        if makes_machine(&wanted, &target.observed) {
            let what = format!("the machine of {} has to be made again", node.name);
            return Err(start_first(&target, &what));
        }
        let later = Later {
            settings: BTreeMap::from([(node.name.clone(), wanted.settings)]),
            ..Later::default()
        };
        self.put_off(&target, later, operation).await?;
        Ok(node_of(&self.cluster(target.observed), &node.name)?)
    }

    /// Everything that can be known to be wrong with the node before a write: for a plan. `is_there`: it is to be
    /// changed and not added.
    pub async fn check_node(
        &self,
        cluster: ClusterId,
        node: &NodeRequest,
        is_there: bool,
    ) -> Result<Vec<Finding>, EngineError> {
        let target = self.seen_target(cluster).await?;
        let spec = &target.record.spec;
        if let Some(finding) = name_of_others(&target.record, &node.name) {
            return Ok(vec![finding]);
        }
        let driver = self.driver(spec.coe)?;
        let mut findings = driver.check_node(&node.labels, &node.taints);
        if node.role == Role::ControlPlane && !is_there {
            findings.extend(even_control_planes(&target.observed, &node.name));
        }
        let wanted = self.wanted_node(spec, node)?;
        if makes_machine(&wanted.node, &target.observed) {
            let bounds = Bounds::for_look();
            findings.extend(self.ask_about_node(&target, &wanted, &bounds).await?);
        }
        Ok(findings)
    }

    /// Of which the platform can tell, before its machine is made, that it cannot be.
    async fn ask_about_node(
        &self,
        target: &Target,
        wanted: &Wanted,
        bounds: &Bounds,
    ) -> Result<Vec<Finding>, EngineError> {
        let machine = &wanted.node.machine;
        let spec = ClusterSpec {
            flavor: machine.flavor.clone(),
            control_plane_flavor: None,
            ports: machine.ports.clone(),
            ..wanted.spec.clone()
        };
        let nodes = std::slice::from_ref(machine);
        let question = || self.0.platform.check(&spec, nodes, Some(&target.observed));
        let mut findings = self.ask(bounds, question).await?;
        findings.extend(self.too_small(&spec, nodes, bounds).await?);
        let newer = newer_than_control_planes(&machine.image, &wanted.needs, &target.observed);
        findings.extend(newer);
        Ok(findings)
    }

    async fn find_target(
        &self,
        cluster: ClusterId,
        operation: &Operation,
    ) -> Result<Target, EngineError> {
        Target::of(cluster, self.look(cluster, &Bounds::of(operation)).await?)
    }

    /// The cluster as a plan may see it.
    async fn seen_target(&self, cluster: ClusterId) -> Result<Target, EngineError> {
        Target::of(cluster, self.shared_look(cluster).await?)
    }

    fn wanted_node(&self, spec: &ClusterSpec, node: &NodeRequest) -> Result<Wanted, EngineError> {
        let spec = cluster_as_of(spec, node.image.as_ref(), node.flavor.as_ref());
        let needs = self.needs(&spec)?;
        let (group, settings) = (NodeGroup::Beside, node.settings());
        let node = beside_node(&spec, &needs, &node.name, node.role, group, settings);
        Ok(Wanted { node, spec, needs })
    }
}

/// The same cluster, if its COE answers.
fn answering(target: Target) -> Result<Target, EngineError> {
    if target.observed.members.is_some() {
        return Ok(target);
    }
    // Whether a node is a member is not known: one that is would be taken for one that is not.
    Err(EngineError::NoControlPlane {
        cluster: target.record.spec.name,
        reason: target.observed.unreachable.unwrap_or_default(),
    })
}

fn node_of(cluster: &Cluster, name: &NodeName) -> Result<Node, EngineError> {
    cluster.node(name).ok_or_else(|| EngineError::NoNode {
        cluster: cluster.observed.owner.cluster_name.clone(),
        node: name.clone(),
    })
}

/// What is wrong with a name for a node that others are counted by.
fn name_of_others(record: &ClusterRecord, name: &NodeName) -> Option<Finding> {
    let cluster = &record.spec.name;
    let whose = match (pool_role(cluster, name), group_of(record, name)) {
        (Some(_), _) => "the pool".to_owned(),
        (None, Some(group)) => format!("group {group}"),
        (None, None) => return None,
    };
    Some(Finding::error(
        Subject::Name,
        format!("{name} is a name of {whose} of cluster {cluster}"),
        "Choose another name: the cluster's own nodes are counted by such names.",
    ))
}

/// A warning where the cluster would have an even number of control planes with that one: it survives the loss
/// of no more of them than with one less.
fn even_control_planes(observed: &ObservedCluster, node: &NodeName) -> Option<Finding> {
    let machines = observed.machines.values();
    let others = machines
        .filter(|machine| machine.spec.role == Role::ControlPlane && machine.spec.name != *node)
        .count();
    (others % 2 == 1).then(|| {
        Finding::warning(
            Subject::Cluster,
            format!("The cluster has {} control planes with {node}", others + 1),
            "An even number of them survives the loss of no more than one less does. Add two, or none.",
        )
    })
}
