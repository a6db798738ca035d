//! Groups of nodes beside a cluster's pool, each worked on as a whole.

use std::collections::BTreeSet;

use coe_engine::engine::{GroupStatus, SeenGroup};
use coe_engine::error::EngineError;
use coe_engine::model::{
    ClusterId, ClusterStatus, DesiredState, Flavor, ImageName, NodeGroup, NodeGroupSpec, Owner,
    Pace,
};
use coe_engine::platform::simulated::{Call, FaultKind};

use super::group::group;
use super::{Bench, assert_serves, engine_in, fault, name, names, operation, spec};

fn named(text: &str, count: u32) -> NodeGroupSpec {
    NodeGroupSpec {
        name: text.parse().unwrap(),
        ..group(count)
    }
}

impl Bench {
    async fn add_group(&self, id: ClusterId, group: &NodeGroupSpec) -> SeenGroup {
        let added = self.engine.add_group(id, group, &operation()).await;
        added.unwrap_or_else(|failure| panic!("{failure}"))
    }

    async fn remove_group(&self, id: ClusterId, group: &NodeGroupSpec) {
        let removed = self
            .engine
            .remove_group(id, &group.name, &operation())
            .await;
        removed.unwrap_or_else(|failure| panic!("{failure}"));
    }

    async fn read_group(&self, id: ClusterId, group: &NodeGroupSpec) -> Option<SeenGroup> {
        let read = self.engine.read_group(id, &group.name).await;
        read.unwrap_or_else(|error| panic!("{error}"))
    }
}

fn node_names(seen: &SeenGroup) -> Vec<String> {
    seen.nodes.keys().map(ToString::to_string).collect()
}

#[tokio::test]
async fn groups_are_added_at_once_changed_and_removed() {
    let bench = Bench::new();
    let spec = spec(1, 1);
    let cluster = bench.create(&spec).await;
    let id = cluster.id();
    let groups = ["large", "small", "odd"].map(|text| named(text, 2));
    let at_once = operation();
    let added = groups
        .iter()
        .map(|group| bench.engine.add_group(id, group, &at_once));
    for (seen, wanted) in futures_util::future::join_all(added)
        .await
        .into_iter()
        .zip(&groups)
    {
        let seen = seen.unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(seen.status, GroupStatus::Running);
        assert_eq!(seen.spec.as_ref(), Some(wanted));
        for node in seen.nodes.values() {
            assert_eq!(node.group, NodeGroup::Named(wanted.name.clone()));
            assert_eq!(node.labels, wanted.labels);
        }
    }
    let grown = bench.read(&cluster).await;
    assert_serves(&grown);
    let addresses: BTreeSet<_> = grown
        .nodes()
        .into_values()
        .map(|node| node.address)
        .collect();
    assert_eq!(addresses.len(), 8);
    let record = grown.record().unwrap();
    assert_eq!((record.addresses.len(), record.groups.len()), (8, 3));
    assert_eq!(bench.sentences(&cluster, &spec).await, Vec::<String>::new());
    assert!(bench.engine.garbage(None).await.unwrap().is_empty());

    // What is asked for once more is there already.
    let again = bench.engine.add_group(id, &groups[0], &operation()).await;
    assert!(matches!(
        again.unwrap_err().error,
        EngineError::GroupExists { .. }
    ));
    let three = NodeGroupSpec {
        image: Some(ImageName("node:2".to_owned())),
        flavor: Some(Flavor("1x1".to_owned())),
        pace: Pace::new(1, 1).unwrap(),
        ..named("large", 3)
    };
    let seen = bench.engine.update_group(id, &three, &operation()).await;
    let seen = seen.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(seen.status, GroupStatus::Running);
    assert_eq!(
        node_names(&seen),
        ["bar-large-1", "bar-large-2", "bar-large-3"]
    );
    for node in seen.nodes.values() {
        assert_eq!((&node.image, &node.flavor), (&three.image, &three.flavor));
    }
    for group in &groups {
        for _twice in 0..2 {
            bench.remove_group(id, group).await;
            assert!(bench.read_group(id, group).await.is_none());
        }
    }
    assert_eq!(names(&bench.read(&cluster).await), names(&cluster));
    let record = bench.read(&cluster).await;
    assert_eq!(record.record().unwrap().addresses.len(), 2);
}

#[tokio::test]
async fn a_group_that_fails_leaves_what_was_there_as_it_was() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 1)).await;
    let id = cluster.id();
    let (one, three) = (group(1), group(3));
    for (call, nth) in [
        (Call::EnsureMachine, 1),
        (Call::EnsureMachine, 3),
        (Call::Run, 4),
        (Call::Run, 9),
        (Call::PutFiles, 2),
    ] {
        for kind in [FaultKind::FailBefore, FaultKind::FailAfter] {
            let what = format!("after {kind:?} of {call} {nth}");
            let failing = || engine_in(&bench.folder, vec![fault(call, nth, kind)]);
            match failing().add_group(id, &three, &operation()).await {
                Ok(_) => bench.remove_group(id, &three).await,
                Err(failure) => assert!(failure.leftovers.is_empty(), "{what}: {failure}"),
            }
            let now = bench.read(&cluster).await;
            assert_eq!(names(&now), names(&cluster), "{what}");
            assert_serves(&now);

            bench.add_group(id, &one).await;
            let before = bench.read(&cluster).await;
            match failing().update_group(id, &three, &operation()).await {
                Ok(seen) => assert_eq!(seen.nodes.len(), 3, "{what}"),
                Err(failure) => {
                    assert!(failure.leftovers.is_empty(), "{what}: {failure}");
                    let now = bench.read(&cluster).await;
                    assert_eq!(names(&now), names(&before), "{what}");
                    let first = name("bar-large-1");
                    let machine = |cluster: &coe_engine::cluster::Cluster| {
                        cluster.observed.machines[&first].id.clone()
                    };
                    assert_eq!(machine(&now), machine(&before), "{what}");
                    assert_serves(&now);
                }
            }
            bench.remove_group(id, &one).await;
        }
    }
}

#[tokio::test]
async fn a_group_sleeps_and_goes_with_its_cluster() {
    let bench = Bench::new();
    let running = spec(1, 1);
    let cluster = bench.create(&running).await;
    let id = cluster.id();
    bench.add_group(id, &group(2)).await;
    let stopped = coe_engine::model::ClusterSpec {
        desired_state: DesiredState::Stopped,
        ..running.clone()
    };
    let asleep = bench.update(&cluster, &stopped).await;
    assert_eq!(asleep.status(), ClusterStatus::Stopped);
    assert_eq!(
        bench.read_group(id, &group(2)).await.unwrap().status,
        GroupStatus::Stopped
    );

    let mut relabelled = group(2);
    relabelled.labels.clear();
    let seen = bench
        .engine
        .update_group(id, &relabelled, &operation())
        .await;
    assert_eq!(seen.unwrap().status, GroupStatus::Stopped);
    let grown = bench.engine.update_group(id, &group(3), &operation()).await;
    let refused = grown.unwrap_err().to_string();
    assert!(refused.contains("start the cluster first"), "{refused}");
    assert_eq!(
        bench.sentences(&cluster, &stopped).await,
        Vec::<String>::new()
    );

    let awake = bench.update(&cluster, &running).await;
    assert_eq!(awake.status(), ClusterStatus::Running);
    let seen = bench.read_group(id, &group(2)).await.unwrap();
    assert_eq!(seen.status, GroupStatus::Running);
    assert!(seen.nodes.values().all(|node| node.labels.is_empty()));
    // Of a cluster that sleeps the machines are deleted alone.
    bench.update(&cluster, &stopped).await;
    bench.remove_group(id, &group(2)).await;
    assert_eq!(names(&bench.read(&cluster).await), names(&cluster));
    let awake = bench.update(&cluster, &running).await;
    assert_eq!(awake.status(), ClusterStatus::Running);

    bench.add_group(id, &group(2)).await;
    bench.engine.delete(id, &operation()).await.unwrap();
    bench
        .assert_nothing_is_left("a deletion of a cluster with a group")
        .await;
}

#[tokio::test]
async fn a_record_that_is_lost_is_written_again_by_the_next_change_of_the_group() {
    let bench = Bench::new();
    let wanted = spec(1, 0);
    let cluster = bench.create(&wanted).await;
    let id = cluster.id();
    bench.add_group(id, &group(2)).await;
    let platform = bench.platform();
    coe_engine::platform::Platform::delete_record(&platform, id)
        .await
        .unwrap();
    bench.update(&cluster, &wanted).await;
    let seen = bench.restarted().read_group(id, &group(2).name).await;
    let seen = seen.unwrap().unwrap();
    assert_eq!((seen.spec, seen.status), (None, GroupStatus::Alert));
    assert_eq!(seen.nodes.len(), 2);
    let seen = bench.engine.update_group(id, &group(2), &operation()).await;
    assert_eq!(seen.unwrap().status, GroupStatus::Running);
}

#[tokio::test]
async fn each_object_of_a_group_says_which_group_it_is_of() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 0)).await;
    bench.add_group(cluster.id(), &group(1)).await;
    for (folder, object) in [("machines", "machine"), ("volumes", "volume")] {
        let mut found = 0;
        for entry in std::fs::read_dir(bench.folder.path().join(folder)).unwrap() {
            let entry = entry.unwrap();
            let file = entry.path().join(format!("{object}.json"));
            let text = std::fs::read_to_string(file).unwrap();
            let of_group = entry
                .file_name()
                .to_string_lossy()
                .starts_with("bar-large-1");
            assert_eq!(text.contains(Owner::NODE_GROUP), of_group, "{text}");
            found += usize::from(of_group);
        }
        assert!(found > 0, "{folder}");
    }
}
