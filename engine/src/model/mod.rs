//! Clusters, nodes and what they should be: pure data, no I/O.

mod balancer;
mod group;
mod health;
mod ids;
pub(crate) mod inventory;
mod lifecycle;
mod machine_size;
mod network;
mod node;
mod observed;
mod offer;
mod owner;
mod rollout;
mod secret;
mod spec;

pub use balancer::Balancer;
pub use group::{GroupRecord, NodeGroupSpec};
pub use health::Health;
pub use ids::{ClusterId, ClusterName, GroupName, InvalidName, NodeName, OperationId};
pub use inventory::{Holder, InventoryMachine, MachineStatus, Membership};
pub use lifecycle::{ClusterEvent, ClusterStatus, IllegalTransition, Rest};
pub use machine_size::MachineSize;
pub use network::{Carries, Network, NetworkSpec};
pub use node::{
    Flavor, ImageName, Mount, NodeGroup, NodeSpec, NodeVolume, PortMapping, Protocol, Role, Taint,
    TaintEffect, VolumeLife,
};
pub use observed::{
    ClusterRecord, Machine, MachineState, Member, MemberState, NodeSettings, ObservedCluster, Phase,
};
pub use offer::{Offer, OfferedFlavor, OfferedImage, OfferedNetwork, Quota};
pub use owner::Owner;
pub use rollout::{Budgets, Drain, NoPace, Pace};
pub use secret::Secret;
pub use spec::{
    ClusterSpec, CoeKind, ControlPlaneCount, DesiredState, Finding, InvalidControlPlaneCount,
    OnCreateFailure, Severity, Subject, WaitFor,
};
