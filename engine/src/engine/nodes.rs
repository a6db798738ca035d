//! Nodes beside a cluster's pool, each asked for by itself.

mod put_off;
mod remove;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::Engine;
use super::check::refuse;
use super::course::{Company, Leg, load_images, preparations, recreate, repair};
use super::memory::{NodeWork, outcome};
use crate::cluster::{Cluster, Node, NodeStatus};
use crate::error::{EngineError, Failure, chain};
use crate::model::{
    ClusterId, ClusterRecord, ClusterSpec, ClusterStatus, Finding, Flavor, ImageName, Machine,
    MachineState, MemberState, NodeGroup, NodeName, NodeSpec, ObservedCluster, Phase, Role,
    Subject, Taint,
};
use crate::operation::Operation;
use crate::plan::{CoeNeeds, Fault, differences, machine_image, pool_role};
use crate::platform::Scope;
use crate::saga::journal::{Journal, OperationKind};
use crate::saga::{Lane, OnFailure, Saga};
use crate::scheduler::Bounds;
use crate::steps::{
    DrainNode, EnsureMachine, JoinNode, NodeOrigin, PutRecord, SetNodeLabels, SetNodeTaints, Site,
    UncordonNode, UpgradeNode, WaitUntilReady,
};

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

/// A cluster that a node is added to, changed in or removed from.
struct Target {
    observed: ObservedCluster,
    record: ClusterRecord,
}

impl Target {
    /// Whether a machine has to be made so that the node is as wanted.
    fn makes_machine(&self, wanted: &NodeSpec) -> bool {
        self.observed
            .machines
            .get(&wanted.name)
            .is_none_or(|machine| {
                matches!(machine.state, MachineState::Created | MachineState::Failed)
                    || !differences(&machine.spec, wanted).is_empty()
            })
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
        let target = self.target(cluster, operation).await?;
        let spec = &target.record.spec;
        if pool_role(&spec.name, &node.name).is_some() {
            return Err(EngineError::Invalid(vec![name_of_the_pool(spec, &node.name)]).into());
        }
        if let Some(machine) = target.observed.machines.get(&node.name) {
            if !self.was_abandoned(&target, machine).await? {
                let (cluster, node) = (spec.name.clone(), node.name.clone());
                return Err(EngineError::NodeExists { cluster, node }.into());
            }
            let work = NodeWork::CarryOn(machine.owner.operation);
            return Box::pin(self.bring_to(work, target, node, operation)).await;
        }
        let wanted = self.node_spec(spec, node)?;
        self.refuse_invalid_node(&target, &wanted, operation)
            .await?;
        let name = &node.name;
        let mut steps: Lane = vec![
            Box::new(EnsureMachine {
                node: wanted.clone(),
                origin: NodeOrigin::New,
            }),
            Box::new(JoinNode {
                node: name.clone(),
                role: node.role,
            }),
        ];
        // Before it takes work.
        if !node.taints.is_empty() {
            let taints = node.taints.clone();
            steps.push(Box::new(SetNodeTaints {
                node: name.clone(),
                taints,
            }));
        }
        if !node.labels.is_empty() {
            let labels = node.labels.clone();
            steps.push(Box::new(SetNodeLabels {
                node: name.clone(),
                labels,
            }));
        }
        steps.extend(load_images(spec, name));
        steps.push(Box::new(WaitUntilReady {
            nodes: vec![name.clone()],
        }));
        if node.maintenance {
            steps.push(Box::new(DrainNode { node: name.clone() }));
        }
        let saga = Saga::new()
            .then(preparations(spec, &[wanted.image]))
            .then(vec![steps]);
        let leg = Leg {
            saga,
            on_failure: OnFailure::Undo,
        };
        self.work_on_node(NodeWork::Add, target, name, operation, leg)
            .await
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
        let by_itself = self.node_spec(spec, &request)?;
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
            return self.put_off(target, node, operation).await;
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
        let wanted = self.node_spec(&target.record.spec, node)?;
        if target.makes_machine(&wanted) {
            self.refuse_invalid_node(&target, &wanted, operation)
                .await?;
        }
        let image = wanted.image.clone();
        let steps = steps_to(&target, node, wanted);
        let is_remembered = target.record.addresses.contains_key(&node.name);
        // One that carries on remembers that it did: from then on somebody has the node.
        let carries_on = matches!(work, NodeWork::CarryOn(_));
        if steps.is_empty() && is_remembered && !carries_on {
            return Ok(node_of(&self.cluster(target.observed), &node.name)?);
        }
        let saga = Saga::new()
            .then(preparations(&target.record.spec, &[image]))
            .then(vec![steps]);
        let leg = Leg {
            saga,
            on_failure: OnFailure::Keep,
        };
        self.work_on_node(work, target, &node.name, operation, leg)
            .await
    }

    /// Everything that can be known to be wrong with the node before a write: for a plan. `is_there`: it is to be
    /// changed and not added.
    pub async fn check_node(
        &self,
        cluster: ClusterId,
        node: &NodeRequest,
        is_there: bool,
    ) -> Result<Vec<Finding>, EngineError> {
        let bounds = Bounds::for_look();
        let Some(observed) = self.shared_look(cluster).await? else {
            return Err(EngineError::NoCluster(cluster));
        };
        let Some(record) = observed.record.clone() else {
            return Err(EngineError::NoRecord(cluster));
        };
        let spec = &record.spec;
        if pool_role(&spec.name, &node.name).is_some() {
            return Ok(vec![name_of_the_pool(spec, &node.name)]);
        }
        let driver = self.driver(spec.coe)?;
        let mut findings = driver.check_node(&node.labels, &node.taints);
        if node.role == Role::ControlPlane && !is_there {
            findings.extend(even_control_planes(&observed, &node.name));
        }
        let wanted = self.node_spec(spec, node)?;
        let target = Target { observed, record };
        if target.makes_machine(&wanted) {
            findings.extend(self.ask_about_node(&target, &wanted, &bounds).await?);
        }
        Ok(findings)
    }

    /// Refuses a node of which the platform can tell, before its machine is made, that it cannot be.
    async fn refuse_invalid_node(
        &self,
        target: &Target,
        wanted: &NodeSpec,
        operation: &Operation,
    ) -> Result<(), EngineError> {
        let bounds = Bounds::of(operation);
        refuse(self.ask_about_node(target, wanted, &bounds).await?)
    }

    async fn ask_about_node(
        &self,
        target: &Target,
        wanted: &NodeSpec,
        bounds: &Bounds,
    ) -> Result<Vec<Finding>, EngineError> {
        let spec = ClusterSpec {
            image: Some(wanted.image.clone()),
            flavor: wanted.flavor.clone(),
            control_plane_flavor: None,
            ports: wanted.ports.clone(),
            ..target.record.spec.clone()
        };
        let nodes = std::slice::from_ref(wanted);
        let question = || self.0.platform.check(&spec, nodes, Some(&target.observed));
        self.ask(bounds, question).await
    }

    /// The cluster, if its COE answers.
    async fn target(
        &self,
        cluster: ClusterId,
        operation: &Operation,
    ) -> Result<Target, EngineError> {
        answering(self.find_target(cluster, operation).await?)
    }

    async fn find_target(
        &self,
        cluster: ClusterId,
        operation: &Operation,
    ) -> Result<Target, EngineError> {
        let observed = self.look(cluster, &Bounds::of(operation)).await?;
        let observed = observed.ok_or(EngineError::NoCluster(cluster))?;
        let record = observed
            .record
            .clone()
            .ok_or(EngineError::NoRecord(cluster))?;
        Ok(Target { observed, record })
    }

    fn node_spec(&self, spec: &ClusterSpec, node: &NodeRequest) -> Result<NodeSpec, EngineError> {
        let needs = self.needs(spec)?;
        Ok(beside_node(spec, &needs, node))
    }

    /// Runs the leg, and then keeps the node's address in the record, as it is by then. The node as it is seen
    /// then, or else as the steps have left it: what was made must not be lost because one look failed.
    async fn work_on_node(
        &self,
        work: NodeWork,
        target: Target,
        name: &NodeName,
        operation: &Operation,
        leg: Leg,
    ) -> Result<Node, Failure> {
        let id = target.observed.id;
        let then_look = async |site: Site| {
            let observed = match self.last_look(id).await {
                Ok(seen) => seen.ok_or(EngineError::NoCluster(id))?,
                Err(error) => site.as_left_by_its_steps(Phase::There, chain(&error)),
            };
            Ok(node_of(&self.cluster(observed), name)?)
        };
        Box::pin(self.run_journaled(work, target, name, operation, leg, then_look)).await
    }

    /// The operation ends after `then`: one whose process dies before it can tell of the node has not told.
    async fn run_journaled<T>(
        &self,
        work: NodeWork,
        target: Target,
        name: &NodeName,
        operation: &Operation,
        leg: Leg,
        then: impl AsyncFnOnce(Site) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (id, of) = (target.observed.id, &target.record.spec.name);
        let work = self.begin_node(work, id, of, operation).await?;
        let run = self.run_leg(&target, name, operation, leg, &work.journal);
        let result = match Box::pin(run).await {
            Ok(site) => then(site).await,
            Err(failure) => Err(failure),
        };
        work.end(outcome(&result)).await;
        result
    }

    async fn run_leg(
        &self,
        target: &Target,
        name: &NodeName,
        operation: &Operation,
        leg: Leg,
        journal: &Journal,
    ) -> Result<Site, Failure> {
        let id = target.observed.id;
        let site = self.site(target, operation)?;
        let carried_out = self.carry_out(&site, operation, journal, vec![leg]);
        if let Err(failure) = carried_out.await {
            return Err(self.failed(id, failure).await);
        }
        // Several nodes of a cluster are added at once: each writes what the others have written.
        let _record = self.0.records.lock().await;
        let now = self.observe(&Scope::Id(id), &Bounds::of(operation)).await?;
        let Some((observed, mut record)) = now
            .into_iter()
            .find_map(|observed| Some((observed.clone(), observed.record?)))
        else {
            return Ok(site);
        };
        if !observed.machines.contains_key(name) {
            record.addresses.remove(name);
            record.api_ports.remove(name);
        }
        // What was done to the node now is newer than what it was to get.
        record.put_off.remove(name);
        let observed = ObservedCluster {
            record: Some(record.clone()),
            ..observed
        };
        let site = self.site(&Target { observed, record }, operation)?;
        let saga = Saga::new().then_step(PutRecord {
            cluster: target.record.spec.name.clone(),
            phase: Phase::There,
        });
        journal.foresee(saga.count_steps());
        match self
            .runner(&site, operation, journal)
            .run(&saga, OnFailure::Keep)
            .await
        {
            Ok(()) => Ok(site),
            Err(failure) => Err(self.failed(id, failure).await),
        }
    }

    fn site(&self, target: &Target, operation: &Operation) -> Result<Site, EngineError> {
        let spec = &target.record.spec;
        Ok(Site::of(
            Arc::clone(&self.0.platform),
            Arc::clone(self.driver(spec.coe)?),
            operation.owner(target.observed.id, &spec.name),
            spec.clone(),
            &target.observed,
            Arc::clone(&self.0.given),
        ))
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

fn name_of_the_pool(spec: &ClusterSpec, name: &NodeName) -> Finding {
    Finding::error(
        Subject::Name,
        format!("{name} is a name of the pool of cluster {}", spec.name),
        "Choose another name: the cluster's own nodes are counted by such names.",
    )
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

/// What the machine of a node beside the pool should be.
fn beside_node(spec: &ClusterSpec, needs: &CoeNeeds, node: &NodeRequest) -> NodeSpec {
    let of_role = match node.role {
        Role::ControlPlane => spec.control_plane_flavor.as_ref().or(spec.flavor.as_ref()),
        Role::Worker => spec.flavor.as_ref(),
    };
    NodeSpec {
        name: node.name.clone(),
        role: node.role,
        group: NodeGroup::Beside,
        image: node
            .image
            .clone()
            .unwrap_or_else(|| machine_image(spec, needs)),
        flavor: node.flavor.as_ref().or(of_role).cloned(),
        ports: needs.ports(spec, &node.name, node.role),
        mounts: spec.mounts.clone(),
        volumes: needs.volumes(spec, node.role),
        labels: node.labels.clone(),
    }
}

/// What makes the node as wanted.
fn steps_to(target: &Target, node: &NodeRequest, wanted: NodeSpec) -> Lane {
    let observed = &target.observed;
    let name = &node.name;
    let member = observed
        .members
        .as_ref()
        .and_then(|members| members.get(name));
    let machine = observed.machines.get(name);
    let fault = match (
        machine.map(|machine| machine.state),
        member.map(|member| member.state),
    ) {
        (None, _) => Some(Fault::MachineGone),
        (Some(MachineState::Created), _) => Some(Fault::MachineHalfMade),
        (Some(MachineState::Failed), _) => Some(Fault::MachineFailed),
        (Some(MachineState::Stopped), _) => Some(Fault::MachineStopped),
        (Some(MachineState::Running), None) => Some(Fault::NotMember),
        (Some(MachineState::Running), Some(MemberState::Down)) => Some(Fault::MemberDown),
        (Some(MachineState::Running), Some(_)) => None,
    };
    let differs = machine.is_some_and(|machine| !differences(&machine.spec, &wanted).is_empty());
    let mut steps: Lane = Vec::new();
    match fault {
        Some(fault) => steps.extend(repair(&target.record.spec, observed, wanted, fault)),
        None if differs => {
            let company = Company::Others;
            steps.extend(recreate(&target.record.spec, wanted, company));
        }
        None => {}
    }
    let touched = !steps.is_empty();
    if touched || member.is_some_and(|member| member.taints != node.taints) {
        let taints = node.taints.clone();
        steps.push(Box::new(SetNodeTaints {
            node: name.clone(),
            taints,
        }));
    }
    if touched || member.is_some_and(|member| member.labels != node.labels) {
        let labels = node.labels.clone();
        steps.push(Box::new(SetNodeLabels {
            node: name.clone(),
            labels,
        }));
    }
    let is_drained = member.is_some_and(|member| member.state == MemberState::Drained);
    if node.maintenance && (touched || !is_drained) {
        steps.push(Box::new(DrainNode { node: name.clone() }));
    } else if !node.maintenance && (touched || is_drained) {
        steps.push(Box::new(UpgradeNode { node: name.clone() }));
        steps.push(Box::new(UncordonNode { node: name.clone() }));
    }
    steps
}
