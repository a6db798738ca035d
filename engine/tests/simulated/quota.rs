//! The platform holds what its quota says, and a plan shows when it would not.

use std::sync::Arc;

use coe_engine::model::Subject;
use coe_engine::platform::simulated::{Quota, Simulated, SimulatedSettings};

use crate::SimulatedHarness;
use crate::platform_contract::{Cluster, Fixture, run, subjects};

type Simulation = Arc<Fixture<SimulatedHarness>>;

fn cluster_within(fixture: &Simulation, quota: Quota) -> Cluster {
    let settings = SimulatedSettings::in_folder(fixture.harness.dir.path());
    let platform = Arc::new(Simulated::new(SimulatedSettings { quota, ..settings }));
    Cluster {
        platform,
        ..fixture.cluster()
    }
}

#[tokio::test]
async fn machines_beyond_the_quota_are_found_and_refused() {
    run(
        SimulatedHarness::new().await,
        async |fixture: Simulation| {
            let quota = Quota {
                machines: Some(2),
                ..Quota::default()
            };
            let cluster = cluster_within(&fixture, quota);
            let nodes = [cluster.node(0), cluster.node(1), cluster.node(2)];
            assert_eq!(cluster.findings(&cluster.spec(), &nodes[..2]).await, []);
            let findings = cluster.findings(&cluster.spec(), &nodes).await;
            assert_eq!(subjects(&findings), [Subject::Workers]);

            let network = cluster.ensure_network().await;
            cluster.ensure_machine(&network, 0).await;
            cluster.ensure_machine(&network, 1).await;
            assert_eq!(cluster.findings(&cluster.spec(), &nodes[..2]).await, []);
            let refused = cluster.try_machine(&network, 2, cluster.node(2)).await;
            assert!(
                refused
                    .unwrap_err()
                    .to_string()
                    .contains("quota is 2 machines")
            );
            cluster.ensure_machine(&network, 1).await;
        },
    )
    .await;
}

#[tokio::test]
async fn networks_beyond_the_quota_are_found_and_refused() {
    run(
        SimulatedHarness::new().await,
        async |fixture: Simulation| {
            let quota = Quota {
                networks: Some(1),
                ..Quota::default()
            };
            let (first, second) = (
                cluster_within(&fixture, quota),
                cluster_within(&fixture, quota),
            );
            first.ensure_network().await;
            assert_eq!(first.findings(&first.spec(), &[]).await, []);
            let findings = second.findings(&second.spec(), &[]).await;
            assert_eq!(subjects(&findings), [Subject::Network]);
            let isolated = coe_engine::model::NetworkSpec::Isolated;
            let refused = second
                .platform
                .ensure_network(&second.owner, &isolated)
                .await;
            assert!(
                refused
                    .unwrap_err()
                    .to_string()
                    .contains("quota is 1 networks")
            );
        },
    )
    .await;
}
