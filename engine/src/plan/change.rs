//! What is different, in words that a reviewer reads.

use std::fmt;

use jiff::Timestamp;

use crate::model::{ClusterName, ControlPlaneCount, ImageName, NodeName, NodeSettings, Role};

/// Why a node of the pool has to be repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Its machine is gone; its volumes may be there.
    MachineGone,
    /// Its machine's create was interrupted.
    MachineHalfMade,
    /// Its platform says that its machine failed.
    MachineFailed,
    /// Its machine is stopped.
    MachineStopped,
    /// Its machine runs, and the cluster does not know it.
    NotMember,
    /// Its machine runs, and does not answer the cluster.
    MemberDown,
    /// Its machine runs, and it is a member in the other role.
    WrongRole,
}

/// A property of a machine that only another machine can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// It is made from another image.
    Image {
        /// The one that it has.
        was: ImageName,
        /// The one that it should have.
        now: ImageName,
    },
    /// It has another size.
    Flavor {
        /// As the platform names it.
        was: String,
        /// As the platform names it.
        now: String,
    },
    /// Other ports of it are published.
    Ports,
    /// It sees other folders of the platform's host.
    Mounts,
    /// It has other volumes.
    Volumes,
}

/// Why a balancer has to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balancing {
    /// There is none yet.
    New,
    /// The cluster is started.
    Waking,
    /// It is gone.
    Gone,
    /// It does not run.
    Down,
    /// It leads to other control planes than the cluster has.
    OtherControlPlanes,
}

/// One thing that has to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Make the cluster's network.
    CreateNetwork {
        /// Its name.
        name: ClusterName,
        /// Its subnet, where the user asked for one.
        subnet: Option<String>,
    },
    /// Make the first control plane a cluster: an earlier create did not come so far.
    Initialize {
        /// The control plane.
        node: NodeName,
    },
    /// Make a node and join it.
    CreateNode {
        /// Its name.
        name: NodeName,
        /// Its role.
        role: Role,
    },
    /// Bring a node back.
    RepairNode {
        /// Its name.
        name: NodeName,
        /// Its role.
        role: Role,
        /// What is wrong with it.
        fault: Fault,
    },
    /// Make a node's machine again, because it should be another one.
    RecreateNode {
        /// Its name.
        name: NodeName,
        /// Its role.
        role: Role,
        /// In what it should be another one.
        differences: Vec<Difference>,
    },
    /// Make a worker that is there as long as others are made again.
    AddSurge {
        /// Its name.
        name: NodeName,
    },
    /// Lead what the cluster itself runs over to the version of a control plane: an upgrade was cut off.
    FinishUpgrade {
        /// The control plane.
        name: NodeName,
    },
    /// Give a control plane new certificates.
    RenewCertificates {
        /// The control plane.
        name: NodeName,
        /// When those that it has end.
        end: Timestamp,
    },
    /// Let a drained node take work again.
    UncordonNode {
        /// Its name.
        name: NodeName,
        /// Its role.
        role: Role,
    },
    /// Take a node out of the cluster and delete its machine.
    RemoveNode {
        /// Its name.
        name: NodeName,
        /// Its role.
        role: Role,
    },
    /// Have the cluster forget a member of which nothing is left: its node was removed while nobody could
    /// be asked.
    ForgetMember {
        /// Its name.
        name: NodeName,
    },
    /// Start all machines.
    StartMachines {
        /// The machines.
        nodes: Vec<NodeName>,
    },
    /// Stop all machines.
    StopMachines {
        /// The machines.
        nodes: Vec<NodeName>,
    },
    /// Put a balancer before the control planes.
    Balance {
        /// The cluster.
        cluster: ClusterName,
        /// How many control planes it leads to.
        control_planes: ControlPlaneCount,
        /// Why.
        why: Balancing,
    },
    /// Take the balancer away until the cluster is started.
    RemoveBalancer {
        /// The cluster.
        cluster: ClusterName,
    },
    /// Load an image onto nodes.
    LoadImage {
        /// The image.
        image: ImageName,
        /// The nodes.
        nodes: Vec<NodeName>,
    },
    /// Change a setting of the COE.
    SetLabel {
        /// The driver's key.
        key: String,
        /// Its value.
        value: String,
    },
    /// Give a setting of the COE its default again.
    ResetLabel {
        /// The driver's key.
        key: String,
    },
    /// Remember a change of a cluster that is stopped, to make it when the cluster is started.
    PutOff(Box<Change>),
    /// Give a node beside the pool the labels, taints and maintenance that were asked for.
    SetNode {
        /// Its name.
        name: NodeName,
        /// What it is to have.
        settings: NodeSettings,
    },
    /// Have the platform remember the cluster again.
    RestoreRecord,
    /// Have the platform remember that the cluster stays: its deletion was cut off.
    KeepAfterAll,
    /// Remember what the user wants where no machine has to change for it.
    Remember {
        /// What it is: `description`.
        what: &'static str,
    },
}

impl Change {
    /// The node that the change is about, if it is about one.
    pub fn node(&self) -> Option<&NodeName> {
        match self {
            Self::Initialize { node } => Some(node),
            Self::CreateNode { name, .. }
            | Self::RepairNode { name, .. }
            | Self::RecreateNode { name, .. }
            | Self::UncordonNode { name, .. }
            | Self::AddSurge { name }
            | Self::FinishUpgrade { name }
            | Self::RenewCertificates { name, .. }
            | Self::RemoveNode { name, .. }
            | Self::SetNode { name, .. }
            | Self::ForgetMember { name } => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image { was, now } => write!(formatter, "image {now} (was {was})"),
            Self::Flavor { was, now } => write!(formatter, "flavor {now} (was {was})"),
            Self::Ports => formatter.write_str("other ports"),
            Self::Mounts => formatter.write_str("other mounts"),
            Self::Volumes => formatter.write_str("other volumes"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateNetwork {
                name,
                subnet: Some(subnet),
            } => {
                write!(formatter, "+ create network {name} with subnet {subnet}")
            }
            Self::CreateNetwork { name, subnet: None } => {
                write!(formatter, "+ create network {name} with a free subnet")
            }
            Self::Initialize { node } => write!(
                formatter,
                "~ make control plane {node} a cluster: an earlier create did not come so far"
            ),
            Self::CreateNode { name, role } => write!(formatter, "+ create {role} {name}"),
            Self::RepairNode { name, role, fault } => match fault {
                Fault::MachineGone => {
                    write!(
                        formatter,
                        "~ make the machine of {role} {name} again: it is gone"
                    )
                }
                Fault::MachineHalfMade => write!(
                    formatter,
                    "~ make the machine of {role} {name} again: its create was interrupted"
                ),
                Fault::MachineFailed => {
                    write!(
                        formatter,
                        "~ make the machine of {role} {name} again: it failed"
                    )
                }
                Fault::MachineStopped => {
                    write!(formatter, "~ restart {role} {name}: its machine is stopped")
                }
                Fault::NotMember => write!(
                    formatter,
                    "~ join {role} {name} again: the cluster does not know it"
                ),
                Fault::MemberDown => write!(
                    formatter,
                    "~ restart {role} {name}: it does not answer the cluster"
                ),
                Fault::WrongRole => write!(
                    formatter,
                    "~ join {name} again as {role}: it is a member in another role"
                ),
            },
            Self::RecreateNode {
                name, differences, ..
            } => {
                write!(formatter, "~ recreate {name} with ")?;
                for (position, difference) in differences.iter().enumerate() {
                    if position > 0 {
                        formatter.write_str(", ")?;
                    }
                    difference.fmt(formatter)?;
                }
                Ok(())
            }
            Self::AddSurge { name } => write!(
                formatter,
                "+ create worker {name} for as long as others are made again"
            ),
            Self::FinishUpgrade { name } => write!(
                formatter,
                "~ lead the cluster over to the version of {name}: its upgrade was cut off"
            ),
            Self::RenewCertificates { name, end } => write!(
                formatter,
                "~ renew the certificates of {name}, which end on {}",
                end.strftime("%Y-%m-%d")
            ),
            Self::UncordonNode { name, role } => {
                write!(
                    formatter,
                    "~ let {role} {name} take work again: it is drained"
                )
            }
            Self::RemoveNode {
                name,
                role: Role::ControlPlane,
            } => write!(
                formatter,
                "- remove control plane {name}: drain it, give up its vote, then its machine and volumes"
            ),
            Self::RemoveNode {
                name,
                role: Role::Worker,
            } => write!(
                formatter,
                "- remove worker {name}: drain it, then its machine and volumes"
            ),
            Self::ForgetMember { name } => write!(
                formatter,
                "- forget {name}: the cluster knows it, and it has no machine"
            ),
            Self::StartMachines { nodes } => {
                write!(formatter, "~ start {}", count(nodes, "machine"))
            }
            Self::StopMachines { nodes } => write!(formatter, "~ stop {}", count(nodes, "machine")),
            Self::Balance {
                cluster,
                control_planes,
                why,
            } => match why {
                Balancing::New => write!(
                    formatter,
                    "+ create the balancer of {cluster}: one endpoint for {}",
                    counted(control_planes.get(), "control plane")
                ),
                Balancing::Waking => write!(formatter, "+ create the balancer of {cluster}"),
                Balancing::Gone => {
                    write!(
                        formatter,
                        "~ make the balancer of {cluster} again: it is gone"
                    )
                }
                Balancing::Down => write!(
                    formatter,
                    "~ make the balancer of {cluster} again: it does not run"
                ),
                Balancing::OtherControlPlanes => write!(
                    formatter,
                    "~ have the balancer of {cluster} lead to {}",
                    counted(control_planes.get(), "control plane")
                ),
            },
            Self::RemoveBalancer { cluster } => write!(
                formatter,
                "- remove the balancer of {cluster} until the cluster is started"
            ),
            Self::LoadImage { image, nodes } => {
                write!(
                    formatter,
                    "~ load image {image} on {}",
                    count(nodes, "node")
                )
            }
            Self::SetLabel { key, value } => {
                write!(formatter, "~ set label {key} = {}", shortened(value))
            }
            Self::ResetLabel { key } => {
                write!(formatter, "~ give label {key} its default again")
            }
            Self::PutOff(change) => write!(formatter, "{change}, when the cluster is started"),
            Self::SetNode { name, .. } => write!(
                formatter,
                "~ set the labels, the taints and the maintenance of {name}"
            ),
            Self::RestoreRecord => formatter.write_str(
                "~ remember the cluster on its platform again: its record is gone from there",
            ),
            Self::KeepAfterAll => {
                formatter.write_str("~ keep the cluster: its destruction was cut off")
            }
            Self::Remember { what } => write!(formatter, "~ change the {what}"),
        }
    }
}

/// As much of a value as a line has room for: some are whole files.
fn shortened(value: &str) -> String {
    let line = value.lines().next().unwrap_or_default();
    let shown: String = line.chars().take(60).collect();
    if shown.len() < value.trim_end().len() {
        format!("{shown}…")
    } else {
        shown
    }
}

fn count(nodes: &[NodeName], noun: &str) -> String {
    counted(u32::try_from(nodes.len()).unwrap_or(u32::MAX), noun)
}

fn counted(number: u32, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
