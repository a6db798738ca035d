//! A create that does not come to its end leaves nothing, or names what it leaves.

use super::*;

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

#[tokio::test]
async fn a_look_that_fails_at_the_end_of_a_create_loses_nothing() {
    for on_failure in [OnCreateFailure::Rollback, OnCreateFailure::Keep] {
        // The first look is for others of that name.
        let looks = (2..=100).map(|nth| fault(Call::Observe, nth, FaultKind::FailBefore));
        let bench = Bench::with_faults(looks.collect());
        let spec = spec(3, 1);
        let made = bench.engine.create(&spec, on_failure, &operation()).await;
        let made = made.unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(made.nodes().len(), 4);
        assert!(made.endpoint().is_some() && made.ca_certificate().is_some());
        assert!(made.observed.unreachable.is_some(), "it was not seen");
        let seen = bench.read(&made).await;
        assert_serves(&seen);
        assert_eq!(seen.endpoint(), made.endpoint());
        assert_eq!(seen.ca_certificate(), made.ca_certificate());
        assert_eq!(seen.record(), made.record());
        bench
            .restarted()
            .delete(made.id(), &operation())
            .await
            .unwrap();
        bench.assert_nothing_is_left("the look").await;
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
    assert_eq!(left.status(), ClusterStatus::Error);
    bench
        .restarted()
        .delete(left.id(), &operation())
        .await
        .unwrap();
    bench.assert_nothing_is_left("the later delete").await;
}

#[tokio::test]
async fn a_destruction_that_was_thought_better_of_is_repaired_in_place() {
    let bench = Bench::new();
    let wanted = spec(3, 1);
    let cluster = bench.create(&wanted).await;
    let engine = engine_in(
        &bench.folder,
        (1..=100)
            .map(|nth| fault(Call::DeleteMachine, nth, FaultKind::FailBefore))
            .collect(),
    );
    assert!(engine.delete(cluster.id(), &operation()).await.is_err());
    let left = bench.read(&cluster).await;
    assert_eq!(left.status(), ClusterStatus::Destroying);
    assert_eq!(
        bench.sentences(&cluster, &wanted).await,
        [
            "~ make the balancer of bar again: it is gone",
            "~ keep the cluster: its destruction was cut off"
        ]
    );
    let repaired = bench.update(&cluster, &wanted).await;
    assert_serves(&repaired);
    assert_eq!(
        bench.sentences(&repaired, &wanted).await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_new_control_plane_that_cannot_leave_again_keeps_its_machine_and_the_cluster_its_quorum()
{
    let mut kept = 0;
    for nth in 1..=10 {
        let bench = Bench::new();
        let cluster = bench.create(&spec(1, 0)).await;
        let wanted = spec(3, 0);
        // One call of a join, and each by which somebody would leave.
        let faults = (nth..nth + 10).map(|nth| fault(Call::PutFiles, nth, FaultKind::FailBefore));
        let failing = engine_in(&bench.folder, faults.collect());
        let updated = failing.update(cluster.id(), &wanted, &operation()).await;
        if let Err(failure) = &updated {
            let stays =
                |left: &String| left.contains("could not be taken out of the control plane");
            kept += failure.leftovers.iter().filter(|left| stays(left)).count();
        }
        let again = bench.restarted();
        let finished = again.update(cluster.id(), &wanted, &operation()).await;
        assert_serves(&finished.unwrap_or_else(|failure| panic!("{nth}: {failure}")));
    }
    assert!(kept > 0);
}

#[tokio::test]
async fn a_scale_down_whose_drain_fails_leaves_all_nodes_at_work_and_the_next_one_carries_on() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 3)).await;
    // The first node is drained, and the answer is a failure.
    let faults = vec![fault(Call::PutFiles, 1, FaultKind::FailAfter)];
    let failing = engine_in(&bench.folder, faults);
    let shrunk = failing
        .update(cluster.id(), &spec(1, 1), &operation())
        .await;
    let failure = shrunk.unwrap_err();
    assert!(failure.to_string().contains("drain"), "{failure}");
    let now = failure.cluster.unwrap();
    assert_serves(&now);
    assert_eq!(names(&now), names(&cluster));
    let shrunk = bench.update(&cluster, &spec(1, 1)).await;
    assert_serves(&shrunk);
    assert_eq!(names(&shrunk).len(), 2);
}
