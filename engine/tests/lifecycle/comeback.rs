//! Nodes whose machines come back are the members that they were.

use coe_engine::model::{MachineState, ObservedCluster, PortMapping, Protocol};

use super::*;

fn member_ids(cluster: &Cluster) -> Vec<String> {
    let members = cluster.observed.members.iter().flatten();
    members.map(|(_, member)| member.id.clone()).collect()
}

#[tokio::test]
async fn an_error_while_a_node_comes_back_does_not_cost_it_its_membership() {
    let spec = spec(3, 1);
    for node in ["bar-control-plane-2", "bar-worker-1"] {
        for nth in 1..=10 {
            let bench = Bench::new();
            let cluster = bench.create(&spec).await;
            let machine = &cluster.observed.machines[&name(node)];
            bench.platform().stop_machine(machine).await.unwrap();

            let faults = vec![fault(Call::Run, nth, FaultKind::FailBefore)];
            let failing = engine_in(&bench.folder, faults);
            // It may fail before the node is there again: the next update carries on.
            _ = failing.update(cluster.id(), &spec, &operation()).await;
            let repaired = bench.update(&cluster, &spec).await;
            assert_serves(&repaired);
            let what = format!("{node} after a failed answer {nth}");
            assert_eq!(member_ids(&repaired), member_ids(&cluster), "{what}");
        }
    }
}

#[tokio::test]
async fn a_cluster_whose_network_is_gone_gets_it_back_with_its_addresses() {
    for network in [
        NetworkSpec::Isolated,
        NetworkSpec::Subnet("10.77.0.0/24".parse().unwrap()),
    ] {
        let bench = Bench::new();
        let spec = ClusterSpec {
            network,
            ..spec(3, 1)
        };
        let cluster = bench.create(&spec).await;
        let asleep = ClusterSpec {
            desired_state: DesiredState::Stopped,
            ..spec.clone()
        };
        bench.update(&cluster, &asleep).await;
        let networks = bench.folder.path().join("networks");
        std::fs::remove_dir_all(networks.join("bar")).unwrap();

        let sentences = bench.sentences(&cluster, &spec).await;
        assert!(
            sentences[0].starts_with("+ create network bar with subnet 10."),
            "{sentences:#?}"
        );
        let woken = bench.update(&cluster, &spec).await;
        assert_serves(&woken);
        assert_eq!(woken.endpoint(), cluster.endpoint());
        assert_eq!(member_ids(&woken), member_ids(&cluster));
        for (name, node) in cluster.nodes() {
            assert_eq!(woken.nodes()[&name].address, node.address);
        }
        assert_eq!(bench.sentences(&woken, &spec).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_cluster_whose_record_is_gone_is_remembered_again_and_never_taken_for_a_leftover() {
    let bench = Bench::new();
    let spec = spec(1, 1);
    let cluster = bench.create(&spec).await;
    let platform = bench.platform();
    platform.delete_record(cluster.id()).await.unwrap();

    let seen = bench.read(&cluster).await;
    assert_eq!(seen.status(), ClusterStatus::Alert);
    let taken = bench
        .restarted()
        .create(&spec, OnCreateFailure::Rollback, &operation())
        .await;
    let error = taken.unwrap_err().error;
    assert!(matches!(error, EngineError::RecordLost { .. }), "{error}");
    assert_eq!(
        bench.sentences(&cluster, &spec).await,
        ["~ remember the cluster on its platform again: its record is gone from there"]
    );
    let restored = bench.update(&cluster, &spec).await;
    assert_serves(&restored);
    assert_eq!(member_ids(&restored), member_ids(&cluster));
    assert_eq!(restored.endpoint(), cluster.endpoint());
}

/// Takes control planes away as a scale-down does that is cut off before it can note how far it came.
#[tokio::test]
async fn a_scale_down_that_was_cut_off_does_not_keep_the_cluster_from_waking() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(3, 0)).await;
    // The record is written last, and never is.
    let faults = (1..=100).map(|nth| fault(Call::PutRecord, nth, FaultKind::FailBefore));
    let failing = engine_in(&bench.folder, faults.collect());
    let cut_off = failing
        .update(cluster.id(), &spec(1, 0), &operation())
        .await;
    assert!(cut_off.is_err());
    let first = &cluster.observed.machines[&name("bar-control-plane-1")];
    bench.platform().stop_machine(first).await.unwrap();

    let woken = bench.update(&cluster, &spec(1, 0)).await;
    assert_serves(&woken);
    assert_eq!(names(&woken), ["bar-control-plane-1"]);
    let remembered = &woken.record().unwrap().addresses;
    assert_eq!(remembered.len(), 1, "{remembered:#?}");
}

#[tokio::test]
async fn a_control_plane_that_does_not_answer_is_restarted() {
    let bench = Bench::new();
    let wanted = spec(1, 1);
    let cluster = bench.create(&wanted).await;
    let mut silent = bench.read(&cluster).await.observed;
    silent.members = None;
    let plan = bench.engine.plan(&wanted, Some(&silent), &BTreeMap::new());
    assert_eq!(
        plan.unwrap().sentences(),
        ["~ restart control plane bar-control-plane-1: it does not answer the cluster"]
    );
    let health = |observed: &ObservedCluster| bench.engine.cluster(observed.clone()).health();
    assert_eq!(health(&silent), Health::Unknown);
    silent.refuses = true;
    assert_eq!(health(&silent), Health::Unhealthy, "it answered");
    silent.refuses = false;
    let machine = silent.machines.get_mut(&name("bar-control-plane-1"));
    machine.unwrap().state = MachineState::Failed;
    assert_eq!(health(&silent), Health::Unhealthy, "nobody could answer");
}

/// One answer that got lost is not worth a restart, which ends what runs on the node.
#[tokio::test]
async fn a_control_plane_that_was_silent_for_a_moment_is_not_restarted() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 1)).await;
    let lost = vec![fault(Call::Run, 1, FaultKind::FailAfter)];
    let engine = engine_in(&bench.folder, lost);
    let events = Arc::new(Events::default());
    let operation = Operation {
        progress: Arc::clone(&events) as Arc<dyn ProgressSink>,
        ..operation()
    };
    let grown = engine.update(cluster.id(), &spec(1, 2), &operation).await;
    assert_serves(&grown.unwrap_or_else(|failure| panic!("{failure}")));
    let events = events.0.lock().unwrap();
    let restarts = events
        .iter()
        .filter(|event| event.step.contains("the machine of"));
    let restarted = restarts.filter(|event| event.step.starts_with("stop"));
    assert_eq!(restarted.count(), 0, "{events:#?}");
}

fn port_8080_of(node: &str) -> PortMapping {
    PortMapping {
        node: name(node),
        node_port: 80,
        host_port: Some(8080),
        listen_address: [127, 0, 0, 1].into(),
        protocol: Protocol::Tcp,
    }
}

#[tokio::test]
async fn a_port_moves_from_node_to_node() {
    let with_port = |node: &str, workers| ClusterSpec {
        ports: vec![port_8080_of(node)],
        ..spec(1, workers)
    };
    let (first, second) = ("bar-worker-1", "bar-worker-2");
    for (from, to, workers) in [
        (second, first, 2),
        (first, second, 2),
        // Its holder goes in the same apply.
        (second, first, 1),
        (second, "bar-control-plane-1", 2),
    ] {
        let what = format!("from {from} to {to}");
        let bench = Bench::new();
        let cluster = bench.create(&with_port(from, 2)).await;
        let moved = bench.update(&cluster, &with_port(to, workers)).await;
        assert_serves(&moved);
        let sentences = bench.sentences(&moved, &with_port(to, workers)).await;
        assert_eq!(sentences, Vec::<String>::new(), "{what}");
        for (node, machine) in &moved.observed.machines {
            let holds = machine.spec.ports.contains(&port_8080_of(node.as_str()));
            assert_eq!(holds, node.as_str() == to, "{what}: {node}");
        }
    }
}
