//! What is done to one node, step after step.

use std::time::Duration;

use crate::model::{
    ClusterSpec, NodeName, NodeSettings, NodeSpec, ObservedCluster, Role, VolumeLife,
};
use crate::plan::Fault;
use crate::saga::{Lane, Step};
use crate::steps::{
    BackUp, Comeback, DeleteMachine, DrainNode, EnsureMachine, LoadImages, NodeOrigin,
    RemoveMember, RestartSilent, RestoreMember, SetNodeLabels, SetNodeTaints, StartMachine,
    StopMachine, UncordonNode, UpgradeNode, Volumes,
};

/// How long nodes whose machines came back may take to find their cluster and one another by themselves.
pub(in crate::engine) const COMEBACK: Duration = Duration::from_mins(1);
/// How long control planes of which none answered a look are given to answer: longer than they take to choose a leader.
const SILENCE: Duration = Duration::from_secs(15);

pub(super) fn lane<const N: usize>(steps: [Box<dyn Step>; N]) -> Lane {
    steps.into()
}

pub(super) fn load_images(spec: &ClusterSpec, node: &NodeName) -> Option<Box<dyn Step>> {
    if spec.preload_images.is_empty() {
        return None;
    }
    Some(Box::new(LoadImages {
        node: node.clone(),
        images: spec.preload_images.clone(),
    }))
}

/// Gives a member that has just joined its taints and labels: it has none yet.
pub(super) fn mark_new(node: &NodeName, settings: &NodeSettings) -> Lane {
    let mut steps: Lane = Vec::new();
    if !settings.taints.is_empty() {
        steps.push(set_taints(node, settings));
    }
    if !settings.labels.is_empty() {
        steps.push(set_labels(node, settings));
    }
    steps
}

fn set_taints(node: &NodeName, settings: &NodeSettings) -> Box<dyn Step> {
    Box::new(SetNodeTaints {
        node: node.clone(),
        taints: settings.taints.clone(),
    })
}

fn set_labels(node: &NodeName, settings: &NodeSettings) -> Box<dyn Step> {
    Box::new(SetNodeLabels {
        node: node.clone(),
        labels: settings.labels.clone(),
    })
}

/// What brings a node of which something is wrong back. One whose data is there is given time to find its cluster
/// by itself, unless the cluster is known not to know it.
pub(super) fn repair(
    spec: &ClusterSpec,
    observed: &ObservedCluster,
    node: NodeSpec,
    fault: Fault,
) -> Lane {
    let (name, role) = (node.name.clone(), node.role);
    let members = observed.members.as_ref();
    let may_be_member = members.is_none_or(|members| members.contains_key(&name));
    let comes_back = may_be_member && observed.volumes.contains_key(&name);
    let comeback = if comes_back {
        Comeback::ByItself(COMEBACK)
    } else {
        Comeback::Never
    };
    let restore = |comeback| -> Box<dyn Step> {
        Box::new(RestoreMember {
            node: name.clone(),
            role,
            comeback,
        })
    };
    // An upgrade that was cut off may be what is wrong with it.
    let upgrade = || -> Box<dyn Step> { Box::new(UpgradeNode { node: name.clone() }) };
    match fault {
        Fault::MachineGone | Fault::MachineHalfMade | Fault::MachineFailed => {
            let has_its_images = comes_back && !loses_images(&node);
            let mut steps = lane([
                Box::new(DeleteMachine {
                    node: name.clone(),
                    volumes: Volumes::Keep,
                }),
                Box::new(EnsureMachine {
                    node,
                    origin: NodeOrigin::ThereBefore,
                }),
                upgrade(),
                restore(comeback),
            ]);
            if !has_its_images {
                steps.extend(load_images(spec, &name));
            }
            steps
        }
        Fault::MachineStopped => lane([
            Box::new(StartMachine { node: name.clone() }),
            upgrade(),
            restore(comeback),
        ]),
        // The cluster did not say that it is down, for nobody answered.
        Fault::MemberDown if members.is_none() => lane([
            Box::new(RestartSilent {
                node: name.clone(),
                patience: SILENCE,
            }),
            upgrade(),
            restore(Comeback::ByItself(COMEBACK)),
        ]),
        Fault::MemberDown => lane([
            Box::new(StopMachine { node: name.clone() }),
            Box::new(StartMachine { node: name.clone() }),
            upgrade(),
            restore(Comeback::ByItself(COMEBACK)),
        ]),
        Fault::NotMember | Fault::WrongRole => {
            let mut steps = lane([restore(Comeback::Never)]);
            steps.extend(load_images(spec, &name));
            steps
        }
    }
}

/// Whether a machine of the node that is made again lacks the images that were loaded onto the one before.
fn loses_images(node: &NodeSpec) -> bool {
    let mut volumes = node.volumes.iter();
    volumes.any(|volume| volume.life == VolumeLife::Machine)
}

/// Makes a node's machine again as another one; the node keeps its volumes, address and ports.
pub(super) fn recreate(spec: &ClusterSpec, node: NodeSpec, company: Company) -> Lane {
    let name = node.name.clone();
    let mut steps: Lane = Vec::new();
    if node.role == Role::ControlPlane {
        steps.push(Box::new(BackUp { node: name.clone() }));
    }
    if company == Company::Others {
        steps.push(Box::new(DrainNode { node: name.clone() }));
    }
    steps.push(Box::new(DeleteMachine {
        node: name,
        volumes: Volumes::Keep,
    }));
    steps.extend(make_again(spec, node));
    steps
}

/// Whether there is anybody to whom the work of a node could be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Company {
    /// The node is the cluster.
    Nobody,
    /// There are other nodes.
    Others,
}

/// The second half of that: brings a node back whose machine is deleted.
pub(super) fn make_again(spec: &ClusterSpec, node: NodeSpec) -> Lane {
    let (name, role) = (node.name.clone(), node.role);
    let loads = loses_images(&node)
        .then(|| load_images(spec, &name))
        .flatten();
    let mut steps = lane([Box::new(EnsureMachine {
        node,
        origin: NodeOrigin::ThereBefore,
    })]);
    steps.extend(loads);
    steps.extend(lane([
        Box::new(UpgradeNode { node: name.clone() }),
        Box::new(RestoreMember {
            node: name.clone(),
            role,
            comeback: Comeback::ByItself(COMEBACK),
        }),
        Box::new(UncordonNode { node: name }),
    ]));
    steps
}

/// Gives a member its taints and labels, and takes its work or lets it have some.
pub(super) fn settle(node: &NodeName, settings: &NodeSettings) -> Lane {
    let mut steps = vec![set_taints(node, settings), set_labels(node, settings)];
    let node = node.clone();
    if settings.maintenance {
        steps.push(Box::new(DrainNode { node }));
    } else {
        // What drained it may have been cut off.
        steps.push(Box::new(UpgradeNode { node: node.clone() }));
        steps.push(Box::new(UncordonNode { node }));
    }
    steps
}

/// Takes a node out of its cluster and deletes everything of it.
pub(super) fn remove(node: &NodeName) -> Lane {
    lane([
        Box::new(RemoveMember { node: node.clone() }),
        Box::new(DeleteMachine {
            node: node.clone(),
            volumes: Volumes::Delete,
        }),
    ])
}
