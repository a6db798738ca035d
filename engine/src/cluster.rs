//! A cluster that is there, as callers see it: its nodes, how it does, where it is reached.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::coe::Coe;
use crate::model::{
    ClusterId, ClusterRecord, ClusterSpec, ClusterStatus, DesiredState, Flavor, Health, ImageName,
    Machine, MachineState, Member, MemberState, NodeGroup, NodeGroupSpec, NodeName,
    ObservedCluster, Phase, Role, Taint,
};
use crate::plan::{Counted, group_of, pool, pool_role};

/// How a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeStatus {
    /// A member that takes work.
    Ready,
    /// A member that takes no new work.
    Drained,
    /// It does not answer its cluster, or its machine does not run and should.
    Down,
    /// Its machine does not run, as is wanted of its whole cluster.
    Stopped,
    /// Its machine is gone.
    Missing,
    /// Its machine runs, and the cluster does not know it.
    NotMember,
    /// Its machine runs, and the cluster could not be asked.
    Unknown,
}

impl fmt::Display for NodeStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// A node that is there, or should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// The platform's id of its machine.
    pub id: Option<String>,
    /// What it does.
    pub role: Role,
    /// Who counts it.
    pub group: NodeGroup,
    /// Its address in the cluster's network.
    pub address: Option<IpAddr>,
    /// The version of the COE that it runs.
    pub version: Option<String>,
    /// How it does.
    pub status: NodeStatus,
    /// What its machine was made from.
    pub image: Option<ImageName>,
    /// The size of its machine.
    pub flavor: Option<Flavor>,
    /// The user's labels of it in the COE.
    pub labels: BTreeMap<String, String>,
    /// The user's taints of it in the COE.
    pub taints: BTreeSet<Taint>,
}

/// A cluster that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Everything that is known of it.
    pub observed: ObservedCluster,
    endpoint: Option<String>,
}

impl Cluster {
    /// The cluster, whose API is reached as its COE's driver says.
    pub(crate) fn new(observed: ObservedCluster, coe: Option<&dyn Coe>) -> Self {
        let endpoint = coe.and_then(|coe| endpoint(&observed, coe));
        Self { observed, endpoint }
    }

    /// Its id.
    pub fn id(&self) -> ClusterId {
        self.observed.id
    }

    /// What its platform remembers of it; `None` while it is being made.
    pub fn record(&self) -> Option<&ClusterRecord> {
        self.observed.record.as_ref()
    }

    /// The cluster as it was last asked for.
    pub fn spec(&self) -> Option<&ClusterSpec> {
        self.record().map(|record| &record.spec)
    }

    /// The certificate of its CA, PEM.
    pub fn ca_certificate(&self) -> Option<&str> {
        self.observed.ca_certificate.as_deref()
    }

    /// Where it is in its life.
    pub fn status(&self) -> ClusterStatus {
        let Some(record) = self.record() else {
            return if self.observed.has_lost_its_record() {
                ClusterStatus::Alert
            } else {
                ClusterStatus::Starting
            };
        };
        match record.phase {
            Phase::Making => return ClusterStatus::Starting,
            Phase::Failed => return ClusterStatus::Error,
            Phase::Going => return ClusterStatus::Destroying,
            Phase::There => {}
        }
        let as_wanted = match record.spec.desired_state {
            DesiredState::Running => self.health() == Health::Healthy,
            DesiredState::Stopped => self.is_stopped(),
        };
        match (as_wanted, record.spec.desired_state) {
            (false, _) => ClusterStatus::Alert,
            (true, DesiredState::Running) => ClusterStatus::Running,
            (true, DesiredState::Stopped) => ClusterStatus::Stopped,
        }
    }

    /// How well it does.
    pub fn health(&self) -> Health {
        if self.is_stopped() {
            return Health::Unknown;
        }
        let was_cut_off =
            |record: &ClusterRecord| record.phase == Phase::There && !record.initialized;
        if self.record().is_some_and(was_cut_off) {
            return Health::Unhealthy;
        }
        if self.observed.members.is_none() {
            return if self.observed.refuses || !self.may_have_a_majority() {
                Health::Unhealthy
            } else {
                Health::Unknown
            };
        }
        if !self.is_balanced() {
            return Health::Degraded;
        }
        let every_node_serves = self.nodes().values().all(|node| match node.status {
            NodeStatus::Ready => true,
            NodeStatus::Drained => node.group != NodeGroup::Pool,
            _ => self.is_of_others(&node.name),
        });
        if every_node_serves {
            Health::Healthy
        } else {
            Health::Degraded
        }
    }

    /// Whether what leads to its control planes runs, where it has something that does.
    fn is_balanced(&self) -> bool {
        let had_one = self
            .record()
            .is_some_and(|record| record.balancer_port.is_some());
        match &self.observed.balancer {
            Some(balancer) => balancer.state == MachineState::Running,
            None => !had_one,
        }
    }

    /// Whether others have joined the node: the cluster knows it, and nothing of it was ever made here.
    fn is_of_others(&self, name: &NodeName) -> bool {
        let observed = &self.observed;
        let is_remembered = |record: &ClusterRecord| {
            record.addresses.contains_key(name)
                || record.departed.contains(name)
                || pool_role(&record.spec.name, name).is_some()
                || group_of(record, name).is_some()
        };
        !observed.machines.contains_key(name)
            && !observed.volumes.contains_key(name)
            && !self.record().is_some_and(is_remembered)
    }

    /// Whether so many control planes have a machine that runs that they could agree.
    fn may_have_a_majority(&self) -> bool {
        let nodes = self.nodes();
        let control_planes = nodes
            .values()
            .filter(|node| node.role == Role::ControlPlane);
        let (running, others): (Vec<_>, Vec<_>) = control_planes.partition(|node| {
            let machine = self.observed.machines.get(&node.name);
            machine.is_some_and(|machine| machine.state == MachineState::Running)
        });
        running.len() > others.len()
    }

    /// Whether it has machines and all of them are stopped.
    pub fn is_stopped(&self) -> bool {
        let mut machines = self.observed.machines.values().peekable();
        machines.peek().is_some() && machines.all(|machine| machine.state == MachineState::Stopped)
    }

    /// The newest version of the COE that a node of it runs.
    pub fn coe_version(&self) -> Option<&str> {
        let members = self.observed.members.as_ref()?;
        members
            .values()
            .map(|member| member.version.as_str())
            .filter(|version| !version.is_empty())
            .max_by_key(|version| crate::plan::version::numbers(version))
    }

    /// Where its API is reached: the same through changes, restarts and repairs of its nodes.
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// Its nodes by name: those that are there, and those of its pool that should be.
    pub fn nodes(&self) -> BTreeMap<NodeName, Node> {
        self.node_names()
            .into_iter()
            .map(|name| {
                let node = self.node_named(&name);
                (name, node)
            })
            .collect()
    }

    /// One of its nodes.
    pub fn node(&self, name: &NodeName) -> Option<Node> {
        self.node_names()
            .contains(name)
            .then(|| self.node_named(name))
    }

    fn node_names(&self) -> BTreeSet<NodeName> {
        let observed = &self.observed;
        let mut names: BTreeSet<NodeName> = observed.machines.keys().cloned().collect();
        names.extend(observed.volumes.keys().cloned());
        names.extend(observed.members.iter().flat_map(BTreeMap::keys).cloned());
        if let Some(spec) = self.spec() {
            for (role, wanted) in [
                (Role::ControlPlane, spec.control_planes.get()),
                (Role::Worker, spec.workers),
            ] {
                names.extend(pool(observed, spec, role, wanted).unwrap_or_default());
            }
        }
        for group in self
            .record()
            .iter()
            .flat_map(|record| record.groups.values())
        {
            names.extend(self.names_of(&group.spec));
        }
        names
    }

    /// The nodes of a group that should be there.
    fn names_of(&self, group: &NodeGroupSpec) -> Vec<NodeName> {
        let cluster = &self.observed.owner.cluster_name;
        Counted::Group(&group.name)
            .wanted(&self.observed, cluster, group.count)
            .unwrap_or_default()
    }

    fn node_named(&self, name: &NodeName) -> Node {
        let machine = self.observed.machines.get(name);
        let member = self
            .observed
            .members
            .as_ref()
            .and_then(|members| members.get(name));
        let pool_role = self.spec().and_then(|spec| pool_role(&spec.name, name));
        let named = || self.record().and_then(|record| group_of(record, name));
        let group = match machine {
            Some(machine) => machine.spec.group.clone(),
            None if pool_role.is_some() => NodeGroup::Pool,
            None => named().map_or(NodeGroup::Beside, |group| NodeGroup::Named(group.clone())),
        };
        let role = machine
            .map(|machine| machine.spec.role)
            .or(pool_role)
            .or(member.map(|member| member.role))
            .unwrap_or(Role::Worker);
        let remembered = self
            .record()
            .and_then(|record| record.addresses.get(name))
            .copied();
        Node {
            name: name.clone(),
            id: machine.map(|machine| machine.id.clone()),
            role,
            group,
            address: machine.map(|machine| machine.address).or(remembered),
            version: member.map(|member| member.version.clone()),
            status: match member {
                Some(member) if self.is_of_others(name) => member_status(member.state),
                _ => self.node_status(machine, member),
            },
            image: machine.map(|machine| machine.spec.image.clone()),
            flavor: machine.and_then(|machine| machine.spec.flavor.clone()),
            labels: member
                .map(|member| member.labels.clone())
                .or_else(|| machine.map(|machine| machine.spec.labels.clone()))
                .unwrap_or_default(),
            taints: member
                .map(|member| member.taints.clone())
                .unwrap_or_default(),
        }
    }

    fn should_sleep(&self) -> bool {
        self.spec()
            .is_some_and(|spec| spec.desired_state == DesiredState::Stopped)
    }

    fn node_status(&self, machine: Option<&Machine>, member: Option<&Member>) -> NodeStatus {
        match machine.map(|machine| machine.state) {
            None | Some(MachineState::Created) => return NodeStatus::Missing,
            Some(MachineState::Stopped) if self.should_sleep() => return NodeStatus::Stopped,
            Some(MachineState::Stopped | MachineState::Failed) => return NodeStatus::Down,
            Some(MachineState::Running) => {}
        }
        match (member, &self.observed.members) {
            (Some(member), _) => member_status(member.state),
            (None, Some(_)) => NodeStatus::NotMember,
            (None, None) => NodeStatus::Unknown,
        }
    }
}

fn member_status(state: MemberState) -> NodeStatus {
    match state {
        MemberState::Ready => NodeStatus::Ready,
        MemberState::Drained => NodeStatus::Drained,
        MemberState::Down => NodeStatus::Down,
    }
}

/// Where the balancer is reached, or the API of the first control plane. While it is gone, where the next one
/// will be reached.
fn endpoint(observed: &ObservedCluster, coe: &dyn Coe) -> Option<String> {
    let record = observed.record.as_ref()?;
    let port = coe.api_port();
    let balancer = observed
        .balancer
        .as_ref()
        .map(|balancer| balancer.published);
    let balancer = balancer.or_else(|| {
        let port = record.balancer_port?;
        Some((IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    });
    let first = pool(observed, &record.spec, Role::ControlPlane, 1)
        .ok()?
        .pop()?;
    let machine = observed.machines.get(&first);
    let published = machine
        .and_then(|machine| machine.published.get(&port))
        .copied();
    let published = published.or_else(|| {
        let port = record.api_ports.get(&first)?;
        Some((IpAddr::V4(Ipv4Addr::LOCALHOST), *port))
    });
    let address = machine
        .map(|machine| machine.address)
        .or_else(|| record.addresses.get(&first).copied())
        .map(|address| (address, port));
    let (host, port) = balancer.or(published).or(address)?;
    let host = match host {
        // What listens everywhere is reached at home.
        IpAddr::V4(every) if every.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(every) if every.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        host => host,
    };
    Some(format!(
        "{}://{}",
        coe.endpoint_scheme(),
        SocketAddr::new(host, port)
    ))
}
