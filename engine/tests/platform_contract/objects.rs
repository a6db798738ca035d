//! Ownership: what is ours is found and told, what is not is left alone.

use std::sync::Arc;

use coe_engine::model::{ClusterId, NetworkSpec, NodeGroup, NodeSpec, Owner, Role};
use coe_engine::platform::{PlatformError, Scope};

use super::fixture::{Cluster, Fixture, remove_cluster};
use super::{Foreign, Harness, MakesObjects};

pub async fn ensured_twice_is_one_object<H: Harness>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let machine = cluster.ensure_machine(&network, 0).await;
    assert_eq!(cluster.ensure_network().await, network);
    assert_eq!(cluster.ensure_machine(&network, 0).await, machine);
    let observed = cluster.observe().await.unwrap();
    assert_eq!(observed.machines.len(), 1);
    assert_eq!(observed.volumes[&machine.spec.name], ["data"]);
}

pub async fn every_object_carries_its_owner<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let group = "large";
    let of_group = NodeSpec {
        group: NodeGroup::Named(group.parse().unwrap()),
        ..cluster.node(0)
    };
    let request = cluster.request(&network, 0, of_group);
    let made = cluster.platform.ensure_machine(&cluster.owner, &request);
    let machine = made.await.unwrap();
    let node = machine.spec.name.as_str();
    let objects = [
        (Foreign::Network, network.name.clone()),
        (Foreign::Machine, node.to_owned()),
        (Foreign::Volume, format!("{node}-data")),
    ];
    for (kind, name) in objects {
        let labels = fixture.harness.labels(kind, &name).await;
        for (key, value) in cluster.owner.labels() {
            assert_eq!(labels.get(key), Some(&value), "{key} of {kind:?} {name}");
        }
        if kind != Foreign::Network {
            assert_eq!(labels[Owner::NODE_NAME], node, "{kind:?} {name}");
            assert_eq!(
                labels[Owner::NODE_ROLE],
                Role::Worker.as_str(),
                "{kind:?} {name}"
            );
            assert_eq!(labels[Owner::NODE_GROUP], group, "{kind:?} {name}");
        }
    }
}

pub async fn observe_tells_what_was_made<H: Harness>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    assert_eq!(cluster.observe().await, None);
    let record = cluster.record("as it was asked for");
    cluster
        .platform
        .put_record(&cluster.owner, &record)
        .await
        .unwrap();
    let network = cluster.ensure_network().await;
    let machine = cluster.ensure_machine(&network, 0).await;
    let observed = cluster.observe().await.unwrap();
    assert_eq!(observed.id, cluster.id());
    assert_eq!(observed.owner, cluster.owner);
    assert_eq!(observed.record, Some(record));
    assert_eq!(observed.machines.get(&machine.spec.name), Some(&machine));
    let told = observed.network.unwrap();
    assert_eq!(
        (told.id, told.subnet, told.owned),
        (network.id, network.subnet, network.owned)
    );
    assert_eq!((observed.members, observed.unreachable), (None, None));
}

pub async fn observe_finds_by_all_id_and_name<H: Harness>(fixture: Arc<Fixture<H>>) {
    let (one, two) = (fixture.cluster(), fixture.cluster());
    one.begin().await;
    two.platform
        .put_record(&two.owner, &two.record(""))
        .await
        .unwrap();
    let ids = async |scope: Scope| -> Vec<ClusterId> {
        let found = one.platform.observe(&scope).await.unwrap();
        found.iter().map(|cluster| cluster.id).collect()
    };
    let all = ids(Scope::All).await;
    assert!(all.contains(&one.id()) && all.contains(&two.id()));
    assert_eq!(ids(Scope::Id(one.id())).await, [one.id()]);
    assert_eq!(
        ids(Scope::Name(two.owner.cluster_name.clone())).await,
        [two.id()]
    );
    assert_eq!(ids(Scope::Id(ClusterId::new())).await, []);
    assert_eq!(
        ids(Scope::Name("contract-nobody".parse().unwrap())).await,
        []
    );
}

pub async fn a_record_is_replaced_as_a_whole<H: Harness>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let put = async |description: &str| {
        let record = cluster.record(description);
        cluster
            .platform
            .put_record(&cluster.owner, &record)
            .await
            .unwrap();
    };
    let observed = async || {
        let observed = cluster
            .observe()
            .await
            .expect("there is one record or the other");
        observed
            .record
            .expect("there is one record or the other")
            .spec
            .description
    };
    put("0").await;
    for replacement in 1..=5 {
        let replacement = replacement.to_string();
        let ((), during) = tokio::join!(put(&replacement), observed());
        assert!(during.parse::<u32>().is_ok());
        assert_eq!(observed().await, replacement);
    }
}

pub async fn deleting_what_is_absent_succeeds<H: Harness>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let node = cluster.node_name(0);
    for _ in 0..2 {
        cluster
            .platform
            .delete_machine(cluster.id(), &node)
            .await
            .unwrap();
        cluster
            .platform
            .delete_volumes(cluster.id(), &node)
            .await
            .unwrap();
        cluster.platform.delete_network(cluster.id()).await.unwrap();
        cluster.platform.delete_record(cluster.id()).await.unwrap();
    }
}

pub async fn deleting_leaves_other_clusters_alone<H: Harness>(fixture: Arc<Fixture<H>>) {
    let (ours, theirs) = (fixture.cluster(), fixture.cluster());
    let network = theirs.ensure_network().await;
    let machine = theirs.ensure_machine(&network, 0).await;
    let before = theirs.observe().await;
    ours.platform
        .delete_machine(ours.id(), &machine.spec.name)
        .await
        .unwrap();
    ours.platform
        .delete_volumes(ours.id(), &machine.spec.name)
        .await
        .unwrap();
    ours.platform.delete_network(ours.id()).await.unwrap();
    assert_eq!(theirs.observe().await, before);
}

pub async fn deleting_everything_leaves_nothing<H: Harness>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    cluster
        .platform
        .put_record(&cluster.owner, &cluster.record(""))
        .await
        .unwrap();
    let network = cluster.ensure_network().await;
    cluster.ensure_machine(&network, 0).await;
    cluster.ensure_machine(&network, 1).await;
    remove_cluster(&*cluster.platform, cluster.id()).await;
    assert_eq!(cluster.observe().await, None);
    let by_name = Scope::Name(cluster.owner.cluster_name.clone());
    assert_eq!(cluster.platform.observe(&by_name).await.unwrap(), []);
}

pub async fn a_foreign_machine_is_named_and_not_touched<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let node = cluster.node_name(0);
    fixture.foreign(Foreign::Machine, node.as_str()).await;
    let network = cluster.ensure_network().await;
    let result = cluster.try_machine(&network, 0, cluster.node(0)).await;
    assert_foreign(result, node.as_str());
    cluster
        .platform
        .delete_machine(cluster.id(), &node)
        .await
        .unwrap();
    assert!(
        fixture
            .harness
            .foreign_is_untouched(Foreign::Machine, node.as_str())
            .await
    );
    assert!(cluster.observe().await.unwrap().machines.is_empty());
}

pub async fn a_foreign_network_is_named_and_not_touched<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    fixture.foreign(Foreign::Network, &cluster.name()).await;
    let result = cluster
        .platform
        .ensure_network(&cluster.owner, &NetworkSpec::Isolated)
        .await;
    assert_foreign(result, &cluster.name());
    cluster.platform.delete_network(cluster.id()).await.unwrap();
    assert!(
        fixture
            .harness
            .foreign_is_untouched(Foreign::Network, &cluster.name())
            .await
    );
    assert_eq!(cluster.observe().await, None);
}

pub async fn a_foreign_volume_is_named_and_not_touched<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let node = cluster.node_name(0);
    let volume = format!("{node}-data");
    fixture.foreign(Foreign::Volume, &volume).await;
    let network = cluster.ensure_network().await;
    let result = cluster.try_machine(&network, 0, cluster.node(0)).await;
    assert_foreign(result, &volume);
    cluster
        .platform
        .delete_volumes(cluster.id(), &node)
        .await
        .unwrap();
    assert!(
        fixture
            .harness
            .foreign_is_untouched(Foreign::Volume, &volume)
            .await
    );
}

pub async fn the_same_name_in_another_cluster_is_foreign<H: MakesObjects>(
    fixture: Arc<Fixture<H>>,
) {
    let theirs = fixture.cluster();
    let network = theirs.ensure_network().await;
    theirs.ensure_machine(&network, 0).await;
    let before = theirs.observe().await;

    let stranger = fixture.cluster();
    let namesake = Cluster {
        owner: Owner {
            cluster_name: theirs.owner.cluster_name.clone(),
            ..stranger.owner.clone()
        },
        ..stranger
    };
    let result = namesake
        .platform
        .ensure_network(&namesake.owner, &NetworkSpec::Isolated)
        .await;
    assert_foreign(result, &theirs.name());
    let result = namesake.try_machine(&network, 5, namesake.node(0)).await;
    assert_foreign(result, theirs.node_name(0).as_str());
    assert_eq!(theirs.observe().await, before);
}

fn assert_foreign<T>(result: Result<T, PlatformError>, expected: &str) {
    match result {
        Err(PlatformError::Foreign { name, .. }) => assert_eq!(name, expected),
        Err(other) => panic!("{expected} is foreign, which the error does not say: {other}"),
        Ok(_) => panic!("{expected} is foreign and was taken"),
    }
}
