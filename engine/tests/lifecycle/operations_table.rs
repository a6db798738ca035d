//! What failure of each operation does, and what brings the cluster back: the rows of the lifecycle's operations
//! table, a test each. Upgrades of a COE's version, and nodes that are commissioned, are not there yet.

use super::*;

/// The steps that were begun, and those that were undone, by their words.
fn steps(events: &Events) -> (Vec<String>, Vec<String>) {
    let events = events.0.lock().unwrap();
    let begun = |undo: bool| {
        let begins = events
            .iter()
            .filter(|event| event.undo == undo && event.progress == StepProgress::Started);
        begins.map(|event| event.step.clone()).collect()
    };
    (begun(false), begun(true))
}

/// Faults at calls after which nothing more is done to nodes.
fn from(call: Call, nth: u32, kind: FaultKind) -> Vec<Fault> {
    (nth..nth + 200).map(|nth| fault(call, nth, kind)).collect()
}

fn nodes_that_are(cluster: &Cluster, status: NodeStatus) -> Vec<String> {
    let nodes = cluster.nodes().into_iter();
    let those = nodes.filter(|(_, node)| node.status == status);
    those.map(|(name, _)| name.to_string()).collect()
}

#[tokio::test]
async fn create_undoes_every_step_that_started_and_goes_on_past_undos_that_fail() {
    let mut faults = vec![fault(Call::EnsureMachine, 3, FaultKind::FailAfter)];
    faults.extend(from(Call::DeleteVolumes, 1, FaultKind::FailBefore));
    let bench = Bench::with_faults(faults);
    let events = Arc::new(Events::default());
    let operation = Operation {
        progress: Arc::clone(&events) as Arc<dyn ProgressSink>,
        ..operation()
    };
    let created = bench
        .engine
        .create(&spec(1, 3), OnCreateFailure::Rollback, &operation)
        .await;
    let failure = created.expect_err("the third machine fails");

    let (mut begun, undone) = steps(&events);
    // After the undo everything that is found is deleted.
    begun.retain(|step| !step.starts_with("delete ") && !step.starts_with("forget "));
    for step in &begun {
        assert!(undone.contains(step), "{step} was begun and not undone");
    }
    let network = |steps: &[String]| steps.iter().position(|step| step.contains("network"));
    assert!(network(&begun) < begun.iter().position(|step| step.contains("worker")));
    assert!(network(&undone) > undone.iter().position(|step| step.contains("worker")));
    assert!(
        failure.leftovers.iter().any(|left| left.contains("worker")),
        "what could not be undone is named: {failure}"
    );
    let left = failure.cluster.expect("volumes are left");
    assert!(left.observed.machines.is_empty(), "the undo went on");

    let next = bench.restarted();
    next.delete(left.id(), &self::operation()).await.unwrap();
    bench.assert_nothing_is_left("the next destroy").await;
}

#[tokio::test]
async fn create_with_keep_keeps_what_is_there_and_the_next_apply_carries_on_where_it_stopped() {
    let bench = Bench::with_faults(vec![fault(Call::EnsureMachine, 3, FaultKind::FailBefore)]);
    let wanted = spec(1, 2);
    let created = bench
        .engine
        .create(&wanted, OnCreateFailure::Keep, &operation())
        .await;
    let kept = created.expect_err("the third machine fails").cluster;
    let kept = kept.expect("what is there is kept");
    assert_eq!(kept.status(), ClusterStatus::Alert);
    let machines = kept.observed.machines.clone();
    assert_eq!(machines.len(), 2);

    let next = bench.restarted();
    let whole = next.update(kept.id(), &wanted, &operation()).await;
    let whole = whole.unwrap_or_else(|failure| panic!("{failure}"));
    assert_serves(&whole);
    for (name, machine) in machines {
        assert_eq!(whole.observed.machines[&name].id, machine.id, "{name}");
    }
}

#[tokio::test]
async fn stop_carries_on_with_the_other_nodes_and_the_next_apply_stops_the_rest() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 3)).await;
    let asleep = ClusterSpec {
        desired_state: DesiredState::Stopped,
        ..spec(1, 3)
    };
    let fails = vec![fault(Call::StopMachine, 1, FaultKind::FailBefore)];
    let failing = engine_in(&bench.folder, fails);
    let stopped = failing.update(cluster.id(), &asleep, &operation()).await;
    let now = stopped.expect_err("a machine will not stop").cluster;
    let now = now.expect("the cluster stays");
    assert_eq!(now.status(), ClusterStatus::Alert);
    let running = now.observed.machines.values();
    let running = running.filter(|machine| machine.state == MachineState::Running);
    assert_eq!(running.count(), 1, "{:#?}", now.nodes());

    let stopped = bench.update(&cluster, &asleep).await;
    assert_eq!(stopped.status(), ClusterStatus::Stopped);
}

#[tokio::test]
async fn start_carries_on_with_the_other_nodes_and_the_next_apply_starts_the_rest() {
    let bench = Bench::new();
    let awake = spec(1, 3);
    let cluster = bench.create(&awake).await;
    let asleep = ClusterSpec {
        desired_state: DesiredState::Stopped,
        ..awake.clone()
    };
    bench.update(&cluster, &asleep).await;
    let fails = vec![fault(Call::StartMachine, 1, FaultKind::FailBefore)];
    let failing = engine_in(&bench.folder, fails);
    let started = failing.update(cluster.id(), &awake, &operation()).await;
    let now = started.expect_err("a machine will not start").cluster;
    let now = now.expect("the cluster stays");
    assert_eq!(now.status(), ClusterStatus::Alert);
    let running = now.observed.machines.values();
    let running = running.filter(|machine| machine.state == MachineState::Running);
    assert_eq!(running.count(), 3, "{:#?}", now.nodes());

    assert_serves(&bench.update(&cluster, &awake).await);
}

#[tokio::test]
async fn scale_up_removes_the_new_nodes_and_is_back_to_running() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 1)).await;
    let fails = vec![fault(Call::EnsureMachine, 2, FaultKind::FailAfter)];
    let failing = engine_in(&bench.folder, fails);
    let scaled = failing
        .update(cluster.id(), &spec(1, 4), &operation())
        .await;
    let now = scaled.expect_err("the second machine fails").cluster;
    let now = now.expect("the cluster stays");
    assert_serves(&now);
    assert_eq!(names(&now), names(&cluster));
    assert_serves(&bench.update(&cluster, &spec(1, 4)).await);
}

#[tokio::test]
async fn scale_up_whose_new_nodes_cannot_be_removed_is_an_alert_and_the_next_apply_converges() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 1)).await;
    let mut fails = vec![fault(Call::EnsureMachine, 2, FaultKind::FailAfter)];
    fails.extend(from(Call::DeleteMachine, 1, FaultKind::FailBefore));
    let failing = engine_in(&bench.folder, fails);
    let scaled = failing
        .update(cluster.id(), &spec(1, 4), &operation())
        .await;
    let failure = scaled.expect_err("the second machine fails");
    assert!(!failure.leftovers.is_empty(), "{failure}");
    let now = failure.cluster.expect("the cluster stays");
    assert_eq!(now.status(), ClusterStatus::Alert);
    assert_serves(&bench.update(&cluster, &spec(1, 4)).await);
}

#[tokio::test]
async fn scale_down_drains_first_and_a_node_whose_drain_fails_is_uncordoned_and_stays() {
    let wanted = spec(1, 1);
    let mut drains_that_failed = 0;
    let calls = [Call::Run, Call::PutFiles];
    let places = calls
        .into_iter()
        .flat_map(|call| (1..=12).map(move |nth| (call, nth)));
    for (call, nth) in places {
        let bench = Bench::new();
        let cluster = bench.create(&spec(1, 2)).await;
        let failing = engine_in(&bench.folder, vec![fault(call, nth, FaultKind::FailAfter)]);
        let events = Arc::new(Events::default());
        let operation = Operation {
            progress: Arc::clone(&events) as Arc<dyn ProgressSink>,
            ..operation()
        };
        let scaled = failing.update(cluster.id(), &wanted, &operation).await;
        let (begun, undone) = steps(&events);
        let is_drain = |step: &String| step.starts_with("drain ");
        let removal = begun.iter().position(|step| step.starts_with("take "));
        assert!(
            removal.is_none_or(|first| begun[..first].iter().any(is_drain)),
            "{begun:?}"
        );
        if scaled.is_err() && begun.last().is_some_and(is_drain) {
            drains_that_failed += 1;
            assert_eq!(undone, begun, "what was drained takes work again");
            let now = bench.read(&cluster).await;
            assert_serves(&now);
            assert_eq!(nodes_that_are(&now, NodeStatus::Ready).len(), 3);
        }
        let scaled = bench.update(&cluster, &wanted).await;
        assert_serves(&scaled);
        assert_eq!(names(&scaled).len(), 2);
    }
    assert!(drains_that_failed > 0, "no drain was met by a fault");
}

#[tokio::test]
async fn an_exchange_of_images_halts_and_the_next_apply_carries_on_with_the_nodes_that_lag() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 3)).await;
    let wanted = ClusterSpec {
        image: Some(ImageName("node:2".to_owned())),
        ..spec(1, 3)
    };
    let fails = from(Call::EnsureMachine, 3, FaultKind::FailBefore);
    let failing = engine_in(&bench.folder, fails);
    let changed = failing.update(cluster.id(), &wanted, &operation()).await;
    let now = changed.expect_err("the third machine fails").cluster;
    let now = now.expect("the cluster stays");
    assert_eq!(now.status(), ClusterStatus::Alert);
    let (new, old): (Vec<_>, Vec<_>) = now
        .nodes()
        .into_values()
        .partition(|node| node.image == wanted.image);
    // The node that failed has no machine at the moment; the one after it was not touched.
    assert_eq!((new.len(), old.len()), (2, 2), "{:#?}", now.nodes());
    assert_eq!(nodes_that_are(&now, NodeStatus::Missing).len(), 1);

    let changed = bench.update(&cluster, &wanted).await;
    assert_serves(&changed);
    let images = changed.nodes().into_values().map(|node| node.image);
    assert!(images.into_iter().all(|image| image == wanted.image));
}

#[tokio::test]
async fn destroy_stays_destroying_names_what_is_left_and_succeeds_when_it_is_retried() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 2)).await;
    let fails = from(Call::DeleteVolumes, 2, FaultKind::FailBefore);
    let failing = engine_in(&bench.folder, fails);
    let deleted = failing.delete(cluster.id(), &operation()).await;
    let failure = deleted.expect_err("volumes stay");
    assert!(
        failure.leftovers.iter().any(|left| left.contains("bar-")),
        "{failure}"
    );
    let now = failure.cluster.expect("something is left");
    assert_eq!(now.status(), ClusterStatus::Destroying);

    let next = bench.restarted();
    next.delete(cluster.id(), &operation()).await.unwrap();
    next.delete(cluster.id(), &operation()).await.unwrap();
    bench.assert_nothing_is_left("the next destroy").await;
}
