//! Groups of nodes beside a cluster's pool, each worked on as a whole.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::party::{Party, Remembered};
use super::put_off::{Later, start_first};
use super::{Target, answering};
use crate::cluster::{Cluster, Node, NodeStatus};
use crate::engine::Engine;
use crate::engine::check::refuse;
use crate::engine::memory::NodeWork;
use crate::error::{EngineError, Failure};
use crate::model::{
    ClusterId, ClusterSpec, ClusterStatus, Finding, GroupName, GroupRecord, NodeGroup,
    NodeGroupSpec, NodeName, OperationId, Subject,
};
use crate::operation::Operation;
use crate::plan::{
    Beside, Change, CoeNeeds, Group, Plan, PlanError, cluster_as_of, newer_than_control_planes,
};
use crate::saga::journal::OperationKind;
use crate::scheduler::Bounds;

/// A group of nodes that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenGroup {
    /// The group as it was last asked for; `None`: nothing remembers it but its nodes.
    pub spec: Option<NodeGroupSpec>,
    /// Its nodes by name: those that are there, and those that should be.
    pub nodes: BTreeMap<NodeName, Node>,
    /// How it does.
    pub status: GroupStatus,
}

/// How a group of nodes does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupStatus {
    /// As it was asked for.
    Running,
    /// As it was asked for, and stopped with its cluster.
    Stopped,
    /// Something is not as it was asked for.
    Alert,
    /// The cluster could not be asked.
    Unknown,
}

impl GroupStatus {
    /// As a person reads it: `Running`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Stopped => "Stopped",
            Self::Alert => "Alert",
            Self::Unknown => "Unknown",
        }
    }
}

/// A group as it is wanted, in a cluster that is there.
struct Wanted<'a> {
    group: &'a NodeGroupSpec,
    /// The cluster as the group has it.
    spec: ClusterSpec,
    needs: CoeNeeds,
    target: &'a Target,
}

impl Wanted<'_> {
    fn planning(&self) -> Group<'_> {
        Group {
            wanted: self.group,
            spec: &self.spec,
            needs: &self.needs,
            observed: &self.target.observed,
        }
    }

    /// The nodes that are to be there, and those that are while others are made again.
    fn nodes(&self, plan: &Plan) -> Result<BTreeMap<NodeName, Beside>, PlanError> {
        let planning = self.planning();
        let surge = plan.changes.iter().filter_map(|change| match change {
            Change::AddSurge { name } => Some(name.clone()),
            _ => None,
        });
        let names = planning.staying()?.into_iter().chain(surge);
        Ok(names
            .map(|name| (name.clone(), planning.node(&name)))
            .collect())
    }
}

impl Engine {
    /// Adds a group of nodes beside the cluster's pool. When it fails, the nodes that it made are removed. What an add
    /// left that came to no end is finished once that one's deadline has passed.
    pub async fn add_group(
        &self,
        cluster: ClusterId,
        group: &NodeGroupSpec,
        operation: &Operation,
    ) -> Result<SeenGroup, Failure> {
        let _changing = self.0.looks.changing(cluster);
        let target = answering(self.find_target(cluster, operation).await?)?;
        let work = match self.left_by_an_add(&target, &group.name).await? {
            Some(dead) => NodeWork::CarryOn(dead),
            None => NodeWork::Add,
        };
        Box::pin(self.bring_group_to(work, &target, group, operation)).await
    }

    /// The group as it is; `None` where nothing of it is there.
    pub async fn read_group(
        &self,
        cluster: ClusterId,
        name: &GroupName,
    ) -> Result<Option<SeenGroup>, EngineError> {
        match self.read(cluster).await? {
            Some(cluster) => self.group_in(&cluster, name),
            None => Ok(None),
        }
    }

    /// Changes a group of nodes, and repairs it: its number, labels and taints in place, image and size by making
    /// machines again at the group's own pace. Nodes that a failed change has added are removed; else it is never
    /// undone. Of a cluster that is stopped, labels and taints are remembered, and the nodes get them when the
    /// cluster is started.
    pub async fn update_group(
        &self,
        cluster: ClusterId,
        group: &NodeGroupSpec,
        operation: &Operation,
    ) -> Result<SeenGroup, Failure> {
        let _changing = self.0.looks.changing(cluster);
        let target = self.find_target(cluster, operation).await?;
        if self.cluster(target.observed.clone()).status() == ClusterStatus::Stopped {
            return self.put_group_off(&target, group, operation).await;
        }
        let target = answering(target)?;
        Box::pin(self.bring_group_to(NodeWork::Change, &target, group, operation)).await
    }

    /// Everything that can be known to be wrong with the group before a write: for a plan.
    pub async fn check_group(
        &self,
        cluster: ClusterId,
        group: &NodeGroupSpec,
    ) -> Result<Vec<Finding>, EngineError> {
        let target = self.seen_target(cluster).await?;
        let wanted = self.wanted(&target, group)?;
        self.ask_about_group(&wanted, &Bounds::for_look()).await
    }

    /// What is wrong with a group's name, in whatever cluster. Pure.
    pub fn check_group_name(name: &GroupName) -> Option<Finding> {
        name.is_of_pool().then(|| {
            Finding::error(
                Subject::Name,
                format!("{name} is what the nodes of a cluster's own pool are named after"),
                "Choose another name: nodes of the group would have the names of the pool's.",
            )
        })
    }

    /// The operation of an add of that group that came to no end; an error where the group is there.
    async fn left_by_an_add(
        &self,
        target: &Target,
        name: &GroupName,
    ) -> Result<Option<OperationId>, EngineError> {
        let is_left = async |operation| {
            let (cluster, kind) = (target.observed.id, OperationKind::AddNode);
            let journals = &self.0.journals;
            journals.is_abandoned(cluster, operation, kind).await
        };
        let exists = || EngineError::GroupExists {
            cluster: target.record.spec.name.clone(),
            group: name.clone(),
        };
        if let Some(remembered) = target.record.groups.get(name) {
            let operation = remembered.added_by;
            return if is_left(operation).await? {
                Ok(Some(operation))
            } else {
                Err(exists())
            };
        }
        let mut left = None;
        let machines = target.observed.machines.values();
        for machine in machines.filter(|machine| machine.spec.group.name() == Some(name)) {
            let owner = &machine.owner;
            if owner.deadline >= Timestamp::now() && !is_left(owner.operation).await? {
                return Err(exists());
            }
            left = Some(owner.operation);
        }
        Ok(left)
    }

    /// Makes the group as wanted, whatever of it is there.
    async fn bring_group_to(
        &self,
        work: NodeWork,
        target: &Target,
        group: &NodeGroupSpec,
        operation: &Operation,
    ) -> Result<SeenGroup, Failure> {
        let wanted = self.wanted(target, group)?;
        refuse(
            self.ask_about_group(&wanted, &Bounds::of(operation))
                .await?,
        )?;
        let plan = wanted.planning().plan().map_err(EngineError::from)?;
        let remembered = target.record.groups.get(&group.name);
        let is_as_remembered = remembered.is_some_and(|remembered| remembered.spec == *group);
        // One that carries on remembers that it did: from then on somebody has the group.
        let carries_on = matches!(work, NodeWork::CarryOn(_));
        if plan.is_empty() && is_as_remembered && !carries_on {
            return Ok(self.present(&self.cluster(target.observed.clone()), &group.name)?);
        }
        let added_by = match remembered {
            Some(remembered) if !carries_on => remembered.added_by,
            _ => operation.id,
        };
        let nodes = wanted.nodes(&plan).map_err(EngineError::from)?;
        let (spec, needs) = (wanted.spec.clone(), &wanted.needs);
        let party = Party::of_plan(spec, needs, &target.observed, &nodes, &plan).remembering(
            Remembered::Group(GroupRecord {
                spec: group.clone(),
                added_by,
            }),
        );
        let cluster = self.work_on(work, target, party, operation).await?;
        Ok(self.present(&cluster, &group.name)?)
    }

    async fn put_group_off(
        &self,
        target: &Target,
        group: &NodeGroupSpec,
        operation: &Operation,
    ) -> Result<SeenGroup, Failure> {
        let wanted = self.wanted(target, group)?;
        let planning = wanted.planning();
        let make = planning.machines_to_make().map_err(EngineError::from)?;
        if let Some(node) = make.first() {
            let what = format!("the machine of {} has to be made", node.name);
            return Err(start_first(target, &what));
        }
        let surplus = planning.surplus().map_err(EngineError::from)?;
        if let Some(node) = surplus.first() {
            return Err(start_first(target, &format!("{node} has to be drained")));
        }
        let remembered = target.record.groups.get(&group.name);
        let settings = group.settings();
        let has_them = remembered.is_some_and(|was| was.spec.settings() == settings);
        let mut later = Later::default();
        if !has_them {
            let nodes = planning.staying().map_err(EngineError::from)?.into_iter();
            later.settings = nodes.map(|name| (name, settings.clone())).collect();
        }
        let added_by = remembered.map_or(operation.id, |remembered| remembered.added_by);
        let spec = group.clone();
        later.remembered = Some(Remembered::Group(GroupRecord { spec, added_by }));
        self.put_off(target, later, operation).await?;
        let seen = self.last_look(target.observed.id).await?;
        let seen = seen.ok_or(EngineError::NoCluster(target.observed.id))?;
        Ok(self.present(&self.cluster(seen), &group.name)?)
    }

    fn wanted<'a>(
        &self,
        target: &'a Target,
        group: &'a NodeGroupSpec,
    ) -> Result<Wanted<'a>, EngineError> {
        let of_cluster = &target.record.spec;
        let spec = ClusterSpec {
            pace: group.pace,
            drain: group.drain,
            ..cluster_as_of(of_cluster, group.image.as_ref(), group.flavor.as_ref())
        };
        let needs = self.needs(&spec)?;
        Ok(Wanted {
            group,
            spec,
            needs,
            target,
        })
    }

    async fn ask_about_group(
        &self,
        wanted: &Wanted<'_>,
        bounds: &Bounds,
    ) -> Result<Vec<Finding>, EngineError> {
        let group = wanted.group;
        if let Some(finding) = Self::check_group_name(&group.name) {
            return Ok(vec![finding]);
        }
        let last = wanted.spec.name.group_node(&group.name, group.count.max(1));
        if let Err(too_long) = last {
            return Ok(vec![Finding::error(
                Subject::Name,
                format!("{} is too long: {too_long}", group.name),
                "Nodes are named after the cluster and the group. Shorten the group's name.",
            )]);
        }
        let driver = self.driver(wanted.spec.coe)?;
        let mut findings = driver.check_node(&group.labels, &group.taints);
        let make = wanted.planning().machines_to_make()?;
        if let Some(node) = make.first() {
            let observed = &wanted.target.observed;
            let newer = newer_than_control_planes(&node.image, &wanted.needs, observed);
            findings.extend(newer);
            let spec = ClusterSpec {
                control_plane_flavor: None,
                ports: Vec::new(),
                ..wanted.spec.clone()
            };
            let question = || self.0.platform.check(&spec, &make, Some(observed));
            findings.extend(self.ask(bounds, question).await?);
        }
        Ok(findings)
    }

    fn present(&self, cluster: &Cluster, name: &GroupName) -> Result<SeenGroup, EngineError> {
        self.group_in(cluster, name)?
            .ok_or_else(|| EngineError::NoGroup {
                cluster: cluster.observed.owner.cluster_name.clone(),
                group: name.clone(),
            })
    }

    /// The group in a cluster that was seen; `None` where nothing of it is there.
    pub fn group_in(
        &self,
        cluster: &Cluster,
        name: &GroupName,
    ) -> Result<Option<SeenGroup>, EngineError> {
        let remembered = cluster.record().and_then(|record| record.groups.get(name));
        let mut nodes = cluster.nodes();
        nodes.retain(|_, node| node.group == NodeGroup::Named(name.clone()));
        if remembered.is_none() && nodes.is_empty() {
            return Ok(None);
        }
        let spec = remembered.map(|remembered| remembered.spec.clone());
        let status = match (&spec, cluster.record()) {
            (Some(spec), Some(record)) => {
                let target = Target {
                    observed: cluster.observed.clone(),
                    record: record.clone(),
                };
                status_of(cluster, &nodes, &self.wanted(&target, spec)?)?
            }
            _ => GroupStatus::Alert,
        };
        Ok(Some(SeenGroup {
            spec,
            nodes,
            status,
        }))
    }
}

/// How the group does, of which these nodes are there or should be.
fn status_of(
    cluster: &Cluster,
    nodes: &BTreeMap<NodeName, Node>,
    wanted: &Wanted<'_>,
) -> Result<GroupStatus, EngineError> {
    if cluster.status() == ClusterStatus::Stopped {
        let sleeps = |node: &Node| node.status == NodeStatus::Stopped;
        let all_sleep = nodes.values().all(sleeps);
        return Ok(if all_sleep {
            GroupStatus::Stopped
        } else {
            GroupStatus::Alert
        });
    }
    if cluster.observed.members.is_none() {
        return Ok(GroupStatus::Unknown);
    }
    Ok(if wanted.planning().plan()?.is_empty() {
        GroupStatus::Running
    } else {
        GroupStatus::Alert
    })
}
