//! Whole lives of clusters on a platform kept in a folder, asserted on what is there afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use coe_engine::cluster::{Cluster, NodeStatus};
use coe_engine::coe::Boot;
use coe_engine::engine::{Engine, NodeRequest, Settings};
use coe_engine::error::{EngineError, Failure};
use coe_engine::model::{
    ClusterId, ClusterSpec, ClusterStatus, CoeKind, DesiredState, Flavor, Health, ImageName,
    NetworkSpec, NodeGroup, NodeName, OnCreateFailure, OperationId, Owner, Role,
};
use coe_engine::operation::{Event, Operation, ProgressSink, StepProgress};
use coe_engine::platform::simulated::{Call, Fault, FaultKind, Simulated, SimulatedSettings};
use coe_engine::platform::{MachineRequest, Platform, Scope};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

/// Keeps the events of an operation.
#[derive(Default)]
struct Events(Mutex<Vec<Event>>);

impl ProgressSink for Events {
    fn report(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

/// An engine on an empty platform that goes with the test.
struct Bench {
    folder: tempfile::TempDir,
    engine: Engine,
}

impl Bench {
    fn new() -> Self {
        Self::with_faults(Vec::new())
    }

    fn with_faults(faults: Vec<Fault>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine_in(&folder, faults);
        Self { folder, engine }
    }

    /// The same platform seen by another process, on which nothing fails.
    fn restarted(&self) -> Engine {
        engine_in(&self.folder, Vec::new())
    }

    fn platform(&self) -> Simulated {
        Simulated::new(SimulatedSettings::in_folder(self.folder.path()))
    }

    async fn create(&self, spec: &ClusterSpec) -> Cluster {
        self.engine
            .create(spec, OnCreateFailure::Rollback, &operation())
            .await
            .unwrap_or_else(|failure| panic!("{failure}"))
    }

    async fn update(&self, cluster: &Cluster, spec: &ClusterSpec) -> Cluster {
        self.engine
            .update(cluster.id(), spec, &operation())
            .await
            .unwrap_or_else(|failure| panic!("{failure}"))
    }

    async fn read(&self, cluster: &Cluster) -> Cluster {
        let cluster = self.restarted().read(cluster.id()).await.unwrap();
        cluster.expect("the cluster is there")
    }

    async fn sentences(&self, cluster: &Cluster, spec: &ClusterSpec) -> Vec<String> {
        let images = self.engine.image_ids(&spec.preload_images).await.unwrap();
        let observed = self.read(cluster).await.observed;
        let plan = self.engine.plan(spec, Some(&observed), &images);
        plan.unwrap().sentences()
    }

    async fn assert_nothing_is_left(&self, after: &str) {
        let left = self.platform().observe(&Scope::All).await.unwrap();
        assert!(left.is_empty(), "left after {after}: {left:#?}");
    }
}

fn engine_in(folder: &tempfile::TempDir, faults: Vec<Fault>) -> Engine {
    let settings = SimulatedSettings {
        faults,
        ..SimulatedSettings::in_folder(folder.path())
    };
    Engine::new(Arc::new(Simulated::new(settings)), Settings::default())
}

fn operation() -> Operation {
    operation_within(SignedDuration::from_mins(5))
}

fn operation_within(time: SignedDuration) -> Operation {
    Operation {
        id: OperationId::new(),
        deadline: Timestamp::now() + time,
        cancellation: CancellationToken::new(),
        progress: Arc::new(Events::default()),
    }
}

fn spec(control_planes: u32, workers: u32) -> ClusterSpec {
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
    }
}

fn name(text: &str) -> NodeName {
    text.parse().unwrap()
}

fn fault(call: Call, nth: u32, kind: FaultKind) -> Fault {
    Fault {
        call,
        nth: NonZeroU32::new(nth).unwrap(),
        kind,
    }
}

fn names(cluster: &Cluster) -> Vec<String> {
    cluster.nodes().keys().map(ToString::to_string).collect()
}

fn assert_serves(cluster: &Cluster) {
    assert_eq!(
        cluster.status(),
        ClusterStatus::Running,
        "{:#?}",
        cluster.nodes()
    );
    assert_eq!(cluster.health(), Health::Healthy, "{:#?}", cluster.nodes());
}

#[tokio::test]
async fn a_created_cluster_serves_and_needs_nothing_more() {
    let bench = Bench::new();
    let spec = spec(3, 2);
    let cluster = bench.create(&spec).await;
    assert_serves(&cluster);
    assert_eq!(
        names(&cluster),
        [
            "bar-control-plane-1",
            "bar-control-plane-2",
            "bar-control-plane-3",
            "bar-worker-1",
            "bar-worker-2"
        ]
    );
    assert!(
        cluster
            .endpoint()
            .is_some_and(|endpoint| endpoint.starts_with("tcp://"))
    );
    assert!(
        cluster
            .ca_certificate()
            .is_some_and(|pem| pem.contains("BEGIN CERTIFICATE"))
    );
    let addresses: BTreeSet<_> = cluster
        .nodes()
        .into_values()
        .map(|node| node.address)
        .collect();
    assert_eq!(addresses.len(), 5, "each node has an address of its own");
    assert_eq!(bench.sentences(&cluster, &spec).await, Vec::<String>::new());
    assert_eq!(bench.read(&cluster).await, cluster);
}

#[tokio::test]
async fn a_cluster_grows_and_shrinks_without_losing_its_quorum_or_endpoint() {
    let bench = Bench::new();
    let mut cluster = bench.create(&spec(1, 1)).await;
    let endpoint = cluster.endpoint().map(str::to_owned);
    for (control_planes, workers) in [(3, 3), (3, 0), (5, 2), (1, 2)] {
        let spec = spec(control_planes, workers);
        cluster = bench.update(&cluster, &spec).await;
        assert_serves(&cluster);
        assert_eq!(cluster.nodes().len(), (control_planes + workers) as usize);
        assert_eq!(cluster.endpoint(), endpoint.as_deref());
        assert_eq!(bench.sentences(&cluster, &spec).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_machine_that_is_gone_comes_back_with_its_address_and_volumes() {
    let bench = Bench::new();
    let spec = spec(3, 1);
    let cluster = bench.create(&spec).await;
    for node in ["bar-control-plane-1", "bar-worker-1"] {
        bench
            .platform()
            .delete_machine(cluster.id(), &name(node))
            .await
            .unwrap();
        let seen = bench.read(&cluster).await;
        assert_eq!(seen.status(), ClusterStatus::Alert);
        assert_eq!(seen.nodes()[&name(node)].status, NodeStatus::Missing);
        assert_eq!(seen.endpoint(), cluster.endpoint());
        let sentences = bench.sentences(&cluster, &spec).await;
        assert_eq!(sentences.len(), 1);
        assert!(
            sentences[0].ends_with("again: it is gone"),
            "{}",
            sentences[0]
        );

        let repaired = bench.update(&cluster, &spec).await;
        assert_serves(&repaired);
        assert_eq!(repaired.endpoint(), cluster.endpoint());
        let addresses = |cluster: &Cluster| -> Vec<_> {
            cluster
                .nodes()
                .into_values()
                .map(|node| (node.name, node.address))
                .collect()
        };
        assert_eq!(addresses(&repaired), addresses(&cluster));
    }
}

#[tokio::test]
async fn a_node_that_lost_its_data_joins_anew() {
    let bench = Bench::new();
    let spec = spec(3, 1);
    let cluster = bench.create(&spec).await;
    for node in ["bar-control-plane-2", "bar-worker-1"] {
        let platform = bench.platform();
        platform
            .delete_machine(cluster.id(), &name(node))
            .await
            .unwrap();
        platform
            .delete_volumes(cluster.id(), &name(node))
            .await
            .unwrap();
        let repaired = bench.update(&cluster, &spec).await;
        assert_serves(&repaired);
        assert_eq!(repaired.nodes().len(), 4);
        assert_eq!(bench.sentences(&cluster, &spec).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_stopped_machine_is_seen_and_started() {
    let bench = Bench::new();
    let spec = spec(1, 2);
    let cluster = bench.create(&spec).await;
    let worker = name("bar-worker-2");
    let machine = &cluster.observed.machines[&worker];
    bench.platform().stop_machine(machine).await.unwrap();
    let seen = bench.read(&cluster).await;
    assert_eq!(seen.nodes()[&worker].status, NodeStatus::Down);
    assert_eq!(seen.health(), Health::Degraded);
    assert_eq!(
        bench.sentences(&cluster, &spec).await,
        ["~ restart worker bar-worker-2: its machine is stopped"]
    );
    assert_serves(&bench.update(&cluster, &spec).await);
}

#[tokio::test]
async fn a_cluster_hibernates_and_wakes_with_what_was_changed_meanwhile() {
    let bench = Bench::new();
    let awake = spec(3, 1);
    let cluster = bench.create(&awake).await;
    let asleep = ClusterSpec {
        desired_state: DesiredState::Stopped,
        labels: BTreeMap::from([("task_history_limit".to_owned(), "7".to_owned())]),
        ..spec(3, 2)
    };
    let stopped = bench.update(&cluster, &asleep).await;
    assert_eq!(stopped.status(), ClusterStatus::Stopped);
    assert_eq!(stopped.health(), Health::Unknown);
    assert_eq!(stopped.endpoint(), cluster.endpoint());
    assert_eq!(
        bench.sentences(&cluster, &asleep).await,
        Vec::<String>::new()
    );

    let woken = ClusterSpec {
        desired_state: DesiredState::Running,
        ..asleep
    };
    assert_eq!(
        bench.sentences(&cluster, &woken).await,
        [
            "~ start 4 machines",
            "+ create worker bar-worker-2",
            "~ set label task_history_limit = 7"
        ]
    );
    assert_serves(&bench.update(&cluster, &woken).await);
    assert_eq!(
        bench.sentences(&cluster, &woken).await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn another_image_is_brought_to_one_node_after_the_other() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(3, 1)).await;
    let wanted = ClusterSpec {
        image: Some(ImageName("node:2".to_owned())),
        ..spec(3, 1)
    };
    let sentences = bench.sentences(&cluster, &wanted).await;
    assert_eq!(sentences.len(), 4);
    assert!(sentences[0].starts_with("~ recreate bar-control-plane-1 with image node:2 (was "));
    let updated = bench.update(&cluster, &wanted).await;
    assert_serves(&updated);
    assert_eq!(updated.endpoint(), cluster.endpoint());
    assert!(
        updated
            .nodes()
            .values()
            .all(|node| node.image == wanted.image)
    );
}

#[tokio::test]
async fn images_are_loaded_and_loaded_again_when_they_change() {
    let bench = Bench::new();
    let spec = ClusterSpec {
        preload_images: vec![ImageName("hello:1".to_owned())],
        ..spec(1, 1)
    };
    let cluster = bench.create(&spec).await;
    assert_eq!(bench.sentences(&cluster, &spec).await, Vec::<String>::new());
    let images = bench.folder.path().join("images");
    std::fs::create_dir_all(&images).unwrap();
    std::fs::write(images.join("hello:1"), "another").unwrap();
    assert_eq!(
        bench.sentences(&cluster, &spec).await,
        ["~ load image hello:1 on 2 nodes"]
    );
    bench.update(&cluster, &spec).await;
    assert_eq!(bench.sentences(&cluster, &spec).await, Vec::<String>::new());
}

/// Every call of a create, by how often it is made.
const CALLS_OF_CREATE: [(Call, u32); 7] = [
    (Call::Check, 1),
    (Call::EnsureImage, 1),
    (Call::EnsureNetwork, 1),
    (Call::EnsureMachine, 4),
    (Call::PutRecord, 2),
    (Call::Run, 12),
    (Call::PutFiles, 4),
];

#[tokio::test]
async fn a_create_that_fails_at_any_call_leaves_nothing() {
    for (call, times) in CALLS_OF_CREATE {
        for nth in 1..=times {
            for kind in [FaultKind::FailBefore, FaultKind::FailAfter] {
                let what = format!("{kind:?} of {call} {nth}");
                let bench = Bench::with_faults(vec![fault(call, nth, kind)]);
                let result = bench
                    .engine
                    .create(&spec(3, 1), OnCreateFailure::Rollback, &operation())
                    .await;
                match result {
                    Ok(cluster) => assert_serves(&cluster),
                    Err(failure) => {
                        assert_eq!(failure.leftovers, Vec::<String>::new(), "{what}");
                        assert!(failure.cluster.is_none(), "{what}");
                        bench.assert_nothing_is_left(&what).await;
                    }
                }
            }
        }
    }
}

/// Interrupts its operation when that many steps have begun.
struct InterruptAt {
    step: usize,
    begun: AtomicUsize,
    cancellation: CancellationToken,
}

impl ProgressSink for InterruptAt {
    fn report(&self, event: Event) {
        if event.progress == StepProgress::Started
            && self.begun.fetch_add(1, Ordering::Relaxed) + 1 == self.step
        {
            self.cancellation.cancel();
        }
    }
}

#[tokio::test]
async fn a_create_that_is_interrupted_at_any_step_leaves_nothing() {
    for step in 1.. {
        let bench = Bench::new();
        let plain = operation();
        let cancellation = plain.cancellation.clone();
        let interrupt = InterruptAt {
            step,
            begun: AtomicUsize::new(0),
            cancellation,
        };
        let operation = Operation {
            progress: Arc::new(interrupt),
            ..plain
        };
        match bench
            .engine
            .create(&spec(3, 1), OnCreateFailure::Rollback, &operation)
            .await
        {
            Err(failure) => {
                assert!(failure.leftovers.is_empty(), "{failure}");
                assert!(failure.to_string().contains("interrupted"), "{failure}");
                bench
                    .assert_nothing_is_left(&format!("an interruption at step {step}"))
                    .await;
            }
            Ok(cluster) => {
                assert!(step > 10, "a create has more than {step} steps");
                assert_serves(&cluster);
                break;
            }
        }
    }
}

#[tokio::test]
async fn an_operation_that_runs_out_of_time_leaves_nothing() {
    let bench = Bench::with_faults(vec![fault(Call::EnsureMachine, 3, FaultKind::Hang)]);
    let operation = operation_within(SignedDuration::from_millis(300));
    let failure = bench
        .engine
        .create(&spec(3, 0), OnCreateFailure::Rollback, &operation)
        .await
        .expect_err("a machine is never made");
    assert!(failure.to_string().contains("time was up"), "{failure}");
    bench.assert_nothing_is_left("the deadline").await;
}

#[tokio::test]
async fn what_cannot_be_undone_is_named_and_deleted_later() {
    let mut faults = vec![fault(Call::EnsureMachine, 2, FaultKind::FailAfter)];
    faults.extend((1..=100).map(|nth| fault(Call::DeleteMachine, nth, FaultKind::FailBefore)));
    let bench = Bench::with_faults(faults);
    let failure = bench
        .engine
        .create(&spec(1, 1), OnCreateFailure::Rollback, &operation())
        .await
        .expect_err("a machine fails");
    assert!(
        failure
            .leftovers
            .iter()
            .any(|left| left.contains("bar-worker-1") || left.contains("bar-control-plane-1")),
        "{failure}"
    );
    let left = failure.cluster.expect("something is left");
    bench
        .restarted()
        .delete(left.id(), &operation())
        .await
        .unwrap();
    bench.assert_nothing_is_left("the later delete").await;
}

#[tokio::test]
async fn a_create_that_was_kept_is_finished_by_an_update() {
    for (call, nth) in [
        (Call::EnsureNetwork, 1),
        (Call::EnsureMachine, 1),
        (Call::EnsureMachine, 3),
        (Call::Run, 4),
        (Call::Run, 9),
    ] {
        for kind in [FaultKind::FailBefore, FaultKind::FailAfter] {
            let bench = Bench::with_faults(vec![fault(call, nth, kind)]);
            let spec = spec(3, 1);
            let result = bench
                .engine
                .create(&spec, OnCreateFailure::Keep, &operation())
                .await;
            let Err(failure) = result else { continue };
            let kept = failure.cluster.expect("what was made is kept");
            assert_eq!(
                kept.status(),
                ClusterStatus::Alert,
                "after {kind:?} of {call} {nth}"
            );
            let engine = bench.restarted();
            let finished = engine.update(kept.id(), &spec, &operation()).await;
            let finished =
                finished.unwrap_or_else(|e| panic!("after {kind:?} of {call} {nth}: {e}"));
            assert_serves(&finished);
            assert_eq!(
                bench.sentences(&finished, &spec).await,
                Vec::<String>::new()
            );
        }
    }
}

#[tokio::test]
async fn a_failed_scale_up_takes_its_nodes_back_and_the_next_one_succeeds() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 1)).await;
    let failing = engine_in(
        &bench.folder,
        vec![fault(Call::EnsureMachine, 2, FaultKind::FailAfter)],
    );
    let failure = failing
        .update(cluster.id(), &spec(1, 4), &operation())
        .await
        .expect_err("the second machine fails");
    let now = failure.cluster.expect("the cluster stays");
    assert_eq!(names(&now), names(&cluster));
    assert_serves(&now);
    assert_serves(&bench.update(&cluster, &spec(1, 4)).await);
}

#[tokio::test]
async fn a_name_that_is_taken_is_told_with_the_id() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 0)).await;
    let again = bench
        .engine
        .create(&spec(1, 0), OnCreateFailure::Rollback, &operation())
        .await;
    match again.expect_err("the name is taken").error {
        EngineError::Exists { id, .. } => assert_eq!(id, cluster.id()),
        other => panic!("{other}"),
    }
    let findings = bench.engine.check(&spec(1, 0), None).await.unwrap();
    assert!(
        findings
            .iter()
            .any(|finding| finding.detail.contains(&cluster.id().to_string()))
    );
}

#[tokio::test]
async fn leftovers_of_a_create_are_spared_until_its_deadline_and_removed_after_it() {
    for (time, live) in [
        (SignedDuration::from_mins(5), true),
        (SignedDuration::from_mins(-5), false),
    ] {
        let bench = Bench::new();
        let operation_of_first = operation_within(time);
        let owner = operation_of_first.owner(ClusterId::new(), &"bar".parse().unwrap());
        bench
            .platform()
            .ensure_network(&owner, &NetworkSpec::Isolated)
            .await
            .unwrap();
        let (spec, operation) = (spec(1, 1), operation());
        match bench
            .engine
            .create(&spec, OnCreateFailure::Rollback, &operation)
            .await
        {
            Ok(cluster) => {
                assert!(!live);
                assert_serves(&cluster);
                let all = bench.platform().observe(&Scope::All).await.unwrap();
                assert_eq!(all.len(), 1);
            }
            Err(Failure {
                error: EngineError::Unfinished { operation, .. },
                ..
            }) => {
                assert!(live);
                assert_eq!(operation, operation_of_first.id);
            }
            Err(failure) => panic!("{failure}"),
        }
    }
}

#[tokio::test]
async fn deleting_goes_on_past_failures_names_them_and_succeeds_when_asked_again() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 3)).await;
    let faults = (1..=4).map(|nth| fault(Call::DeleteVolumes, nth, FaultKind::FailBefore));
    let failing = engine_in(&bench.folder, faults.collect());
    let failure = failing
        .delete(cluster.id(), &operation())
        .await
        .expect_err("volumes stay");
    assert!(!failure.leftovers.is_empty());
    let left = bench.platform().observe(&Scope::All).await.unwrap();
    assert!(
        left.iter().all(|observed| observed.machines.is_empty()),
        "all machines were tried"
    );
    for _ in 0..2 {
        bench
            .engine
            .delete(cluster.id(), &operation())
            .await
            .unwrap();
        bench.assert_nothing_is_left("delete").await;
    }
    assert!(bench.engine.read(cluster.id()).await.unwrap().is_none());
}

fn beside(text: &str, role: Role) -> NodeRequest {
    NodeRequest {
        name: name(text),
        role,
        flavor: None,
        image: None,
        labels: BTreeMap::from([("disk".to_owned(), "ssd".to_owned())]),
        maintenance: false,
    }
}

#[tokio::test]
async fn nodes_beside_the_pool_are_added_at_once_changed_and_removed() {
    let bench = Bench::new();
    let spec = spec(1, 1);
    let cluster = bench.create(&spec).await;
    let id = cluster.id();
    let requests: Vec<_> = (1..=4)
        .map(|n| beside(&format!("extra-{n}"), Role::Worker))
        .collect();
    let operation_of_all = operation();
    let added = requests
        .iter()
        .map(|request| bench.engine.add_node(id, request, &operation_of_all));
    for node in futures_util::future::join_all(added).await {
        let node = node.unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(node.status, NodeStatus::Ready);
        assert_eq!(node.group, NodeGroup::Beside);
        assert_eq!(node.labels, requests[0].labels);
    }
    let grown = bench.read(&cluster).await;
    assert_serves(&grown);
    let addresses: BTreeSet<_> = grown
        .nodes()
        .into_values()
        .map(|node| node.address)
        .collect();
    assert_eq!(addresses.len(), 6);
    assert_eq!(grown.record().unwrap().addresses.len(), 6);
    assert_eq!(bench.sentences(&cluster, &spec).await, Vec::<String>::new());

    let resting = NodeRequest {
        maintenance: true,
        labels: BTreeMap::new(),
        ..requests[0].clone()
    };
    let node = bench
        .engine
        .update_node(id, &resting, &operation())
        .await
        .unwrap();
    assert_eq!(
        (node.status, node.labels),
        (NodeStatus::Drained, BTreeMap::new())
    );
    assert_serves(&bench.read(&cluster).await);
    let other = NodeRequest {
        image: Some(ImageName("node:2".to_owned())),
        ..requests[1].clone()
    };
    let node = bench
        .engine
        .update_node(id, &other, &operation())
        .await
        .unwrap();
    assert_eq!((node.status, node.image), (NodeStatus::Ready, other.image));

    for request in &requests {
        bench
            .engine
            .remove_node(id, &request.name, &operation())
            .await
            .unwrap();
        bench
            .engine
            .remove_node(id, &request.name, &operation())
            .await
            .unwrap();
        assert!(
            bench
                .engine
                .read_node(id, &request.name)
                .await
                .unwrap()
                .is_none()
        );
    }
    assert_eq!(names(&bench.read(&cluster).await), names(&cluster));
}

#[tokio::test]
async fn a_node_beside_the_pool_that_fails_leaves_the_cluster_as_it_was() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 1)).await;
    for (call, nth) in [
        (Call::EnsureMachine, 1),
        (Call::Run, 3),
        (Call::Run, 6),
        (Call::PutFiles, 1),
    ] {
        for kind in [FaultKind::FailBefore, FaultKind::FailAfter] {
            let failing = engine_in(&bench.folder, vec![fault(call, nth, kind)]);
            let request = beside("extra", Role::ControlPlane);
            let id = cluster.id();
            match failing.add_node(id, &request, &operation()).await {
                Ok(_) => bench
                    .engine
                    .remove_node(id, &request.name, &operation())
                    .await
                    .unwrap(),
                Err(failure) => {
                    assert!(
                        failure.leftovers.is_empty(),
                        "{kind:?} of {call} {nth}: {failure}"
                    );
                }
            }
            let now = bench.read(&cluster).await;
            assert_eq!(
                names(&now),
                names(&cluster),
                "after {kind:?} of {call} {nth}"
            );
            assert_serves(&now);
        }
    }
}

#[tokio::test]
async fn a_node_beside_a_cluster_that_sleeps_is_removed_and_not_changed() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 0)).await;
    let (id, request) = (cluster.id(), beside("extra", Role::Worker));
    let added = bench.engine.add_node(id, &request, &operation()).await;
    added.unwrap_or_else(|failure| panic!("{failure}"));
    let asleep = ClusterSpec {
        desired_state: DesiredState::Stopped,
        ..spec(1, 0)
    };
    bench.update(&cluster, &asleep).await;
    let refused = bench.engine.update_node(id, &request, &operation()).await;
    assert!(matches!(
        refused.unwrap_err().error,
        EngineError::NoControlPlane { .. }
    ));
    let removed = bench
        .engine
        .remove_node(id, &request.name, &operation())
        .await;
    removed.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(names(&bench.read(&cluster).await), names(&cluster));

    // Only now can the cluster be told.
    let woken = bench.update(&cluster, &spec(1, 0)).await;
    assert_serves(&woken);
    assert_eq!(names(&woken), names(&cluster));
}

/// What a process leaves that was killed in the middle of an add: it joined, and nobody remembers it.
#[tokio::test]
async fn a_node_whose_add_came_to_no_end_is_finished_after_its_deadline() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 0)).await;
    let (id, request) = (cluster.id(), beside("extra", Role::Worker));
    for (deadline, is_finished) in [(5, false), (-5, true)] {
        let added = bench.engine.add_node(id, &request, &operation()).await;
        added.unwrap_or_else(|failure| panic!("{failure}"));
        let seen = bench.read(&cluster).await.observed;
        let mut record = seen.record.unwrap();
        record.addresses.remove(&request.name);
        let platform = bench.platform();
        let owner = Owner {
            deadline: Timestamp::now() + SignedDuration::from_mins(deadline),
            ..seen.owner
        };
        platform.put_record(&owner, &record).await.unwrap();
        let machine = &seen.machines[&request.name];
        platform.delete_machine(id, &request.name).await.unwrap();
        let made = MachineRequest {
            spec: machine.spec.clone(),
            address: machine.address,
            network: seen.network.unwrap(),
            boot: Boot::default(),
        };
        platform.ensure_machine(&owner, &made).await.unwrap();

        let again = bench.restarted().add_node(id, &request, &operation()).await;
        if is_finished {
            let node = again.unwrap_or_else(|failure| panic!("{failure}"));
            assert_eq!(node.status, NodeStatus::Ready);
            let record = bench.read(&cluster).await.observed.record.unwrap();
            assert!(record.addresses.contains_key(&request.name));
        } else {
            let refused = again.unwrap_err().to_string();
            assert!(refused.contains("imported as bar/extra"), "{refused}");
        }
        let engine = &bench.engine;
        engine
            .remove_node(id, &request.name, &operation())
            .await
            .unwrap_or_else(|failure| panic!("{failure}"));
    }
}

#[tokio::test]
async fn a_node_that_the_platform_refuses_is_refused_before_anything_is_made() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 0)).await;
    let (id, request) = (cluster.id(), beside("extra", Role::Worker));
    let malformed = NodeRequest {
        flavor: Some(Flavor("enormous".to_owned())),
        ..request.clone()
    };
    let refused = bench.engine.add_node(id, &malformed, &operation()).await;
    assert!(matches!(
        refused.unwrap_err().error,
        EngineError::Invalid(_)
    ));
    let added = bench.engine.add_node(id, &request, &operation()).await;
    added.unwrap_or_else(|failure| panic!("{failure}"));
    let refused = bench.engine.update_node(id, &malformed, &operation()).await;
    assert!(matches!(
        refused.unwrap_err().error,
        EngineError::Invalid(_)
    ));
    assert_serves(&bench.read(&cluster).await);
}

#[tokio::test]
async fn a_name_of_the_pool_is_none_for_a_node_beside_it() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 0)).await;
    let request = beside("bar-worker-7", Role::Worker);
    let failure = bench
        .engine
        .add_node(cluster.id(), &request, &operation())
        .await;
    assert!(matches!(
        failure.unwrap_err().error,
        EngineError::Invalid(_)
    ));
}

#[tokio::test]
async fn each_step_reports_its_beginning_and_its_end() {
    let bench = Bench::new();
    let events = Arc::new(Events::default());
    let operation = Operation {
        progress: events.clone(),
        ..operation()
    };
    let created = bench
        .engine
        .create(&spec(3, 1), OnCreateFailure::Rollback, &operation)
        .await;
    created.unwrap();
    let events = events.0.lock().unwrap();
    let titles = |progress: &StepProgress| -> BTreeSet<_> {
        events
            .iter()
            .filter(|e| e.progress == *progress)
            .map(|e| e.step.clone())
            .collect()
    };
    let started = titles(&StepProgress::Started);
    assert_eq!(started, titles(&StepProgress::Finished));
    assert!(started.contains("join bar-worker-1 as worker"));
    assert!(started.contains("make control plane bar-control-plane-1 a cluster"));
}

fn any_spec() -> impl Strategy<Value = ClusterSpec> {
    let image = prop::option::of("node:[12]".prop_map(ImageName));
    let limit = prop::option::of(1_u32..9);
    (
        0_u32..3,
        0_u32..4,
        image,
        limit,
        any::<bool>(),
        "[a-z]{0,3}",
    )
        .prop_map(
            |(control_planes, workers, image, limit, runs, description)| ClusterSpec {
                image,
                description,
                labels: limit
                    .map(|limit| ("task_history_limit".to_owned(), limit.to_string()))
                    .into_iter()
                    .collect(),
                desired_state: if runs {
                    DesiredState::Running
                } else {
                    DesiredState::Stopped
                },
                ..spec(2 * control_planes + 1, workers)
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_that_was_carried_out_leaves_an_empty_one(
        specs in prop::collection::vec(any_spec(), 2..5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new();
            let mut cluster = bench.create(&specs[0]).await;
            for spec in &specs {
                cluster = bench.update(&cluster, spec).await;
                let remaining = bench.sentences(&cluster, spec).await;
                assert_eq!(remaining, Vec::<String>::new());
                let expected = match spec.desired_state {
                    DesiredState::Running => ClusterStatus::Running,
                    DesiredState::Stopped => ClusterStatus::Stopped,
                };
                assert_eq!(cluster.status(), expected);
            }
        });
    }
}
