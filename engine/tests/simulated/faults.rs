//! What goes wrong on request goes wrong in the call that was named, and in no other.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use coe_engine::model::NetworkSpec;
use coe_engine::platform::simulated::{Call, Fault, FaultKind, Simulated, SimulatedSettings};
use coe_engine::platform::{Platform, Scope};

use crate::SimulatedHarness;
use crate::platform_contract::{Cluster, Fixture, run};

type Simulation = Arc<Fixture<SimulatedHarness>>;

fn faulty(dir: &Path, call: Call, nth: u32, kind: FaultKind) -> Arc<dyn Platform> {
    let fault = Fault {
        call,
        nth: NonZeroU32::new(nth).unwrap(),
        kind,
    };
    let settings = SimulatedSettings::in_folder(dir);
    Arc::new(Simulated::new(SimulatedSettings {
        faults: vec![fault],
        ..settings
    }))
}

fn on(platform: Arc<dyn Platform>, cluster: &Cluster) -> Cluster {
    Cluster {
        platform,
        ..cluster.clone()
    }
}

#[tokio::test]
async fn a_call_that_fails_before_has_no_effect() {
    run(
        SimulatedHarness::new().await,
        async |fixture: Simulation| {
            let cluster = fixture.cluster();
            let dir = fixture.harness.dir.path();
            let faulty = on(
                faulty(dir, Call::EnsureNetwork, 1, FaultKind::FailBefore),
                &cluster,
            );
            let result = faulty
                .platform
                .ensure_network(&faulty.owner, &NetworkSpec::Isolated)
                .await;
            assert!(result.is_err());
            assert_eq!(cluster.observe().await, None);
            faulty.ensure_network().await;
            assert!(cluster.observe().await.is_some());
        },
    )
    .await;
}

#[tokio::test]
async fn a_call_that_fails_after_has_its_effect() {
    run(
        SimulatedHarness::new().await,
        async |fixture: Simulation| {
            let cluster = fixture.cluster();
            let network = cluster.ensure_network().await;
            let dir = fixture.harness.dir.path();
            let faulty = on(
                faulty(dir, Call::EnsureMachine, 2, FaultKind::FailAfter),
                &cluster,
            );
            faulty.ensure_machine(&network, 0).await;
            assert!(
                faulty
                    .try_machine(&network, 1, cluster.node(1))
                    .await
                    .is_err()
            );
            assert_eq!(cluster.observe().await.unwrap().machines.len(), 2);
            faulty.ensure_machine(&network, 1).await;
            assert_eq!(cluster.observe().await.unwrap().machines.len(), 2);
        },
    )
    .await;
}

#[tokio::test]
async fn a_call_that_hangs_has_no_effect_and_no_answer() {
    run(
        SimulatedHarness::new().await,
        async |fixture: Simulation| {
            let cluster = fixture.cluster();
            let dir = fixture.harness.dir.path();
            let faulty = on(faulty(dir, Call::PutRecord, 1, FaultKind::Hang), &cluster);
            let record = cluster.record("");
            tokio::select! {
                result = faulty.platform.put_record(&faulty.owner, &record) => panic!("{result:?}"),
                observed = cluster.observe() => assert_eq!(observed, None),
            }
            faulty
                .platform
                .put_record(&faulty.owner, &record)
                .await
                .unwrap();
            assert!(cluster.observe().await.is_some());
        },
    )
    .await;
}

#[tokio::test]
async fn commands_on_machines_fail_too() {
    run(
        SimulatedHarness::new().await,
        async |fixture: Simulation| {
            let cluster = fixture.cluster();
            let network = cluster.ensure_network().await;
            let machine = cluster.ensure_machine(&network, 0).await;
            let dir = fixture.harness.dir.path();
            let faulty = faulty(dir, Call::PutFiles, 1, FaultKind::FailAfter);
            let file = crate::platform_contract::file("/etc/contract/put", "put");
            assert!(faulty.exec(&machine).put_files(&[file]).await.is_err());
            assert_eq!(
                cluster.read(&machine, "/etc/contract/put").await.as_deref(),
                Some("put")
            );
        },
    )
    .await;
}

#[test]
fn words_of_settings_are_read_back() {
    for call in Call::ALL {
        assert_eq!(call.as_str().parse(), Ok(call));
    }
    for kind in FaultKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
    }
    let unknown = "make_machine".parse::<Call>().unwrap_err().to_string();
    assert!(
        unknown.contains("make_machine") && unknown.contains("ensure_machine"),
        "{unknown}"
    );
}

/// Its caller was dropped, so an undo may have looked already and found nothing to undo.
#[test]
fn a_dropped_call_that_still_waits_for_the_lock_has_no_effect() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = Fixture::new(SimulatedHarness { dir });
    let cluster = fixture.cluster();
    let lock = std::fs::File::create(fixture.harness.dir.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let call = cluster
            .platform
            .ensure_network(&cluster.owner, &NetworkSpec::Isolated);
        assert!(
            tokio::time::timeout(Duration::from_millis(20), call)
                .await
                .is_err()
        );
    });
    lock.unlock().unwrap();
    // Ends when all blocking work has ended.
    drop(runtime);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let all = runtime
        .block_on(cluster.platform.observe(&Scope::All))
        .unwrap();
    assert_eq!(all, []);
}
