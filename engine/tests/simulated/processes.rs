//! Several users of one folder. Each has a platform of its own and so opens the lock for itself, which
//! is all that distinguishes two processes.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::SimulatedHarness;
use crate::platform_contract::{Cluster, Fixture, Harness, run};

type Simulation = Arc<Fixture<SimulatedHarness>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_at_once_make_one_machine() {
    run(
        SimulatedHarness::new().await,
        async |fixture: Simulation| {
            let cluster = fixture.cluster();
            let network = cluster.ensure_network().await;
            let users: Vec<Cluster> = (0..8)
                .map(|_| Cluster {
                    platform: fixture.harness.platform(),
                    ..cluster.clone()
                })
                .collect();
            let machines =
                join_all(users.iter().map(|user| user.ensure_machine(&network, 0))).await;
            assert!(machines.iter().all(|machine| *machine == machines[0]));
            assert_eq!(cluster.observe().await.unwrap().machines.len(), 1);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_sees_whole_objects_while_others_write() {
    run(
        SimulatedHarness::new().await,
        async |fixture: Simulation| {
            let cluster = fixture.cluster();
            let network = cluster.ensure_network().await;
            let writer = Cluster {
                platform: fixture.harness.platform(),
                ..cluster.clone()
            };
            let writing = tokio::spawn(async move {
                for _ in 0..20 {
                    let machine = writer.ensure_machine(&network, 0).await;
                    let node = &machine.spec.name;
                    writer
                        .platform
                        .delete_machine(writer.id(), node)
                        .await
                        .unwrap();
                    writer
                        .platform
                        .delete_volumes(writer.id(), node)
                        .await
                        .unwrap();
                }
            });
            while !writing.is_finished() {
                let observed = cluster.observe().await.unwrap();
                assert!(observed.network.is_some());
                assert!(observed.machines.len() <= 1);
            }
            writing.await.unwrap();
        },
    )
    .await;
}
