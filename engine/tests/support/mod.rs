//! What tests of the engine ask of it: small clusters, within a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coe_engine::engine::NodeRequest;
use coe_engine::model::{
    ClusterSpec, CoeKind, DesiredState, Drain, NetworkSpec, OperationId, Pace, Role, WaitFor,
};
use coe_engine::operation::{Operation, ProgressSink, RetryBudget};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

/// A cluster named `bar` of so many nodes, and of nothing else.
pub(crate) fn spec(control_planes: u32, workers: u32) -> ClusterSpec {
    ClusterSpec {
        name: "bar".parse().unwrap(),
        description: String::new(),
        coe: CoeKind::Swarm,
        labels: BTreeMap::new(),
        version: None,
        control_planes: control_planes.try_into().unwrap(),
        workers,
        control_plane_flavor: None,
        flavor: None,
        image: None,
        preload_images: Vec::new(),
        ports: Vec::new(),
        mounts: Vec::new(),
        volumes: Vec::new(),
        network: NetworkSpec::Isolated,
        desired_state: DesiredState::Running,
        pace: Pace::default(),
        drain: Drain::default(),
        wait_for: WaitFor::default(),
    }
}

/// An operation that nobody interrupts, with that much time.
pub(crate) fn operation_within(time: SignedDuration, progress: Arc<dyn ProgressSink>) -> Operation {
    Operation {
        id: OperationId::new(),
        deadline: Timestamp::now() + time,
        cancellation: CancellationToken::new(),
        progress,
        retries: RetryBudget::default(),
    }
}

/// A node beside its pool.
pub(crate) fn extra() -> NodeRequest {
    NodeRequest {
        name: "bar-extra".parse().unwrap(),
        role: Role::Worker,
        flavor: None,
        image: None,
        labels: BTreeMap::from([("zone".to_owned(), "a".to_owned())]),
        taints: BTreeSet::new(),
        maintenance: false,
    }
}
