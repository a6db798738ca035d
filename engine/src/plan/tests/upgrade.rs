//! Another version or image of a cluster that is there.

use super::*;
use crate::model::Pace;

const MINOR_BY_MINOR: fn() -> CoeNeeds = || CoeNeeds {
    default_image: ImageName("node:v1.33.13".to_owned()),
    upgrades: Upgrades::MinorByMinor,
    ..needs()
};

/// A cluster of that size of which all nodes are of the image `node:v<version>`.
fn of_version(version: &str, control_planes: u32, workers: u32) -> ObservedCluster {
    let mut observed = serving(&of_image(version, control_planes, workers));
    for member in observed.members.iter_mut().flat_map(BTreeMap::values_mut) {
        version.clone_into(&mut member.version);
    }
    observed.configured_version = Some(version.to_owned());
    observed
}

fn of_image(version: &str, control_planes: u32, workers: u32) -> ClusterSpec {
    ClusterSpec {
        image: Some(ImageName(format!("node:v{version}"))),
        ..spec(control_planes, workers)
    }
}

fn planned(wanted: &ClusterSpec, observed: &ObservedCluster) -> String {
    match plan(wanted, Some(observed), &BTreeMap::new(), &MINOR_BY_MINOR()) {
        Ok(plan) => plan.sentences().join("\n"),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn control_planes_come_first_and_nothing_joins_one_that_is_older() {
    let observed = of_version("1.33.13", 1, 1);
    expect![[r"
        ~ recreate bar-control-plane-1 with image node:v1.34.4 (was node:v1.33.13)
        + create control plane bar-control-plane-2
        + create control plane bar-control-plane-3
        + create worker bar-worker-2
        ~ recreate bar-worker-1 with image node:v1.34.4 (was node:v1.33.13)"]]
    .assert_eq(&planned(&of_image("1.34.4", 3, 2), &observed));
}

#[test]
fn those_that_take_the_work_meanwhile_are_made_first_and_removed_last() {
    let observed = of_version("1.33.13", 1, 2);
    let wanted = |max_surge| ClusterSpec {
        pace: Pace::new(max_surge, 0).unwrap(),
        ..of_image("1.34.4", 1, 2)
    };
    expect![[r"
        ~ recreate bar-control-plane-1 with image node:v1.34.4 (was node:v1.33.13)
        + create worker bar-worker-3 for as long as others are made again
        ~ recreate bar-worker-1 with image node:v1.34.4 (was node:v1.33.13)
        ~ recreate bar-worker-2 with image node:v1.34.4 (was node:v1.33.13)
        - remove worker bar-worker-3: drain it, then its machine and volumes"]]
    .assert_eq(&planned(&wanted(1), &observed));

    let mut cut_off = of_version("1.34.4", 1, 3);
    let older = cut_off.machines.get_mut(&name("bar-worker-2")).unwrap();
    older.spec.image = ImageName("node:v1.33.13".to_owned());
    expect![[r"
        ~ recreate bar-worker-2 with image node:v1.34.4 (was node:v1.33.13)
        - remove worker bar-worker-3: drain it, then its machine and volumes"]]
    .assert_eq(&planned(&wanted(1), &cut_off));
    expect![[r"
        ~ recreate bar-control-plane-1 with image node:v1.34.4 (was node:v1.33.13)
        + create worker bar-worker-3 for as long as others are made again
        + create worker bar-worker-4 for as long as others are made again
        ~ recreate bar-worker-1 with image node:v1.34.4 (was node:v1.33.13)
        ~ recreate bar-worker-2 with image node:v1.34.4 (was node:v1.33.13)
        - remove worker bar-worker-4: drain it, then its machine and volumes
        - remove worker bar-worker-3: drain it, then its machine and volumes"]]
    .assert_eq(&planned(&wanted(5), &observed));
}

#[test]
fn versions_that_cannot_follow_are_refused() {
    let observed = of_version("1.33.13", 1, 1);
    expect!["error: cluster bar runs version 1.33.13, and an upgrade to 1.35.8 would leave a minor version out: they are upgraded one after another"].assert_eq(&planned(&of_image("1.35.8", 1, 1), &observed));
    expect!["error: cluster bar runs version 1.33.13 and cannot go back to 1.32.0: the state of a newer version is not read by an older one"].assert_eq(&planned(&of_image("1.32.0", 1, 1), &observed));
    let wanted = ClusterSpec {
        version: Some("1.35.8".to_owned()),
        ..of_image("1.33.13", 1, 1)
    };
    expect!["error: image node:v1.33.13 carries version 1.33.13, not 1.35.8: give an image of that version, or no version"].assert_eq(&planned(&wanted, &observed));
}

#[test]
fn a_lost_control_plane_is_replaced_before_an_upgrade() {
    let mut observed = of_version("1.33.13", 3, 0);
    let lost = name("bar-control-plane-2");
    observed.machines.remove(&lost);
    observed.volumes.remove(&lost);
    expect!["error: cluster bar cannot be upgraded while bar-control-plane-2 is lost with its volumes: apply with the version and image that the cluster has, which replaces it, and then upgrade"].assert_eq(&planned(&of_image("1.34.4", 3, 0), &observed));
    expect!["~ make the machine of control plane bar-control-plane-2 again: it is gone"]
        .assert_eq(&planned(&of_image("1.33.13", 3, 0), &observed));
    // With its volumes it needs nobody who leads it.
    observed.volumes.insert(lost, vec!["data".to_owned()]);
    expect![[r"
        ~ make the machine of control plane bar-control-plane-2 again: it is gone
        ~ recreate bar-control-plane-1 with image node:v1.34.4 (was node:v1.33.13)
        ~ recreate bar-control-plane-3 with image node:v1.34.4 (was node:v1.33.13)"]]
    .assert_eq(&planned(&of_image("1.34.4", 3, 0), &observed));
}

#[test]
fn an_upgrade_that_was_cut_off_goes_on() {
    let mut observed = of_version("1.34.4", 1, 1);
    observed.configured_version = Some("1.33.13".to_owned());
    let wanted = of_image("1.34.4", 1, 1);
    expect![
        "~ lead the cluster over to the version of bar-control-plane-1: its upgrade was cut off"
    ]
    .assert_eq(&planned(&wanted, &observed));
    // One that takes no work is looked at before it takes some.
    let members = observed.members.as_mut().unwrap();
    members.get_mut(&name("bar-control-plane-1")).unwrap().state = MemberState::Drained;
    expect!["~ let control plane bar-control-plane-1 take work again: it is drained"]
        .assert_eq(&planned(&wanted, &observed));
}

#[test]
fn a_node_of_the_new_image_that_is_down_says_nothing_of_what_the_image_carries() {
    let mut observed = of_version("1.33.13", 3, 0);
    let half_way = name("bar-control-plane-1");
    let machine = observed.machines.get_mut(&half_way).unwrap();
    machine.spec.image = ImageName("node:v1.34.4".to_owned());
    let members = observed.members.as_mut().unwrap();
    members.get_mut(&half_way).unwrap().state = MemberState::Down;
    let wanted = ClusterSpec {
        version: Some("1.34.4".to_owned()),
        ..of_image("1.34.4", 3, 0)
    };
    expect![[r"
        ~ restart control plane bar-control-plane-1: it does not answer the cluster
        ~ recreate bar-control-plane-2 with image node:v1.34.4 (was node:v1.33.13)
        ~ recreate bar-control-plane-3 with image node:v1.34.4 (was node:v1.33.13)"]]
    .assert_eq(&planned(&wanted, &observed));
}
