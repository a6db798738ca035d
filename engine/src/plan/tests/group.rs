//! Groups of nodes beside the pool: what is wanted, what is there, and the sentences that come of it.

use expect_test::{Expect, expect};

use super::*;
use crate::model::{Drain, NodeGroupSpec, Pace, Taint, TaintEffect};
use crate::plan::{Group, cluster_as_of, newer_than_control_planes};

fn group(count: u32) -> NodeGroupSpec {
    NodeGroupSpec {
        name: "large".parse().unwrap(),
        count,
        min_count: None,
        max_count: None,
        flavor: None,
        image: None,
        labels: BTreeMap::from([("size".to_owned(), "large".to_owned())]),
        taints: BTreeSet::new(),
        pace: Pace::default(),
        drain: Drain::default(),
    }
}

/// A cluster with a group that is as it is wanted, for tests to break.
fn with_group(group: &NodeGroupSpec) -> ObservedCluster {
    let mut observed = serving(&spec(1, 1));
    for ordinal in 1..=group.count {
        observed = observed.with_node(group, ordinal);
    }
    observed
}

impl ObservedCluster {
    fn with_node(mut self, group: &NodeGroupSpec, ordinal: u32) -> Self {
        let of_cluster = spec(1, 1);
        let node = of_cluster.name.group_node(&group.name, ordinal).unwrap();
        let wanted = Group {
            wanted: group,
            spec: &cluster_as_of(&of_cluster, group.image.as_ref(), group.flavor.as_ref()),
            needs: &needs(),
            observed: &self.clone(),
        }
        .node(&node);
        let worker = name("bar-worker-1");
        let mut machine = self.machines[&worker].clone();
        machine.spec = wanted.machine;
        let mut member = self.members.as_ref().unwrap()[&worker].clone();
        member.labels = wanted.settings.labels;
        member.taints = wanted.settings.taints;
        self.machines.insert(node.clone(), machine);
        self.volumes.insert(node.clone(), vec!["data".to_owned()]);
        self.members.as_mut().unwrap().insert(node, member);
        self
    }

    fn without_anything_of(mut self, node: &str) -> Self {
        let node = name(node);
        self.machines.remove(&node);
        self.volumes.remove(&node);
        self.members.as_mut().unwrap().remove(&node);
        self
    }
}

fn check_group(group: &NodeGroupSpec, observed: &ObservedCluster, sentences: &Expect) {
    let spec = cluster_as_of(&spec(1, 1), group.image.as_ref(), group.flavor.as_ref());
    let group = Group {
        wanted: group,
        spec: &spec,
        needs: &needs(),
        observed,
    };
    sentences.assert_eq(&group.plan().unwrap().sentences().join("\n"));
}

#[test]
fn a_group_that_is_as_wanted_needs_nothing_and_neither_does_its_cluster() {
    let observed = with_group(&group(3));
    check_group(&group(3), &observed, &expect![""]);
    check(&spec(1, 1), &observed, &expect![""]);
    // The pool counts its own alone.
    check(
        &spec(1, 2),
        &observed,
        &expect!["+ create worker bar-worker-2"],
    );
    check(
        &spec(1, 0),
        &observed,
        &expect!["- remove worker bar-worker-1: drain it, then its machine and volumes"],
    );
}

#[test]
fn a_group_grows_at_the_lowest_free_numbers_and_shrinks_from_the_highest() {
    check_group(
        &group(2),
        &with_group(&group(0)),
        &expect![[r"
            + create worker bar-large-1
            + create worker bar-large-2"]],
    );
    let gap = with_group(&group(3)).without_anything_of("bar-large-2");
    check_group(&group(3), &gap, &expect!["+ create worker bar-large-2"]);
    check_group(
        &group(1),
        &with_group(&group(3)),
        &expect![[r"
            - remove worker bar-large-3: drain it, then its machine and volumes
            - remove worker bar-large-2: drain it, then its machine and volumes"]],
    );
    // The dead go first, whatever their number.
    let dead = with_group(&group(3)).with_member("bar-large-2", MemberState::Down);
    check_group(
        &group(0),
        &dead,
        &expect![[r"
            - remove worker bar-large-2: drain it, then its machine and volumes
            - remove worker bar-large-3: drain it, then its machine and volumes
            - remove worker bar-large-1: drain it, then its machine and volumes"]],
    );
}

#[test]
fn a_number_that_a_node_by_itself_has_is_left_out() {
    let mut observed = with_group(&group(1));
    let mut extra = observed.machines[&name("bar-worker-1")].clone();
    extra.spec.name = name("bar-large-2");
    extra.spec.group = NodeGroup::Beside;
    observed.machines.insert(name("bar-large-2"), extra);
    check_group(
        &group(2),
        &observed,
        &expect!["+ create worker bar-large-3"],
    );
    check_group(
        &group(0),
        &observed,
        &expect!["- remove worker bar-large-1: drain it, then its machine and volumes"],
    );
}

#[test]
fn groups_whose_names_begin_alike_are_told_apart() {
    let mut other = group(2);
    other.name = "large-1".parse().unwrap();
    let observed = with_group(&group(1))
        .with_node(&other, 1)
        .with_node(&other, 2);
    check_group(&group(1), &observed, &expect![""]);
    check_group(&other, &observed, &expect![""]);
}

#[test]
fn what_is_broken_is_repaired_before_anything_is_added() {
    let observed = with_group(&group(4))
        .without_machine("bar-large-1")
        .with_machine("bar-large-2", MachineState::Stopped)
        .with_member("bar-large-3", MemberState::Down)
        .without_member("bar-large-4");
    check_group(
        &group(5),
        &observed,
        &expect![[r"
            ~ make the machine of worker bar-large-1 again: it is gone
            ~ restart worker bar-large-2: its machine is stopped
            ~ restart worker bar-large-3: it does not answer the cluster
            ~ join worker bar-large-4 again: the cluster does not know it
            + create worker bar-large-5"]],
    );
}

#[test]
fn labels_taints_and_rest_are_changed_in_place() {
    let observed = with_group(&group(2)).with_member("bar-large-2", MemberState::Drained);
    check_group(
        &group(2),
        &observed,
        &expect!["~ let worker bar-large-2 take work again: it is drained"],
    );
    let mut tainted = group(2);
    tainted.taints.insert(Taint {
        key: "size".to_owned(),
        value: String::new(),
        effect: TaintEffect::NoSchedule,
    });
    check_group(
        &tainted,
        &observed,
        &expect![[r"
            ~ set the labels, the taints and the maintenance of bar-large-1
            ~ set the labels, the taints and the maintenance of bar-large-2"]],
    );
    let mut plain = group(2);
    plain.labels.clear();
    check_group(
        &plain,
        &with_group(&group(1)),
        &expect![[r"
            + create worker bar-large-2
            ~ set the labels, the taints and the maintenance of bar-large-1"]],
    );
}

#[test]
fn machines_are_made_again_at_the_pace_of_the_group() {
    let with_image = |pace: (u32, u32)| NodeGroupSpec {
        image: Some(ImageName("node:2".to_owned())),
        flavor: Some(Flavor("2x4".to_owned())),
        pace: Pace::new(pace.0, pace.1).unwrap(),
        ..group(2)
    };
    let observed = with_group(&group(2));
    check_group(
        &with_image((0, 1)),
        &observed,
        &expect![[r"
            ~ recreate bar-large-1 with image node:2 (was node:1), flavor 2x4 (was unlimited)
            ~ recreate bar-large-2 with image node:2 (was node:1), flavor 2x4 (was unlimited)"]],
    );
    // No more for a time than are made again.
    check_group(
        &with_image((5, 0)),
        &observed,
        &expect![[r"
            + create worker bar-large-3 for as long as others are made again
            + create worker bar-large-4 for as long as others are made again
            ~ recreate bar-large-1 with image node:2 (was node:1), flavor 2x4 (was unlimited)
            ~ recreate bar-large-2 with image node:2 (was node:1), flavor 2x4 (was unlimited)
            - remove worker bar-large-4: drain it, then its machine and volumes
            - remove worker bar-large-3: drain it, then its machine and volumes"]],
    );
    // Those that are too many already do for them.
    check_group(
        &with_image((1, 0)),
        &with_group(&group(3)),
        &expect![[r"
            ~ recreate bar-large-1 with image node:2 (was node:1), flavor 2x4 (was unlimited)
            ~ recreate bar-large-2 with image node:2 (was node:1), flavor 2x4 (was unlimited)
            - remove worker bar-large-3: drain it, then its machine and volumes"]],
    );
}

#[test]
fn a_cluster_stops_and_starts_with_its_groups() {
    let observed = with_group(&group(2));
    let stopped = ClusterSpec {
        desired_state: DesiredState::Stopped,
        ..spec(1, 1)
    };
    check(&stopped, &observed, &expect!["~ stop 4 machines"]);
    let mut asleep = serving(&stopped);
    for ordinal in [1, 2] {
        asleep = asleep.with_node(&group(2), ordinal);
    }
    asleep.members = None;
    for machine in asleep.machines.values_mut() {
        machine.state = MachineState::Stopped;
    }
    check(&stopped, &asleep, &expect![""]);
    check(&spec(1, 1), &asleep, &expect!["~ start 4 machines"]);
}

#[test]
fn a_group_may_have_a_version_of_its_own_that_is_not_newer_than_the_control_planes() {
    let minor_by_minor = CoeNeeds {
        upgrades: Upgrades::MinorByMinor,
        ..needs()
    };
    let mut observed = with_group(&group(1));
    for member in observed.members.as_mut().unwrap().values_mut() {
        member.version = "1.34.9".to_owned();
    }
    let found = |tag: &str, needs: &CoeNeeds| {
        let image = ImageName(format!("node:{tag}"));
        newer_than_control_planes(&image, needs, &observed).map(|finding| finding.summary)
    };
    for tag in ["v1.33.13", "v1.34.9", "v1.34.11", "latest"] {
        assert_eq!(found(tag, &minor_by_minor), None, "{tag}");
    }
    assert_eq!(found("v1.35.0", &needs()), None);
    assert_eq!(
        found("v1.35.0", &minor_by_minor).as_deref(),
        Some("node:v1.35.0 is of version 1.35.0, and a control plane runs 1.34.9")
    );
    // The pool does not wait for a group that lags behind.
    let mut lagging = observed.clone();
    let node = name("bar-large-1");
    lagging
        .members
        .as_mut()
        .unwrap()
        .get_mut(&node)
        .unwrap()
        .version = "1.33.13".to_owned();
    let upgraded = ClusterSpec {
        version: Some("1.35.0".to_owned()),
        image: Some(ImageName("node:v1.35.0".to_owned())),
        ..spec(1, 1)
    };
    let plan = plan(&upgraded, Some(&lagging), &BTreeMap::new(), &minor_by_minor).unwrap();
    expect![[r"
        ~ recreate bar-control-plane-1 with image node:v1.35.0 (was node:1)
        ~ recreate bar-worker-1 with image node:v1.35.0 (was node:1)"]]
    .assert_eq(&plan.sentences().join("\n"));
}
