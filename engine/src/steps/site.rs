//! Where steps work: the platform, the COE driver, and what the steps before have made.

mod remember;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use jiff::Timestamp;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::coe::{ClusterSecrets, Coe, JoinTicket, NodeAccess};
use crate::model::{
    Balancer, ClusterId, ClusterSpec, GroupName, GroupRecord, ImageName, Machine, MachineState,
    MemberState, Network, NetworkSpec, NodeGroup, NodeName, NodeSettings, NodeSpec,
    ObservedCluster, Owner, PortMapping, Role,
};
use crate::plan::{PlanError, free_address, keep_host_ports, pool, pool_role};
use crate::platform::{Balances, Platform};
use crate::saga::StepError;
use crate::transport::Exec;

/// Addresses that operations of this process have given to nodes. Two operations that look at a network
/// before either has made its machine would else give the same address.
#[derive(Default)]
pub struct GivenAddresses(Mutex<BTreeMap<Holder, IpAddr>>);

/// A node that has an address in a network.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Holder {
    /// The platform's id of the network, which several clusters may share.
    network: String,
    cluster: ClusterId,
    node: NodeName,
}

impl GivenAddresses {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Holder, IpAddr>> {
        // Nothing panics while it holds the lock, and what it guards is whole at every moment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the addresses back from the nodes of a cluster that is gone.
    pub fn take_back(&self, cluster: ClusterId) {
        self.lock().retain(|holder, _| holder.cluster != cluster);
    }
}

/// What is known of a cluster while an operation works on it.
#[derive(Default)]
struct Known {
    network: Option<Network>,
    machines: BTreeMap<NodeName, Machine>,
    /// Nodes of which volumes are there.
    volumes: BTreeSet<NodeName>,
    /// Control planes that can be asked.
    serving: BTreeSet<NodeName>,
    addresses: BTreeMap<NodeName, IpAddr>,
    api_ports: BTreeMap<NodeName, u16>,
    balancer: Option<Balancer>,
    balancer_port: Option<u16>,
    subnet: Option<IpNet>,
    image_ids: BTreeMap<ImageName, String>,
    preloaded: BTreeMap<String, String>,
    /// The labels that the COE has; `None`: those of the spec.
    coe_labels: Option<BTreeMap<String, String>>,
    /// What nodes beside the pool have still to be given.
    put_off: BTreeMap<NodeName, NodeSettings>,
    /// Nodes that were removed, and of which the COE could not be told.
    departed: BTreeSet<NodeName>,
    /// The groups of nodes beside the pool, as they are remembered.
    groups: BTreeMap<GroupName, GroupRecord>,
    initialized: bool,
    /// Whether nobody could be asked who is a member.
    members_untold: bool,
    /// Control planes that may not have given up their vote.
    voting: BTreeSet<NodeName>,
}

impl Known {
    fn is_control_plane(&self, spec: &ClusterSpec, node: &NodeName) -> bool {
        self.machines.get(node).map_or_else(
            || pool_role(&spec.name, node) == Some(Role::ControlPlane),
            |machine| machine.spec.role == Role::ControlPlane,
        )
    }

    /// The control planes that can be asked, those of the pool first: another operation may be about to remove
    /// one beside it.
    fn running_control_planes(&self) -> Vec<&Machine> {
        let mut running: Vec<&Machine> = self
            .serving
            .iter()
            .filter_map(|name| self.machines.get(name))
            .filter(|machine| machine.state == MachineState::Running)
            .collect();
        running.sort_by_key(|machine| machine.spec.group != NodeGroup::Pool);
        running
    }
}

/// Whether the operation makes the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It does: when it fails, nothing of the cluster has to be spared.
    MadeHere,
    /// The cluster was there before.
    ThereBefore,
}

/// A node's machine and the channel to it.
pub(super) struct Reached {
    machine: Machine,
    exec: Arc<dyn Exec>,
}

impl Reached {
    /// The node as its COE works on it.
    pub(super) fn access(&self) -> NodeAccess<'_> {
        NodeAccess {
            role: self.machine.spec.role,
            address: self.machine.address,
            exec: self.exec.as_ref(),
        }
    }
}

/// Where steps work.
pub struct Site {
    /// What makes machines.
    pub platform: Arc<dyn Platform>,
    /// What makes a cluster of them.
    pub coe: Arc<dyn Coe>,
    /// The owner of what is made.
    pub owner: Owner,
    /// The cluster as it is wanted.
    pub spec: ClusterSpec,
    /// Whether the operation makes the cluster.
    pub origin: Origin,
    created_at: Timestamp,
    /// Nodes in the order in which they get addresses.
    expected: Vec<NodeName>,
    given: Arc<GivenAddresses>,
    known: Mutex<Known>,
    secrets: OnceCell<ClusterSecrets>,
    control_plane_ticket: OnceCell<JoinTicket>,
    worker_ticket: OnceCell<JoinTicket>,
    /// Cancelled when there will be no cluster to be a node of.
    failed: CancellationToken,
    /// Held while a control plane joins, where one at a time may.
    joining: tokio::sync::Mutex<()>,
}

impl Site {
    /// The site of a cluster that is about to be made. `expected` nodes get addresses in that order.
    pub fn new_cluster(
        platform: Arc<dyn Platform>,
        coe: Arc<dyn Coe>,
        owner: Owner,
        spec: ClusterSpec,
        expected: Vec<NodeName>,
        given: Arc<GivenAddresses>,
    ) -> Self {
        Self {
            platform,
            coe,
            owner,
            spec,
            origin: Origin::MadeHere,
            created_at: Timestamp::now(),
            expected,
            given,
            known: Mutex::default(),
            secrets: OnceCell::new(),
            control_plane_ticket: OnceCell::new(),
            worker_ticket: OnceCell::new(),
            failed: CancellationToken::new(),
            joining: tokio::sync::Mutex::default(),
        }
    }

    /// The site of a cluster that is there.
    pub fn of(
        platform: Arc<dyn Platform>,
        coe: Arc<dyn Coe>,
        owner: Owner,
        spec: ClusterSpec,
        observed: &ObservedCluster,
        given: Arc<GivenAddresses>,
    ) -> Self {
        let mut site = Self::new_cluster(platform, coe, owner, spec, Vec::new(), given);
        site.origin = Origin::ThereBefore;
        if let Some(record) = &observed.record {
            site.created_at = record.created_at;
        }
        site.learn(observed);
        site
    }

    /// The same site, whose nodes get addresses in that order.
    #[must_use]
    pub fn expecting(mut self, expected: Vec<NodeName>) -> Self {
        self.expected = expected;
        self
    }

    fn learn(&self, observed: &ObservedCluster) {
        let api_port = self.coe.api_port();
        let mut known = self.known();
        known.network.clone_from(&observed.network);
        known.machines.clone_from(&observed.machines);
        known.volumes = observed.volumes.keys().cloned().collect();
        if let Some(record) = &observed.record {
            let is_there = |name: &NodeName| is_there(observed, &self.spec, name);
            known.addresses.clone_from(&record.addresses);
            known.addresses.retain(|name, _| is_there(name));
            known.api_ports.clone_from(&record.api_ports);
            known.api_ports.retain(|name, _| is_there(name));
            known.balancer_port = record.balancer_port;
            known.subnet = record.subnet;
            known.preloaded.clone_from(&record.preloaded);
            known.coe_labels = Some(record.coe_labels().clone());
            known.put_off.clone_from(&record.put_off);
            known.departed.clone_from(&record.departed);
            if let Some(members) = &observed.members {
                known.departed.retain(|name| members.contains_key(name));
            }
            known.groups.clone_from(&record.groups);
            known.initialized = record.initialized;
        }
        if let Some(balancer) = &observed.balancer {
            known.balancer_port = Some(balancer.published.1);
            known.balancer = Some(balancer.clone());
        }
        known.members_untold = known.initialized && observed.members.is_none();
        for (name, machine) in &observed.machines {
            known.addresses.insert(name.clone(), machine.address);
            if let Some(port) = host_port(machine, api_port) {
                known.api_ports.insert(name.clone(), port);
            }
        }
        let serves = |machine: &&Machine| match &observed.members {
            Some(members) => members.get(&machine.spec.name).is_some_and(|member| {
                member.role == Role::ControlPlane && member.state != MemberState::Down
            }),
            None => known.initialized,
        };
        known.serving = observed
            .machines
            .values()
            .filter(|machine| machine.spec.role == Role::ControlPlane)
            .filter(serves)
            .map(|machine| machine.spec.name.clone())
            .collect();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing panics while it holds the lock, and what it guards is whole at every moment.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cluster's network.
    pub fn network(&self) -> Result<Network, StepError> {
        self.known()
            .network
            .clone()
            .ok_or_else(|| StepError::Missing(format!("the network of {}", self.spec.name)))
    }

    /// The network that the cluster should have: one that is made again has the subnet that it had.
    pub(super) fn wanted_network(&self) -> NetworkSpec {
        match (&self.spec.network, self.known().subnet) {
            (NetworkSpec::Isolated, Some(subnet)) => NetworkSpec::Subnet(subnet),
            (wanted, _) => wanted.clone(),
        }
    }

    pub(super) fn has_network(&self, network: Network) {
        self.known().network = Some(network);
    }

    /// What puts balancers before control planes.
    pub(super) fn balances(&self) -> Result<&dyn Balances, StepError> {
        let missing = || StepError::Missing(format!("a balancer on {}", self.platform.name()));
        self.platform.balances().ok_or_else(missing)
    }

    /// The port of the platform's host that leads to the balancer, or led to the one before.
    pub(super) fn balancer_port(&self) -> Option<u16> {
        self.known().balancer_port
    }

    pub(super) fn has_balancer(&self, balancer: Balancer) {
        let mut known = self.known();
        known.balancer_port = Some(balancer.published.1);
        known.balancer = Some(balancer);
    }

    pub(super) fn has_no_balancer(&self) {
        self.known().balancer = None;
    }

    /// A machine of the cluster.
    pub fn machine(&self, node: &NodeName) -> Result<Machine, StepError> {
        self.find_machine(node)
            .ok_or_else(|| StepError::Missing(format!("the machine of {node}")))
    }

    pub(super) fn find_machine(&self, node: &NodeName) -> Option<Machine> {
        self.known().machines.get(node).cloned()
    }

    pub(super) fn has_machine(&self, machine: Machine) {
        let mut known = self.known();
        let name = machine.spec.name.clone();
        known.addresses.insert(name.clone(), machine.address);
        if let Some(port) = host_port(&machine, self.coe.api_port()) {
            known.api_ports.insert(name.clone(), port);
        }
        known.machines.insert(name, machine);
    }

    pub(super) fn machine_is(&self, node: &NodeName, state: MachineState) {
        if let Some(machine) = self.known().machines.get_mut(node) {
            machine.state = state;
        }
    }

    /// The machine is gone; its volumes, address and port are not forgotten.
    pub(super) fn machine_is_gone(&self, node: &NodeName) {
        self.known().machines.remove(node);
    }

    /// The node is gone with everything.
    pub(super) fn node_is_gone(&self, node: &NodeName) {
        let mut known = self.known();
        known.machines.remove(node);
        known.volumes.remove(node);
        known.serving.remove(node);
        known.addresses.remove(node);
        known.api_ports.remove(node);
        drop(known);
        self.given
            .lock()
            .retain(|holder, _| (holder.cluster, &holder.node) != (self.owner.cluster, node));
    }

    /// Whether a node that is about to join may be a member already, of which nothing is there any more.
    pub(super) fn may_be_dead_member(&self) -> bool {
        self.known().members_untold
    }

    /// Whether the node has volumes from before.
    pub fn has_volumes(&self, node: &NodeName) -> bool {
        self.known().volumes.contains(node)
    }

    pub(super) fn serves(&self, node: &NodeName) {
        let mut known = self.known();
        known.initialized = true;
        known.serving.insert(node.clone());
    }

    /// The cluster could not be made on its first control plane.
    pub(super) fn has_no_cluster(&self) {
        self.failed.cancel();
    }

    /// Waits until that is so.
    pub(super) async fn cluster_failed(&self) {
        self.failed.cancelled().await;
    }

    /// How many nodes come before that one, in the order in which they get addresses.
    pub(super) fn ordinal(&self, node: &NodeName) -> u32 {
        let before = self
            .expected
            .iter()
            .take_while(|expected| *expected != node);
        u32::try_from(before.count()).unwrap_or(u32::MAX)
    }

    /// The node has the labels that were asked for last.
    pub(super) fn is_labelled(&self, node: &NodeName) {
        self.known().put_off.remove(node);
    }

    /// The COE was told that the node is gone.
    pub(super) fn is_forgotten(&self, node: &NodeName) {
        self.known().departed.remove(node);
    }

    /// The COE has the labels of the spec.
    pub(super) fn is_configured(&self) {
        self.known().coe_labels = None;
    }

    /// A control plane came back with its volumes. It is asked where there is nobody else to ask: one that
    /// was taken out of the cluster meanwhile would know nothing.
    pub(super) fn came_back(&self, node: &NodeName) {
        let mut known = self.known();
        let nobody_runs = !known
            .serving
            .iter()
            .filter_map(|name| known.machines.get(name))
            .any(|machine| machine.state == MachineState::Running);
        if known.initialized && nobody_runs {
            known.serving.insert(node.clone());
        }
    }

    /// Whether a control plane other than `node` can be asked.
    pub(super) fn has_other_control_plane(&self, node: &NodeName) -> bool {
        let known = self.known();
        known
            .serving
            .iter()
            .filter(|name| *name != node)
            .filter_map(|name| known.machines.get(name))
            .any(|machine| machine.state == MachineState::Running)
    }

    pub(super) fn no_longer_serves(&self, node: &NodeName) {
        self.known().serving.remove(node);
    }

    /// A control plane that is to leave, and has not yet.
    pub(super) fn may_vote(&self, node: &NodeName) {
        self.known().voting.insert(node.clone());
    }

    /// It has left.
    pub(super) fn votes_no_more(&self, node: &NodeName) {
        self.known().voting.remove(node);
    }

    /// Whether its vote would go with its machine.
    pub(super) fn is_voting(&self, node: &NodeName) -> bool {
        self.known().voting.contains(node)
    }

    pub(super) fn has_image(&self, image: &ImageName, id: String) {
        self.known().image_ids.insert(image.clone(), id);
    }

    /// The node's machine, and the channel to it.
    pub(super) fn reach(&self, node: &NodeName) -> Result<Reached, StepError> {
        let machine = self.machine(node)?;
        let exec = self.platform.exec(&machine);
        Ok(Reached { machine, exec })
    }

    /// The channel to a node.
    pub fn exec(&self, node: &NodeName) -> Result<Arc<dyn Exec>, StepError> {
        Ok(self.platform.exec(&self.machine(node)?))
    }

    /// The channel to a control plane that can be asked; `about` itself only if there is no other.
    pub fn control_plane(&self, about: &NodeName) -> Result<Arc<dyn Exec>, StepError> {
        let known = self.known();
        let running = known.running_control_planes();
        let other = running.iter().find(|machine| machine.spec.name != *about);
        other
            .or(running.first())
            .map(|machine| self.platform.exec(machine))
            .ok_or(StepError::NoControlPlane)
    }

    /// The channel to any control plane that can be asked.
    pub fn any_control_plane(&self) -> Result<Arc<dyn Exec>, StepError> {
        let known = self.known();
        let running = known.running_control_planes();
        running
            .first()
            .map(|machine| self.platform.exec(machine))
            .ok_or(StepError::NoControlPlane)
    }

    /// The platform has given the node a machine with an address of its own.
    pub(super) fn is_placed(&self, node: &NodeName, address: IpAddr) -> IpAddr {
        self.known().addresses.insert(node.clone(), address);
        address
    }

    /// The address that the node has, had, or gets.
    pub(super) fn address(&self, node: &NodeName) -> Result<IpAddr, StepError> {
        let network = self.network()?;
        let mut given = self.given.lock();
        let mut known = self.known();
        let in_order = self
            .expected
            .iter()
            .take_while(|expected| *expected != node);
        for name in in_order.chain([node]) {
            if known.addresses.contains_key(name) {
                continue;
            }
            let holder = Holder {
                network: network.id.clone(),
                cluster: self.owner.cluster,
                node: name.clone(),
            };
            let address = if let Some(&address) = given.get(&holder) {
                address
            } else {
                let mut taken: BTreeSet<IpAddr> = network.taken.iter().copied().collect();
                taken.extend(known.addresses.values());
                let in_network = given.iter().filter(|(of, _)| of.network == network.id);
                taken.extend(in_network.map(|(_, address)| *address));
                free_address(network.subnet, &taken).ok_or_else(|| PlanError::SubnetFull {
                    subnet: network.subnet.to_string(),
                    node: name.clone(),
                })?
            };
            given.insert(holder, address);
            known.addresses.insert(name.clone(), address);
        }
        known
            .addresses
            .get(node)
            .copied()
            .ok_or_else(|| StepError::Missing(format!("the address of {node}")))
    }

    /// Whether the node is, or is to become, a control plane.
    pub(super) fn is_control_plane(&self, node: &NodeName) -> bool {
        self.known().is_control_plane(&self.spec, node)
    }

    /// The addresses of the cluster's control planes as far as they have one, the pool's first, but for one that
    /// has left.
    pub(super) fn control_plane_addresses(&self, left: Option<&NodeName>) -> Vec<IpAddr> {
        let known = self.known();
        let mut control_planes: Vec<_> = known
            .addresses
            .iter()
            .filter(|(name, _)| Some(*name) != left && known.is_control_plane(&self.spec, name))
            .collect();
        control_planes.sort_by_key(|(name, _)| pool_role(&self.spec.name, name).is_none());
        control_planes
            .into_iter()
            .map(|(_, address)| *address)
            .collect()
    }

    /// Waits until no other control plane joins, where one at a time may, and keeps others from it.
    pub(super) async fn turn_to_join(&self, role: Role) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if role == Role::ControlPlane && self.coe.joins_one_control_plane_at_a_time() {
            Some(self.joining.lock().await)
        } else {
            None
        }
    }

    /// The channels to all machines that run.
    pub(super) fn running_machines(&self) -> Vec<Arc<dyn Exec>> {
        let running = self.running_nodes().into_iter();
        running.map(|reached| reached.exec).collect()
    }

    /// All machines that run, with their channels.
    pub(super) fn running_nodes(&self) -> Vec<Reached> {
        let known = self.known();
        let machines = known.machines.values();
        machines
            .filter(|machine| machine.state == MachineState::Running)
            .map(|machine| Reached {
                machine: machine.clone(),
                exec: self.platform.exec(machine),
            })
            .collect()
    }

    /// The machine's spec with the host ports that the node had before.
    pub(super) fn with_kept_ports(&self, mut spec: NodeSpec) -> NodeSpec {
        let known = self.known();
        if let Some(machine) = known.machines.get(&spec.name) {
            keep_host_ports(&mut spec.ports, &machine.spec.ports);
        }
        let api_port = self.coe.api_port();
        let kept = known.api_ports.get(&spec.name).copied();
        let is_api = |port: &&mut PortMapping| port.node_port == api_port;
        for port in spec.ports.iter_mut().filter(is_api) {
            port.host_port = port.host_port.or(kept);
        }
        spec
    }

    /// The secrets for a control plane's machine; `None` where its volumes keep them and nobody else
    /// can be asked.
    pub(super) async fn secrets_for(
        &self,
        node: &NodeName,
    ) -> Result<Option<&ClusterSecrets>, StepError> {
        let secrets = self
            .secrets
            .get_or_try_init(async || {
                let initialized = self.known().initialized;
                if self.origin == Origin::MadeHere {
                    return Ok(self.coe.new_secrets(&self.spec)?);
                }
                let asked = match self.control_plane(node) {
                    Err(_) if !initialized => return Ok(self.coe.new_secrets(&self.spec)?),
                    asked => asked?,
                };
                Ok::<_, StepError>(self.coe.read_secrets(asked.as_ref()).await?)
            })
            .await;
        match secrets {
            Ok(secrets) => Ok(Some(secrets)),
            Err(_) if self.has_volumes(node) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What lets a machine of that role join; asked once for all.
    pub(super) async fn ticket(
        &self,
        role: Role,
        joining: &NodeName,
    ) -> Result<&JoinTicket, StepError> {
        let cell = match role {
            Role::ControlPlane => &self.control_plane_ticket,
            Role::Worker => &self.worker_ticket,
        };
        cell.get_or_try_init(async || {
            let asked = self.control_plane(joining)?;
            Ok(self.coe.join_ticket(asked.as_ref(), role).await?)
        })
        .await
    }
}

/// Whether the node is one of the cluster's, or has to be made again. A removal that was cut off after its
/// last step leaves a name of the pool in the record, and nothing else.
fn is_there(observed: &ObservedCluster, wanted: &ClusterSpec, name: &NodeName) -> bool {
    let Some(role) = pool_role(&wanted.name, name) else {
        return true;
    };
    let count = match role {
        Role::ControlPlane => wanted.control_planes.get(),
        Role::Worker => wanted.workers,
    };
    let mut members = observed.members.iter().flatten();
    observed.machines.contains_key(name)
        || observed.volumes.contains_key(name)
        || members.any(|(member, _)| member == name)
        || pool(observed, wanted, role, count).is_ok_and(|pool| pool.contains(name))
}

/// The port of the platform's host that leads to the machine's API.
fn host_port(machine: &Machine, api_port: u16) -> Option<u16> {
    if machine.spec.role != Role::ControlPlane {
        return None;
    }
    let published = machine.published.get(&api_port).map(|&(_, port)| port);
    published.or_else(|| {
        let mapping = machine
            .spec
            .ports
            .iter()
            .find(|port| port.node_port == api_port)?;
        mapping.host_port
    })
}
