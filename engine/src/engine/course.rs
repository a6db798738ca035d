//! Which steps carry out which changes, and what becomes of them when one fails.

mod lanes;

use std::collections::{BTreeMap, BTreeSet};

use crate::coe::Coe;
use crate::model::{
    ClusterSpec, ImageName, MachineState, MemberState, NodeName, NodeSettings, NodeSpec,
    ObservedCluster, Phase, PortMapping, Role,
};
use crate::plan::{Beside, Change, CoeNeeds, Fault, Plan, machine_image, pool, pool_node};
use crate::saga::{Lane, OnFailure, Saga, Stage};
use crate::steps::{
    ConfigureCoe, DeleteBalancer, DeleteMachine, DrainNode, EnsureBalancer, EnsureImage,
    EnsureMachine, EnsureNetwork, FoundNode, InitControlPlane, JoinNode, LoadImages, NodeOrigin,
    PutRecord, RemoveMember, RenewCertificates, StartMachine, StopMachine, UncordonNode,
    UpgradeNode, Volumes, WaitForReturn, WaitUntilReady,
};
pub(super) use lanes::COMEBACK;
use lanes::{Company, lane, load_images, make_again, mark_new, recreate, remove, repair, settle};

/// Steps that stand or fall together.
pub(super) struct Leg {
    pub(super) saga: Saga,
    pub(super) on_failure: OnFailure,
}

/// What every machine needs to be there before it: the network and its images.
pub(super) fn preparations(spec: &ClusterSpec, machine_images: &[ImageName]) -> Stage {
    let mut stage = vec![lane([Box::new(EnsureNetwork {
        cluster: spec.name.clone(),
    })])];
    stage.extend(fetch(machine_images));
    stage.extend(fetch(&spec.preload_images));
    stage
}

fn fetch(images: &[ImageName]) -> impl Iterator<Item = Lane> {
    let mut images = images.to_vec();
    images.sort();
    images.dedup();
    images
        .into_iter()
        .map(|image| lane([Box::new(EnsureImage { image })]))
}

/// A cluster that is made.
#[derive(Clone, Copy)]
pub(super) struct Founding<'a> {
    /// The control plane that it is made on.
    pub(super) first: &'a NodeName,
    /// What makes it.
    pub(super) coe: &'a dyn Coe,
    /// Whether machines that start at once hold one another up.
    pub(super) share_a_host: bool,
    /// What leads to its control planes is made from that image; `None`: nothing does.
    pub(super) balancer: Option<&'a ImageName>,
}

/// New nodes. The first of a cluster that is made is among them; where one host runs all machines, its machine is made
/// before the others', because all of them wait for the cluster that is made on it, and machines that start at the same
/// time hold it up. The others start while it becomes a cluster. Those that have to be let in join it then beside one
/// another.
pub(super) fn additions(
    saga: Saga,
    spec: &ClusterSpec,
    nodes: Vec<NodeSpec>,
    founding: Option<Founding<'_>>,
) -> Saga {
    add_with(saga, spec, nodes, founding, |_| None)
}

/// The same, of nodes that are given something before they take work.
fn add_with<'a>(
    saga: Saga,
    spec: &ClusterSpec,
    nodes: Vec<NodeSpec>,
    founding: Option<Founding<'_>>,
    settings: impl Fn(&NodeName) -> Option<&'a NodeSettings>,
) -> Saga {
    let names: Vec<_> = nodes.iter().map(|node| node.name.clone()).collect();
    let balancer = founding.and_then(|founding| {
        let control_planes = nodes.iter().filter(|node| node.role == Role::ControlPlane);
        Some(lane([Box::new(EnsureBalancer {
            cluster: spec.name.clone(),
            image: founding.balancer?.clone(),
            control_planes: control_planes.map(|node| node.name.clone()).collect(),
        })]))
    });
    let mut first_machine: Stage = Vec::new();
    let mut machines: Stage = Vec::new();
    let mut joins: Stage = Vec::new();
    let mut rests: Stage = Vec::new();
    for node in nodes {
        let (name, role) = (node.name.clone(), node.role);
        let mut join: Lane = Vec::new();
        let mut machine = lane([Box::new(EnsureMachine {
            node,
            origin: NodeOrigin::New,
        })]);
        match founding {
            Some(Founding {
                first,
                share_a_host,
                ..
            }) if *first == name => {
                let init = Box::new(InitControlPlane { node: name.clone() });
                if share_a_host {
                    first_machine.push(machine);
                    machine = lane([init]);
                } else {
                    machine.push(init);
                }
            }
            Some(Founding { first, coe, .. }) if coe.founds(role) => {
                machine.push(Box::new(FoundNode {
                    node: name.clone(),
                    role,
                    first: first.clone(),
                }));
            }
            _ => join.push(Box::new(JoinNode {
                node: name.clone(),
                role,
            })),
        }
        machines.push(machine);
        if let Some(settings) = settings(&name) {
            join.extend(mark_new(&name, settings));
            if settings.maintenance {
                rests.push(lane([Box::new(DrainNode { node: name.clone() })]));
            }
        }
        join.extend(load_images(spec, &name));
        joins.push(join);
    }
    if names.is_empty() {
        return saga;
    }
    joins.extend(balancer);
    saga.then(first_machine)
        .then(machines)
        .then(joins)
        .then_step(WaitUntilReady { nodes: names })
        .then(rests)
}

/// Stops machines: workers first, so that their work is not moved between them while they go.
pub(super) fn stop(
    saga: Saga,
    nodes: &[NodeName],
    is_control_plane: impl Fn(&NodeName) -> bool,
) -> Saga {
    let stop_those = |control_planes: bool| -> Stage {
        nodes
            .iter()
            .filter(|node| is_control_plane(node) == control_planes)
            .map(|node| lane([Box::new(StopMachine { node: node.clone() })]))
            .collect()
    };
    saga.then(stop_those(false)).then(stop_those(true))
}

/// The way to carry out a plan for a cluster that is there.
pub(super) struct Course<'a> {
    pub(super) spec: &'a ClusterSpec,
    pub(super) observed: &'a ObservedCluster,
    pub(super) needs: &'a CoeNeeds,
    /// The nodes beside the pool that the plan is about; the others in it are the pool's.
    pub(super) beside: &'a BTreeMap<NodeName, Beside>,
}

impl Course<'_> {
    /// The legs, in order, of which the last has the platform remember the cluster.
    pub(super) fn of(&self, plan: &Plan) -> Vec<Leg> {
        let mut legs = self.of_nodes(plan);
        legs.push(Leg {
            saga: Saga::new().then_step(PutRecord {
                cluster: self.spec.name.clone(),
                phase: Phase::There,
            }),
            on_failure: OnFailure::Keep,
        });
        legs
    }

    /// The legs that work on nodes.
    pub(super) fn of_nodes(&self, plan: &Plan) -> Vec<Leg> {
        vec![
            Leg {
                saga: Saga::new().then(self.preparations(plan)),
                on_failure: OnFailure::Keep,
            },
            Leg {
                saga: self.stop_or_start(plan),
                on_failure: OnFailure::CarryOn,
            },
            Leg {
                saga: self.await_and_repair(plan),
                on_failure: OnFailure::Keep,
            },
            Leg {
                saga: self.add(plan),
                on_failure: OnFailure::Undo,
            },
            Leg {
                saga: self.change_in_place(plan),
                on_failure: OnFailure::Keep,
            },
            Leg {
                saga: self.drain_surplus(plan),
                on_failure: OnFailure::Undo,
            },
            Leg {
                saga: removals(plan),
                on_failure: OnFailure::Keep,
            },
        ]
    }

    fn node(&self, name: &NodeName, role: Role) -> NodeSpec {
        match self.beside.get(name) {
            Some(beside) => beside.machine.clone(),
            None => pool_node(self.spec, self.needs, name, role),
        }
    }

    /// What a node beside the pool is given once it is a member again.
    fn settle(&self, name: &NodeName) -> Lane {
        let beside = self.beside.get(name);
        beside.map_or_else(Vec::new, |beside| settle(name, &beside.settings))
    }

    fn repair(&self, name: &NodeName, role: Role, fault: Fault) -> Lane {
        let mut steps = repair(self.spec, self.observed, self.node(name, role), fault);
        steps.extend(self.settle(name));
        steps
    }

    fn recreate(&self, name: &NodeName, role: Role, company: Company) -> Lane {
        let mut steps = recreate(self.spec, self.node(name, role), company);
        steps.extend(self.settle(name));
        steps
    }

    fn is_control_plane(&self, name: &NodeName) -> bool {
        self.observed
            .machines
            .get(name)
            .is_some_and(|machine| machine.spec.role == Role::ControlPlane)
    }

    /// Stops or starts the cluster's machines. One that will not is no reason to leave the others as they are.
    fn stop_or_start(&self, plan: &Plan) -> Saga {
        let mut saga = Saga::new();
        for change in &plan.changes {
            match change {
                Change::StartMachines { nodes } => {
                    let start =
                        |node: &NodeName| lane([Box::new(StartMachine { node: node.clone() })]);
                    saga = saga.then(nodes.iter().map(start).collect());
                }
                Change::StopMachines { nodes } => {
                    saga = stop(saga, nodes, |node| self.is_control_plane(node));
                }
                _ => {}
            }
        }
        saga
    }

    fn await_and_repair(&self, plan: &Plan) -> Saga {
        let mut saga = Saga::new();
        for change in &plan.changes {
            match change {
                Change::StartMachines { nodes } => {
                    saga = saga.then_step(WaitForReturn {
                        nodes: nodes.clone(),
                        patience: COMEBACK,
                    });
                }
                Change::Initialize { node } => {
                    saga = saga.then(vec![lane([
                        Box::new(EnsureMachine {
                            node: self.node(node, Role::ControlPlane),
                            origin: NodeOrigin::ThereBefore,
                        }),
                        Box::new(InitControlPlane { node: node.clone() }),
                    ])]);
                }
                _ => {}
            }
        }
        let holders = self.port_holders(plan);
        saga = self.free_ports(saga, plan, &holders);
        for repaired in [Role::ControlPlane, Role::Worker] {
            let lanes = plan.changes.iter().filter_map(|change| match change {
                Change::RepairNode { name, role, fault } if *role == repaired => {
                    Some((name, self.repair(name, *role, *fault)))
                }
                Change::RecreateNode { name, role, .. }
                    if *role == repaired && holders.contains(name) =>
                {
                    Some((name, make_again(self.spec, self.node(name, *role))))
                }
                _ => None,
            });
            let nobody_answers = repaired == Role::ControlPlane && self.observed.members.is_none();
            // Those that kept the cluster's state come back first: the others ask them for it.
            let (first, then): (Vec<_>, Vec<_>) = lanes.partition(|(name, _)| {
                !nobody_answers || self.observed.volumes.contains_key(*name)
            });
            let regains_quorum = nobody_answers && !first.is_empty();
            let stage = |lanes: Vec<(&NodeName, Lane)>| -> Stage {
                lanes.into_iter().map(|(_, lane)| lane).collect()
            };
            saga = saga.then(stage(first)).then(stage(then));
            if regains_quorum {
                // A new leader takes those that ran all the time for dead until they have found it.
                saga = saga.then_step(WaitForReturn {
                    nodes: self.running_machines(),
                    patience: COMEBACK,
                });
            }
            if repaired == Role::ControlPlane {
                // Whatever comes after joins control planes that are as they should be. One by one: the others agree.
                let recreations = self.recreations(plan, Role::ControlPlane, &holders);
                let renewals = plan.changes.iter().filter_map(|change| match change {
                    Change::RenewCertificates { name, .. } => {
                        Some(lane([Box::new(RenewCertificates { node: name.clone() })]))
                    }
                    _ => None,
                });
                for lane in recreations.into_iter().chain(renewals) {
                    saga = saga.then(vec![lane]);
                }
            }
        }
        // Whoever has a cluster that was begun anew wants to use it.
        let begun: Vec<NodeName> = plan
            .changes
            .iter()
            .filter_map(|change| match change {
                Change::Initialize { node } => Some(node.clone()),
                _ => None,
            })
            .collect();
        if begun.is_empty() {
            return saga;
        }
        saga.then_step(WaitUntilReady { nodes: begun })
    }

    /// The nodes of that role whose machines are made again as other ones, but for those that give up a port.
    fn recreations(&self, plan: &Plan, of: Role, holders: &BTreeSet<NodeName>) -> Vec<Lane> {
        let company = match self.observed.machines.len() {
            1 => Company::Nobody,
            _ => Company::Others,
        };
        let recreated = plan.changes.iter().filter_map(|change| match change {
            Change::RecreateNode { name, role, .. } if *role == of => Some(name),
            _ => None,
        });
        recreated
            .filter(|name| !holders.contains(*name))
            .map(|name| self.recreate(name, of, company))
            .collect()
    }

    /// Nodes that give up a port of the platform's host which another node is to have.
    fn port_holders(&self, plan: &Plan) -> BTreeSet<NodeName> {
        let made = plan.changes.iter().filter_map(|change| match change {
            Change::CreateNode { name, role }
            | Change::RepairNode { name, role, .. }
            | Change::RecreateNode { name, role, .. } => Some(self.node(name, *role)),
            Change::AddSurge { name } => Some(self.node(name, Role::Worker)),
            _ => None,
        });
        let made: Vec<NodeSpec> = made.collect();
        let is_wanted_by_another = |holder: &NodeName, held: &PortMapping| {
            let mut others = made.iter().filter(|node| node.name != *holder);
            others.any(|node| node.ports.iter().any(|port| port.excludes(held)))
        };
        let going = plan.changes.iter().filter_map(|change| match change {
            Change::RecreateNode { name, .. } | Change::RemoveNode { name, .. } => Some(name),
            _ => None,
        });
        going
            .filter(|name| {
                let machine = self.observed.machines.get(*name);
                let mut held = machine.into_iter().flat_map(|machine| &machine.spec.ports);
                held.any(|held| is_wanted_by_another(name, held))
            })
            .cloned()
            .collect()
    }

    /// Takes the machines of those nodes away before any other is made: a port has one holder at a time. Those
    /// that stay come back with the repairs.
    fn free_ports(&self, saga: Saga, plan: &Plan, holders: &BTreeSet<NodeName>) -> Saga {
        let drains = holders
            .iter()
            .filter(|node| self.observed.members.is_some() && self.is_ready(node))
            .map(|node| lane([Box::new(DrainNode { node: node.clone() })]));
        let mut saga = saga.then(drains.collect());
        let is_removed = |node: &NodeName| {
            plan.changes
                .iter()
                .any(|change| matches!(change, Change::RemoveNode { name, .. } if name == node))
        };
        for node in holders.iter().filter(|node| is_removed(node)) {
            saga = saga.then(vec![remove(node)]);
        }
        let deletions = holders.iter().filter(|node| !is_removed(node)).map(|node| {
            lane([Box::new(DeleteMachine {
                node: node.clone(),
                volumes: Volumes::Keep,
            })])
        });
        saga.then(deletions.collect())
    }

    fn running_machines(&self) -> Vec<NodeName> {
        let machines = self.observed.machines.values();
        machines
            .filter(|machine| machine.state == MachineState::Running)
            .map(|machine| machine.spec.name.clone())
            .collect()
    }

    fn preparations(&self, plan: &Plan) -> Stage {
        let makes_machines = plan.changes.iter().any(|change| {
            matches!(
                change,
                Change::CreateNetwork { .. }
                    | Change::CreateNode { .. }
                    | Change::AddSurge { .. }
                    | Change::RepairNode { .. }
                    | Change::RecreateNode { .. }
                    | Change::Initialize { .. }
                    | Change::Balance { .. }
            )
        });
        if makes_machines {
            return preparations(self.spec, &[machine_image(self.spec, self.needs)]);
        }
        if plan
            .changes
            .iter()
            .any(|change| matches!(change, Change::LoadImage { .. }))
        {
            return fetch(&self.spec.preload_images).collect();
        }
        Vec::new()
    }

    fn add(&self, plan: &Plan) -> Saga {
        let new: Vec<_> = plan
            .changes
            .iter()
            .filter_map(|change| match change {
                Change::CreateNode { name, role } => Some(self.node(name, *role)),
                Change::AddSurge { name } => Some(self.node(name, Role::Worker)),
                _ => None,
            })
            .collect();
        let settings = |name: &NodeName| self.beside.get(name).map(|beside| &beside.settings);
        add_with(Saga::new(), self.spec, new, None, settings)
    }

    fn change_in_place(&self, plan: &Plan) -> Saga {
        let holders = self.port_holders(plan);
        let mut beside: Stage = Vec::new();
        let mut configure = false;
        let mut loads: Vec<(NodeName, Vec<ImageName>)> = Vec::new();
        for change in &plan.changes {
            match change {
                Change::UncordonNode { name, .. } => {
                    beside.push(lane([
                        Box::new(UpgradeNode { node: name.clone() }),
                        Box::new(UncordonNode { node: name.clone() }),
                    ]));
                }
                Change::FinishUpgrade { name } => {
                    beside.push(lane([Box::new(UpgradeNode { node: name.clone() })]));
                }
                Change::SetNode { name, settings } => beside.push(settle(name, settings)),
                Change::SetLabel { .. } | Change::ResetLabel { .. } => configure = true,
                Change::LoadImage { image, nodes } => {
                    for node in nodes {
                        match loads.iter_mut().find(|(of, _)| of == node) {
                            Some((_, images)) => images.push(image.clone()),
                            None => loads.push((node.clone(), vec![image.clone()])),
                        }
                    }
                }
                _ => {}
            }
        }
        if configure {
            beside.push(lane([Box::new(ConfigureCoe {
                cluster: self.spec.name.clone(),
            })]));
        }
        beside.extend(
            loads
                .into_iter()
                .map(|(node, images)| lane([Box::new(LoadImages { node, images })])),
        );
        beside.extend(self.balancer(plan));
        let mut saga = Saga::new().then(beside);
        let mut workers = self
            .recreations(plan, Role::Worker, &holders)
            .into_iter()
            .peekable();
        while workers.peek().is_some() {
            let at_a_time = self.spec.pace.at_a_time();
            saga = saga.then(workers.by_ref().take(at_a_time).collect());
        }
        saga
    }

    fn balancer(&self, plan: &Plan) -> Option<Lane> {
        let is_made = |change: &Change| matches!(change, Change::Balance { .. });
        plan.changes.iter().any(is_made).then(|| {
            let count = self.spec.control_planes.get();
            // Where there are no names the plan has said so.
            let control_planes =
                pool(self.observed, self.spec, Role::ControlPlane, count).unwrap_or_default();
            lane([Box::new(EnsureBalancer {
                cluster: self.spec.name.clone(),
                image: machine_image(self.spec, self.needs),
                control_planes,
            })])
        })
    }

    /// All before the first goes, so that none of their work moves to another that goes. The work of a
    /// node that does not answer has moved already, and waiting for its word would never end.
    fn drain_surplus(&self, plan: &Plan) -> Saga {
        let holders = self.port_holders(plan);
        let drains = removed(plan, Role::Worker)
            .chain(removed(plan, Role::ControlPlane))
            .filter(|node| self.is_ready(node) || is_surge(plan, node))
            .filter(|node| !holders.contains(*node))
            .map(|node| lane([Box::new(DrainNode { node: node.clone() })]));
        Saga::new().then(drains.collect())
    }

    fn is_ready(&self, node: &NodeName) -> bool {
        match &self.observed.members {
            Some(members) => members
                .get(node)
                .is_some_and(|member| member.state == MemberState::Ready),
            // The cluster was asked by nobody yet: it answers once its machines run again.
            None => self.observed.machines.contains_key(node),
        }
    }
}

fn removals(plan: &Plan) -> Saga {
    let forgotten = plan.changes.iter().filter_map(|change| match change {
        Change::ForgetMember { name } => {
            Some(lane([Box::new(RemoveMember { node: name.clone() })]))
        }
        _ => None,
    });
    // The dead go before the living: each control plane that is none takes a vote that nobody casts.
    let mut saga = forgotten
        .fold(Saga::new(), |saga, lane| saga.then(vec![lane]))
        .then(removed(plan, Role::Worker).map(remove).collect());
    // One at a time: each gives up its vote while the others still agree.
    for node in removed(plan, Role::ControlPlane) {
        saga = saga.then(vec![remove(node)]);
    }
    for change in &plan.changes {
        if let Change::RemoveBalancer { cluster } = change {
            saga = saga.then_step(DeleteBalancer {
                cluster: cluster.clone(),
            });
        }
    }
    saga
}

/// Whether the plan itself makes the node.
fn is_surge(plan: &Plan, node: &NodeName) -> bool {
    let is_it = |change: &Change| matches!(change, Change::AddSurge { name } if name == node);
    plan.changes.iter().any(is_it)
}

fn removed(plan: &Plan, of: Role) -> impl Iterator<Item = &NodeName> {
    plan.changes.iter().filter_map(move |change| match change {
        Change::RemoveNode { name, role } if *role == of => Some(name),
        _ => None,
    })
}
