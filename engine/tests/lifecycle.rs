//! Whole lives of clusters on a platform kept in a folder, asserted on what is there afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "lifecycle/comeback.rs"]
mod comeback;
#[path = "support/group.rs"]
mod group;
#[path = "lifecycle/node_groups.rs"]
mod node_groups;
#[path = "lifecycle/nodes_beside.rs"]
mod nodes_beside;
#[path = "lifecycle/operations_table.rs"]
mod operations_table;
#[path = "lifecycle/rollback.rs"]
mod rollback;
#[path = "lifecycle/shared_network.rs"]
mod shared_network;
mod support;
#[path = "lifecycle/two_users.rs"]
mod two_users;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use coe_engine::cluster::{Cluster, NodeStatus};
use coe_engine::engine::{Engine, Settings};
use coe_engine::error::{EngineError, Failure};
use coe_engine::model::{
    ClusterId, ClusterSpec, ClusterStatus, DesiredState, Health, ImageName, MachineState,
    NetworkSpec, NodeName, OnCreateFailure,
};
use coe_engine::operation::{Event, Operation, ProgressSink, StepProgress};
use coe_engine::platform::simulated::{Call, Fault, FaultKind, Simulated, SimulatedSettings};
use coe_engine::platform::{Platform, Scope};
use jiff::SignedDuration;
use proptest::prelude::*;
use support::{extra, spec};
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
    support::operation_within(time, Arc::new(Events::default()))
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
    let of_one = cluster.endpoint().map(str::to_owned);
    cluster = bench.update(&cluster, &spec(3, 1)).await;
    // Several control planes have a balancer, and what had one keeps it.
    let endpoint = cluster.endpoint().map(str::to_owned);
    assert_ne!(endpoint, of_one);
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
async fn a_balancer_that_is_gone_comes_back_with_its_endpoint() {
    let bench = Bench::new();
    let spec = spec(3, 0);
    let cluster = bench.create(&spec).await;
    let platform = bench.platform();
    let balances = platform.balances().unwrap();
    balances.delete_balancer(cluster.id()).await.unwrap();
    let seen = bench.read(&cluster).await;
    assert_eq!(
        (seen.status(), seen.health()),
        (ClusterStatus::Alert, Health::Degraded)
    );
    assert_eq!(seen.endpoint(), cluster.endpoint());
    assert_eq!(
        bench.sentences(&cluster, &spec).await,
        ["~ make the balancer of bar again: it is gone"]
    );
    let repaired = bench.update(&cluster, &spec).await;
    assert_serves(&repaired);
    assert_eq!(repaired.endpoint(), cluster.endpoint());
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
            "~ set label task_history_limit = 7",
            "+ create the balancer of bar"
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
                error: EngineError::Unfinished { owner },
                ..
            }) => {
                assert!(live);
                assert_eq!(owner.operation, operation_of_first.id);
            }
            Err(failure) => panic!("{failure}"),
        }
    }
}

#[tokio::test]
async fn deleting_goes_on_past_failures_names_them_and_succeeds_when_asked_again() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 3)).await;
    let faults = (1..=100).map(|nth| fault(Call::DeleteVolumes, nth, FaultKind::FailBefore));
    let failing = engine_in(&bench.folder, faults.collect());
    let failure = failing
        .delete(cluster.id(), &operation())
        .await
        .expect_err("volumes stay");
    assert!(!failure.leftovers.is_empty());
    let left = failure.cluster.expect("something is left");
    assert_eq!(left.status(), ClusterStatus::Destroying);
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
