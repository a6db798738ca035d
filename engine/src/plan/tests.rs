//! The planner as a table: what is wanted, what is there, and the sentences that come of it.

mod balancer;
mod certificates;
mod group;
mod upgrade;

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect};
use jiff::Timestamp;

use super::{CoeNeeds, plan};
use crate::coe::Upgrades;
use crate::model::{
    Carries, ClusterId, ClusterRecord, ClusterSpec, DesiredState, Flavor, ImageName, Machine,
    MachineState, Member, MemberState, Network, NetworkSpec, NodeGroup, NodeName, ObservedCluster,
    OperationId, Owner, Phase, PortMapping, Protocol, Role,
};

fn needs() -> CoeNeeds {
    CoeNeeds {
        balanced: false,
        default_image: ImageName("node:1".to_owned()),
        control_plane_volumes: Vec::new(),
        worker_volumes: Vec::new(),
        api_port: 2376,
        upgrades: Upgrades::ToAnyNewer,
    }
}

fn spec(control_planes: u32, workers: u32) -> ClusterSpec {
    ClusterSpec {
        control_planes: control_planes.try_into().unwrap(),
        workers,
        ..ClusterSpec::smallest("bar")
    }
}

fn name(text: &str) -> NodeName {
    text.parse().unwrap()
}

/// A cluster that is as `spec` wants it, for tests to break.
fn serving(spec: &ClusterSpec) -> ObservedCluster {
    let id = ClusterId::new();
    let owner = Owner {
        cluster: id,
        cluster_name: spec.name.clone(),
        operation: OperationId::new(),
        deadline: Timestamp::UNIX_EPOCH,
        host: None,
    };
    let mut observed = ObservedCluster {
        id,
        owner: owner.clone(),
        record: Some(ClusterRecord {
            spec: spec.clone(),
            created_at: Timestamp::UNIX_EPOCH,
            preloaded: BTreeMap::new(),
            addresses: BTreeMap::new(),
            api_ports: BTreeMap::new(),
            balancer_port: None,
            subnet: None,
            initialized: true,
            phase: Phase::There,
            coe_labels: None,
            put_off: BTreeMap::new(),
            groups: BTreeMap::new(),
        }),
        network: Some(Network {
            id: "bar".to_owned(),
            name: "bar".to_owned(),
            subnet: "10.89.0.0/24".parse().unwrap(),
            taken: Vec::new(),
            carries: Carries::AnyAddress,
            outside: None,
            owned: true,
        }),
        balancer: None,
        machines: BTreeMap::new(),
        volumes: BTreeMap::new(),
        members: Some(BTreeMap::new()),
        unreachable: None,
        refuses: false,
        configured_version: None,
        ca_certificate: None,
        claim: None,
    };
    for (role, count) in [
        (Role::ControlPlane, spec.control_planes.get()),
        (Role::Worker, spec.workers),
    ] {
        for node in super::pool_names(&spec.name, role, count).unwrap() {
            let mut node_spec = super::pool_node(spec, &needs(), &node, role);
            for port in &mut node_spec.ports {
                port.host_port = port.host_port.or(Some(50_000));
            }
            let machine = Machine {
                id: node.to_string(),
                spec: node_spec,
                address: "10.89.0.2".parse().unwrap(),
                state: MachineState::Running,
                published: BTreeMap::new(),
                owner: owner.clone(),
            };
            observed.machines.insert(node.clone(), machine);
            observed
                .volumes
                .insert(node.clone(), vec!["data".to_owned()]);
            let member = Member {
                id: node.to_string(),
                role,
                state: MemberState::Ready,
                version: "28.1.1".to_owned(),
                labels: BTreeMap::new(),
                taints: BTreeSet::new(),
                made_here: true,
                expires: None,
            };
            observed.members.as_mut().unwrap().insert(node, member);
        }
    }
    observed
}

impl ObservedCluster {
    fn with_machine(mut self, node: &str, state: MachineState) -> Self {
        self.machines.get_mut(&name(node)).unwrap().state = state;
        self
    }

    fn without_machine(mut self, node: &str) -> Self {
        self.machines.remove(&name(node)).unwrap();
        self.with_member(node, MemberState::Down)
    }

    fn without_volumes(mut self, node: &str) -> Self {
        self.volumes.remove(&name(node)).unwrap();
        self
    }

    fn with_member(mut self, node: &str, state: MemberState) -> Self {
        if let Some(members) = &mut self.members {
            members.get_mut(&name(node)).unwrap().state = state;
        }
        self
    }

    fn without_member(mut self, node: &str) -> Self {
        self.members.as_mut().unwrap().remove(&name(node)).unwrap();
        self
    }

    fn unanswering(mut self) -> Self {
        self.members = None;
        self.unreachable = Some("bar-control-plane-1: no answer within 10 s".to_owned());
        self
    }
}

fn check(desired: &ClusterSpec, observed: &ObservedCluster, expected: &Expect) {
    check_with(desired, Some(observed), &[], expected);
}

fn check_with(
    desired: &ClusterSpec,
    observed: Option<&ObservedCluster>,
    images: &[(&str, &str)],
    expected: &Expect,
) {
    let images = images
        .iter()
        .map(|(image, id)| (ImageName((*image).to_owned()), (*id).to_owned()))
        .collect();
    let text = match plan(desired, observed, &images, &needs()) {
        Ok(plan) => plan.sentences().join("\n"),
        Err(error) => format!("error: {error}"),
    };
    expected.assert_eq(&text);
}

#[test]
fn a_new_cluster() {
    let desired = ClusterSpec {
        preload_images: vec![ImageName("hello:1".into())],
        ..spec(1, 2)
    };
    check_with(
        &desired,
        None,
        &[],
        &expect![[r"
            + create network bar with a free subnet
            + create control plane bar-control-plane-1
            + create worker bar-worker-1
            + create worker bar-worker-2
            ~ load image hello:1 on 3 nodes"]],
    );
}

#[test]
fn a_cluster_as_it_should_be() {
    check(&spec(3, 2), &serving(&spec(3, 2)), &expect![""]);
}

#[test]
fn scaling_in_both_directions() {
    check(
        &spec(3, 1),
        &serving(&spec(1, 3)),
        &expect![[r"
            + create control plane bar-control-plane-2
            + create control plane bar-control-plane-3
            - remove worker bar-worker-3: drain it, then its machine and volumes
            - remove worker bar-worker-2: drain it, then its machine and volumes"]],
    );
    check(
        &spec(1, 2),
        &serving(&spec(3, 1)),
        &expect![[r"
            + create worker bar-worker-2
            - remove control plane bar-control-plane-3: drain it, give up its vote, then its machine and volumes
            - remove control plane bar-control-plane-2: drain it, give up its vote, then its machine and volumes"]],
    );
}

#[test]
fn a_dead_control_plane_goes_before_a_living_one() {
    let observed = serving(&spec(5, 0)).with_member("bar-control-plane-4", MemberState::Down);
    check(
        &spec(3, 0),
        &observed,
        &expect![[r"
            - remove control plane bar-control-plane-4: drain it, give up its vote, then its machine and volumes
            - remove control plane bar-control-plane-5: drain it, give up its vote, then its machine and volumes"]],
    );
}

#[test]
fn free_ordinals_are_filled_from_the_lowest() {
    let observed = serving(&spec(1, 3))
        .without_machine("bar-worker-2")
        .without_volumes("bar-worker-2")
        .without_member("bar-worker-2");
    check(
        &spec(1, 3),
        &observed,
        &expect!["+ create worker bar-worker-2"],
    );
    check(
        &spec(1, 2),
        &observed,
        &expect!["~ change the request that the platform remembers"],
    );
}

#[test]
fn what_can_be_wrong_with_a_node() {
    let spec = spec(3, 2);
    let observed = || serving(&spec);
    for (observed, expected) in [
        (
            observed().without_machine("bar-worker-2"),
            expect!["~ make the machine of worker bar-worker-2 again: it is gone"],
        ),
        (
            observed().with_machine("bar-worker-2", MachineState::Created),
            expect!["~ make the machine of worker bar-worker-2 again: its create was interrupted"],
        ),
        (
            observed().with_machine("bar-worker-2", MachineState::Failed),
            expect!["~ make the machine of worker bar-worker-2 again: it failed"],
        ),
        (
            observed().with_machine("bar-worker-2", MachineState::Stopped),
            expect!["~ restart worker bar-worker-2: its machine is stopped"],
        ),
        (
            observed().with_member("bar-worker-2", MemberState::Down),
            expect!["~ restart worker bar-worker-2: it does not answer the cluster"],
        ),
        (
            observed().without_member("bar-worker-2"),
            expect!["~ join worker bar-worker-2 again: the cluster does not know it"],
        ),
        (
            observed().with_member("bar-worker-2", MemberState::Drained),
            expect!["~ let worker bar-worker-2 take work again: it is drained"],
        ),
    ] {
        check(&spec, &observed, &expected);
    }
}

#[test]
fn control_planes_are_repaired_before_anything_else() {
    let observed = serving(&spec(3, 1))
        .with_machine("bar-worker-1", MachineState::Stopped)
        .without_machine("bar-control-plane-2");
    check(
        &spec(5, 2),
        &observed,
        &expect![[r"
            ~ make the machine of control plane bar-control-plane-2 again: it is gone
            + create control plane bar-control-plane-4
            + create control plane bar-control-plane-5
            ~ restart worker bar-worker-1: its machine is stopped
            + create worker bar-worker-2"]],
    );
}

#[test]
fn another_machine_is_made_where_it_cannot_be_changed() {
    let desired = ClusterSpec {
        image: Some(ImageName("node:2".to_owned())),
        flavor: Some(Flavor("2x4".to_owned())),
        ..spec(1, 1)
    };
    check(
        &desired,
        &serving(&spec(1, 1)),
        &expect![[r"
            ~ recreate bar-control-plane-1 with image node:2 (was node:1), flavor 2x4 (was unlimited)
            ~ recreate bar-worker-1 with image node:2 (was node:1), flavor 2x4 (was unlimited)"]],
    );
    let published = PortMapping {
        node: name("bar-worker-1"),
        node_port: 80,
        host_port: Some(8080),
        listen_address: "127.0.0.1".parse().unwrap(),
        protocol: Protocol::Tcp,
    };
    let desired = ClusterSpec {
        ports: vec![published],
        ..spec(1, 2)
    };
    check(
        &desired,
        &serving(&spec(1, 2)),
        &expect!["~ recreate bar-worker-1 with other ports"],
    );
}

#[test]
fn settings_are_changed_in_place() {
    let was = ClusterSpec {
        labels: [("a".into(), "1".into()), ("b".into(), "2".into())].into(),
        ..spec(1, 0)
    };
    let desired = ClusterSpec {
        labels: [("a".into(), "5".into())].into(),
        description: "ours".to_owned(),
        ..spec(1, 0)
    };
    check(
        &desired,
        &serving(&was),
        &expect![[r"
            ~ set label a = 5
            ~ give label b its default again
            ~ change the description"]],
    );
}

#[test]
fn images_are_loaded_when_the_platform_has_others() {
    let desired = ClusterSpec {
        preload_images: ["same:1", "changed:1", "new:1", "pruned:1"]
            .map(|image| ImageName(image.to_owned()))
            .to_vec(),
        ..spec(1, 1)
    };
    let mut observed = serving(&desired);
    observed.record.as_mut().unwrap().preloaded =
        [("same:1", "a"), ("changed:1", "b"), ("pruned:1", "c")]
            .map(|(image, id)| (image.to_owned(), id.to_owned()))
            .into();
    check_with(
        &desired,
        Some(&observed),
        &[("same:1", "a"), ("changed:1", "x"), ("new:1", "n")],
        &expect![[r"
            ~ load image changed:1 on 2 nodes
            ~ load image new:1 on 2 nodes"]],
    );
}

/// A cluster whose machines are stopped, as is wanted.
fn sleeping(spec: ClusterSpec) -> ObservedCluster {
    let mut observed = serving(&ClusterSpec {
        desired_state: DesiredState::Stopped,
        ..spec
    })
    .unanswering();
    for machine in observed.machines.values_mut() {
        machine.state = MachineState::Stopped;
    }
    observed
}

#[test]
fn a_cluster_that_sleeps_puts_everything_else_off() {
    let asleep = ClusterSpec {
        desired_state: DesiredState::Stopped,
        image: Some(ImageName("other:1".to_owned())),
        labels: BTreeMap::from([("cert_expiry".to_owned(), "90m".to_owned())]),
        ..spec(1, 2)
    };
    check(
        &asleep,
        &serving(&spec(1, 1)),
        &expect![[r"
            ~ stop 2 machines
            ~ recreate bar-control-plane-1 with image other:1 (was node:1), when the cluster is started
            + create worker bar-worker-2, when the cluster is started
            ~ set label cert_expiry = 90m, when the cluster is started
            ~ recreate bar-worker-1 with image other:1 (was node:1), when the cluster is started"]],
    );
    check(
        &asleep,
        &sleeping(spec(1, 1)),
        &expect![[r"
            ~ recreate bar-control-plane-1 with image other:1 (was node:1), when the cluster is started
            + create worker bar-worker-2, when the cluster is started
            ~ set label cert_expiry = 90m, when the cluster is started
            ~ recreate bar-worker-1 with image other:1 (was node:1), when the cluster is started"]],
    );
    check(&asleep, &sleeping(asleep.clone()), &expect![""]);
    let mut waiting = sleeping(spec(1, 1));
    let record = waiting.record.as_mut().unwrap();
    record.coe_labels = Some(record.spec.labels.clone());
    record.spec.labels = asleep.labels.clone();
    let reverted = ClusterSpec {
        desired_state: DesiredState::Stopped,
        ..spec(1, 1)
    };
    check(
        &reverted,
        &waiting,
        &expect!["~ change the request that the platform remembers"],
    );
    let started = ClusterSpec {
        labels: asleep.labels.clone(),
        ..spec(1, 2)
    };
    check(
        &started,
        &waiting,
        &expect![[r"
        ~ start 2 machines
        + create worker bar-worker-2
        ~ set label cert_expiry = 90m"]],
    );
}

#[test]
fn nodes_beside_the_pool_are_left_alone() {
    let mut observed = serving(&spec(1, 1));
    let mut extra = observed.machines[&name("bar-worker-1")].clone();
    extra.spec.name = name("extra");
    extra.spec.group = NodeGroup::Beside;
    extra.state = MachineState::Stopped;
    observed.machines.insert(name("extra"), extra);
    check(&spec(1, 1), &observed, &expect![""]);
    check(
        &spec(1, 0),
        &observed,
        &expect!["- remove worker bar-worker-1: drain it, then its machine and volumes"],
    );
}

#[test]
fn a_cluster_that_never_was_one_begins_at_its_first_control_plane() {
    let mut observed = serving(&spec(3, 1)).unanswering();
    observed.record.as_mut().unwrap().initialized = false;
    let observed = observed.with_machine("bar-worker-1", MachineState::Created);
    check(
        &spec(3, 1),
        &observed,
        &expect![[r"
            ~ make control plane bar-control-plane-1 a cluster: an earlier create did not come so far
            ~ join control plane bar-control-plane-2 again: the cluster does not know it
            ~ join control plane bar-control-plane-3 again: the cluster does not know it
            ~ make the machine of worker bar-worker-1 again: its create was interrupted"]],
    );
}

#[test]
fn one_that_answers_already_is_made_whole_all_the_same() {
    let mut observed = serving(&spec(1, 2));
    observed.record.as_mut().unwrap().initialized = false;
    let members = observed.members.as_mut().unwrap();
    members.get_mut(&name("bar-worker-2")).unwrap().state = MemberState::Down;
    check(
        &spec(1, 2),
        &observed,
        &expect![[r"
            ~ make control plane bar-control-plane-1 a cluster: an earlier create did not come so far
            ~ join worker bar-worker-2 again: the cluster does not know it"]],
    );
}

#[test]
fn a_cluster_that_does_not_answer_is_only_repaired() {
    let silent = serving(&spec(3, 1)).unanswering();
    check(
        &spec(3, 1),
        &silent,
        &expect![[r"
            ~ restart control plane bar-control-plane-1: it does not answer the cluster
            ~ restart control plane bar-control-plane-2: it does not answer the cluster
            ~ restart control plane bar-control-plane-3: it does not answer the cluster"]],
    );
    // A control plane beside the pool that does not run may be what the others lack: it is its own request's.
    let mut beside = silent.clone();
    let mut machine = silent.machines[&name("bar-control-plane-1")].clone();
    machine.spec.name = name("extra");
    machine.spec.group = NodeGroup::Beside;
    machine.state = MachineState::Stopped;
    beside.machines.insert(name("extra"), machine);
    check(
        &spec(3, 2),
        &beside,
        &expect![
            "error: cluster bar cannot be changed while no control plane answers: bar-control-plane-1: no answer within 10 s. Wanted were: + create worker bar-worker-2"
        ],
    );
    let two_stopped = silent
        .with_machine("bar-control-plane-2", MachineState::Stopped)
        .with_machine("bar-control-plane-3", MachineState::Stopped);
    check(
        &spec(3, 2),
        &two_stopped,
        &expect![[r"
            ~ restart control plane bar-control-plane-2: its machine is stopped
            ~ restart control plane bar-control-plane-3: its machine is stopped
            + create worker bar-worker-2"]],
    );
}

#[test]
fn a_lost_quorum_is_brought_back_before_anything_that_needs_it() {
    let silent = || serving(&spec(3, 1)).unanswering();
    let stopped = || {
        silent()
            .with_machine("bar-control-plane-2", MachineState::Stopped)
            .with_machine("bar-control-plane-3", MachineState::Stopped)
    };
    let gone = || {
        silent()
            .without_machine("bar-control-plane-2")
            .without_machine("bar-control-plane-3")
    };
    for (desired, observed, expected) in [
        (
            spec(3, 1),
            gone(),
            expect![[r"
                ~ make the machine of control plane bar-control-plane-2 again: it is gone
                ~ make the machine of control plane bar-control-plane-3 again: it is gone"]],
        ),
        (
            spec(3, 1),
            gone().without_volumes("bar-control-plane-3"),
            expect![[r"
                ~ make the machine of control plane bar-control-plane-2 again: it is gone
                + create control plane bar-control-plane-3"]],
        ),
        (
            spec(1, 1),
            stopped(),
            expect![[r"
                ~ restart control plane bar-control-plane-2: its machine is stopped
                ~ restart control plane bar-control-plane-3: its machine is stopped
                - remove control plane bar-control-plane-3: drain it, give up its vote, then its machine and volumes
                - remove control plane bar-control-plane-2: drain it, give up its vote, then its machine and volumes"]],
        ),
        (
            spec(1, 1),
            serving(&spec(3, 1)).with_machine("bar-control-plane-2", MachineState::Failed),
            expect![[r"
                - remove control plane bar-control-plane-2: drain it, give up its vote, then its machine and volumes
                - remove control plane bar-control-plane-3: drain it, give up its vote, then its machine and volumes"]],
        ),
        (
            spec(1, 1),
            serving(&spec(3, 1)).with_machine("bar-control-plane-1", MachineState::Stopped),
            expect![[r"
                ~ restart control plane bar-control-plane-1: its machine is stopped
                - remove control plane bar-control-plane-3: drain it, give up its vote, then its machine and volumes
                - remove control plane bar-control-plane-2: drain it, give up its vote, then its machine and volumes"]],
        ),
    ] {
        check(&desired, &observed, &expected);
    }
}

#[test]
fn a_member_of_which_nothing_is_left_is_forgotten() {
    let with = |state, made_here| {
        let mut observed = serving(&spec(1, 1));
        let members = observed.members.as_mut().unwrap();
        let mut member = members[&name("bar-worker-1")].clone();
        (member.state, member.made_here) = (state, made_here);
        members.insert(name("extra"), member);
        observed
    };
    let with_member = |state| with(state, true);
    // Somebody else's, which may come back.
    check(&spec(1, 1), &with(MemberState::Down, false), &expect![""]);
    check(
        &spec(1, 0),
        &with_member(MemberState::Down),
        &expect![[r"
            - forget extra: the cluster knows it, and it has no machine
            - remove worker bar-worker-1: drain it, then its machine and volumes"]],
    );
    // It runs on a machine of somebody's own.
    check(&spec(1, 1), &with_member(MemberState::Ready), &expect![""]);
    // A node beside the pool that lost its machine is its own request's to repair.
    let mut remembered = with_member(MemberState::Down);
    let record = remembered.record.as_mut().unwrap();
    record
        .addresses
        .insert(name("extra"), "10.89.0.9".parse().unwrap());
    check(&spec(1, 1), &remembered, &expect![""]);
}

#[test]
fn what_is_lost_for_good_is_told() {
    let observed = serving(&spec(1, 1))
        .without_machine("bar-control-plane-1")
        .without_volumes("bar-control-plane-1")
        .unanswering();
    check(
        &spec(1, 1),
        &observed,
        &expect![
            "error: cluster bar has lost its state: no control plane is left, nor the volumes of one. What ran on it cannot be brought back from here; delete the cluster and create it anew"
        ],
    );
    let mut observed = serving(&spec(3, 0))
        .without_machine("bar-control-plane-2")
        .without_volumes("bar-control-plane-2")
        .without_machine("bar-control-plane-3")
        .without_volumes("bar-control-plane-3")
        .unanswering();
    observed.record.as_mut().unwrap().addresses = (1..=3)
        .map(|n| {
            (
                name(&format!("bar-control-plane-{n}")),
                "10.89.0.2".parse().unwrap(),
            )
        })
        .collect();
    check(
        &spec(3, 0),
        &observed,
        &expect![
            "error: cluster bar has lost its quorum: 2 of 3 control planes are gone with their volumes (bar-control-plane-2, bar-control-plane-3), and those left cannot decide anything (bar-control-plane-1). Force a new cluster from one that is left with the COE's own means and apply again, or delete the cluster and create it anew"
        ],
    );
}

#[test]
fn what_cannot_change_in_place_is_refused() {
    let observed = serving(&spec(1, 0));
    let subnet = NetworkSpec::Subnet("10.7.0.0/24".parse().unwrap());
    check(
        &ClusterSpec {
            network: subnet,
            ..spec(1, 0)
        },
        &observed,
        &expect!["error: cluster bar cannot move to another network; it has to be replaced"],
    );
    check(
        &ClusterSpec {
            name: "foo".parse().unwrap(),
            ..spec(1, 0)
        },
        &observed,
        &expect!["error: the name of cluster bar cannot change; it has to be replaced"],
    );
    check(
        &ClusterSpec {
            version: Some("20.10.24".to_owned()),
            ..spec(1, 0)
        },
        &observed,
        &expect![
            "error: cluster bar runs version 28.1.1 and cannot go back to 20.10.24: the state of a newer version is not read by an older one"
        ],
    );
}
