//! Nodes beside a cluster's pool: added, changed, finished and removed, each by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coe_engine::cluster::NodeStatus;
use coe_engine::coe::Boot;
use coe_engine::engine::{Engine, NodeRequest, Settings};
use coe_engine::error::EngineError;
use coe_engine::model::{ClusterSpec, DesiredState, Flavor, ImageName, NodeGroup, Owner, Role};
use coe_engine::platform::simulated::{Call, FaultKind, Simulated, SimulatedSettings};
use coe_engine::platform::{MachineRequest, Platform};
use jiff::{SignedDuration, Timestamp};

use super::{Bench, assert_serves, engine_in, fault, name, names, operation, spec};

fn beside(text: &str, role: Role) -> NodeRequest {
    NodeRequest {
        name: name(text),
        role,
        flavor: None,
        image: None,
        labels: BTreeMap::from([("disk".to_owned(), "ssd".to_owned())]),
        taints: BTreeSet::new(),
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
async fn a_node_beside_a_cluster_that_sleeps_is_removed_and_changed_when_it_wakes() {
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
    let another_machine = NodeRequest {
        image: Some(ImageName("other:1".to_owned())),
        ..request.clone()
    };
    let operation_now = operation();
    let refused = bench
        .engine
        .update_node(id, &another_machine, &operation_now);
    let refused = refused.await.unwrap_err().error;
    assert!(matches!(refused, EngineError::NoControlPlane { .. }));
    let changed = NodeRequest {
        labels: BTreeMap::from([("disk".to_owned(), "ssd".to_owned())]),
        taints: BTreeSet::new(),
        maintenance: true,
        ..request.clone()
    };
    let put_off = bench.engine.update_node(id, &changed, &operation()).await;
    let put_off = put_off.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(put_off.status, NodeStatus::Stopped);
    assert_eq!(
        bench.sentences(&cluster, &asleep).await,
        Vec::<String>::new()
    );
    bench.update(&cluster, &spec(1, 0)).await;
    let node = bench.read(&cluster).await.node(&request.name).unwrap();
    assert_eq!(node.labels, changed.labels);
    assert_eq!(node.status, NodeStatus::Drained);
    assert_eq!(
        bench.sentences(&cluster, &spec(1, 0)).await,
        Vec::<String>::new()
    );
    bench.update(&cluster, &asleep).await;

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

/// An add that ends says what it could not take back, and nothing keeps it: nobody has the node.
#[tokio::test]
async fn a_node_whose_add_could_not_be_taken_back_is_finished_by_the_next_one_at_once() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 0)).await;
    let (id, request) = (cluster.id(), beside("extra", Role::Worker));
    let journal = tempfile::tempdir().unwrap();
    let journaled = |faults| {
        let settings = SimulatedSettings {
            faults,
            ..SimulatedSettings::in_folder(bench.folder.path())
        };
        let journal_dir = Some(journal.path().to_owned());
        let with_journal = Settings {
            journal_dir,
            ..Settings::default()
        };
        Engine::new(Arc::new(Simulated::new(settings)), with_journal)
    };
    let failing = journaled(vec![
        fault(Call::PutFiles, 1, FaultKind::FailBefore),
        fault(Call::DeleteMachine, 1, FaultKind::FailBefore),
    ]);
    let failure = failing.add_node(id, &request, &operation()).await;
    assert_eq!(failure.unwrap_err().leftovers.len(), 1);
    let added = journaled(Vec::new())
        .add_node(id, &request, &operation())
        .await;
    let node = added.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(node.status, NodeStatus::Ready);
    assert_eq!(node.labels, request.labels);
    // Now somebody has it.
    let again = journaled(Vec::new())
        .add_node(id, &request, &operation())
        .await;
    let error = again.unwrap_err().error;
    assert!(matches!(error, EngineError::NodeExists { .. }), "{error}");
}
