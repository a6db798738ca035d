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
