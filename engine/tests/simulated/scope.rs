//! A look at one cluster reads no other's files, and what is changed by hand is seen.

use std::fs;
use std::sync::Arc;

use coe_engine::model::MachineState;
use coe_engine::platform::Scope;

use crate::SimulatedHarness;
use crate::platform_contract::{Fixture, Foreign, run};

type Simulation = Arc<Fixture<SimulatedHarness>>;

#[tokio::test]
async fn a_damaged_cluster_disturbs_no_look_at_another() {
    run(
        SimulatedHarness::new().await,
        async |fixture: Simulation| {
            let (whole, damaged) = (fixture.cluster(), fixture.cluster());
            whole.ensure_network().await;
            damaged
                .platform
                .put_record(&damaged.owner, &damaged.record(""))
                .await
                .unwrap();
            let dir = fixture
                .harness
                .dir
                .path()
                .join("clusters")
                .join(damaged.id().to_string());
            fs::write(dir.join("record.json"), "not a record").unwrap();

            assert!(whole.observe().await.is_some());
            let by_name = Scope::Name(whole.owner.cluster_name.clone());
            assert_eq!(whole.platform.observe(&by_name).await.unwrap().len(), 1);
            let error = whole
                .platform
                .observe(&Scope::All)
                .await
                .unwrap_err()
                .to_string();
            assert!(error.contains("record.json"), "{error}");
            damaged.platform.delete_record(damaged.id()).await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn a_state_that_is_edited_by_hand_is_seen() {
    run(
        SimulatedHarness::new().await,
        async |fixture: Simulation| {
            let cluster = fixture.cluster();
            let network = cluster.ensure_network().await;
            let machine = cluster.ensure_machine(&network, 0).await;
            let file = fixture
                .harness
                .object(Foreign::Machine, machine.spec.name.as_str());
            let content = fs::read_to_string(&file).unwrap();
            fs::write(file, content.replace("\"running\"", "\"stopped\"")).unwrap();
            let observed = cluster.observe().await.unwrap();
            assert_eq!(
                observed.machines[&machine.spec.name].state,
                MachineState::Stopped
            );
        },
    )
    .await;
}

#[tokio::test]
async fn nothing_is_left_in_the_index_of_a_cluster_that_was_deleted() {
    let harness = SimulatedHarness::new().await;
    let dir = harness.dir.path().to_owned();
    run(harness, async |fixture: Simulation| {
        let cluster = fixture.cluster();
        let network = cluster.ensure_network().await;
        let machine = cluster.ensure_machine(&network, 0).await;
        let node = &machine.spec.name;
        fs::remove_dir_all(dir.join("machines").join(node.as_str())).unwrap();
        cluster
            .platform
            .delete_machine(cluster.id(), node)
            .await
            .unwrap();
        cluster
            .platform
            .delete_volumes(cluster.id(), node)
            .await
            .unwrap();
        cluster.platform.delete_network(cluster.id()).await.unwrap();
        for folder in ["clusters", "machines", "networks", "volumes"] {
            let left = fs::read_dir(dir.join(folder)).unwrap().count();
            assert_eq!(left, 0, "{folder}");
        }
        let by_name = dir.join("names").join(cluster.name());
        assert_eq!(fs::read_dir(by_name).unwrap().count(), 0);
    })
    .await;
}

/// Somebody who deletes what says that a machine is there has deleted the machine.
#[tokio::test]
async fn files_of_a_machine_that_was_deleted_are_not_those_of_the_next() {
    run(
        SimulatedHarness::new().await,
        async |fixture: Simulation| {
            let cluster = fixture.cluster();
            let network = cluster.ensure_network().await;
            let machine = cluster.ensure_machine(&network, 0).await;
            cluster.write(&machine, "/etc/contract/own", "old").await;
            let file = fixture
                .harness
                .object(Foreign::Machine, machine.spec.name.as_str());
            fs::remove_file(file).unwrap();
            assert!(cluster.observe().await.unwrap().machines.is_empty());
            let next = cluster.ensure_machine(&network, 0).await;
            assert_eq!(cluster.read(&next, "/etc/contract/own").await, None);
        },
    )
    .await;
}
