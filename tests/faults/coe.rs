//! Whose clusters the faults are tried on.

use coe_tests::stack::{kubernetes, swarm};

use crate::operation::Operation;

/// A COE, and what the cluster of a life is like with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coe {
    Swarm,
    Kubernetes,
}

impl Coe {
    /// The one that `COE_FAULTS_COE` names; a swarm where it names none.
    pub(crate) fn of_environment() -> Self {
        match std::env::var("COE_FAULTS_COE").as_deref() {
            Err(_) | Ok("swarm") => Self::Swarm,
            Ok("kubernetes") => Self::Kubernetes,
            Ok(other) => panic!("COE_FAULTS_COE is {other:?}, and neither swarm nor kubernetes"),
        }
    }

    /// The configuration of a cluster with these arguments beside its name.
    pub(crate) fn configuration(self, arguments: &str) -> String {
        match self {
            Self::Swarm => swarm(arguments),
            Self::Kubernetes => kubernetes(arguments),
        }
    }

    /// How many workers there are when an operation has succeeded. A node of Kubernetes is dearer, so there are fewer.
    pub(crate) fn workers(self, operation: Operation) -> usize {
        match (self, operation) {
            (_, Operation::Destroy) => 0,
            (_, Operation::ScaleDown) | (Self::Kubernetes, Operation::Create) => 1,
            (Self::Swarm, Operation::Create) | (Self::Kubernetes, Operation::ScaleUp) => 2,
            (Self::Swarm, Operation::ScaleUp) => 3,
        }
    }

    /// What the volumes of a worker are called, after its own name.
    pub(crate) fn volumes_of_worker(self) -> &'static [&'static str] {
        match self {
            Self::Swarm => &["data"],
            Self::Kubernetes => &["containerd", "kubelet", "kubernetes", "storage"],
        }
    }

    /// Those that a control plane has beside them.
    pub(crate) fn more_volumes_of_control_plane(self) -> &'static [&'static str] {
        match self {
            Self::Swarm => &["config"],
            Self::Kubernetes => &["etcd"],
        }
    }

    /// A deadline that an operation without a fault keeps.
    pub(crate) fn deadline(self) -> &'static str {
        match self {
            Self::Swarm => "40s",
            Self::Kubernetes => "4m",
        }
    }
}
