//! What leads to several control planes.

use super::*;
use crate::model::Balancer;

const BALANCED: fn() -> CoeNeeds = || CoeNeeds {
    balanced: true,
    ..needs()
};

fn address(of: u8) -> std::net::IpAddr {
    [10, 89, 0, of].into()
}

/// A cluster of so many control planes with a balancer that leads to all of them.
fn balanced(control_planes: u32) -> ObservedCluster {
    let mut observed = serving(&spec(control_planes, 0));
    for (machine, of) in observed.machines.values_mut().zip(2..) {
        machine.address = address(of);
    }
    observed.balancer = Some(Balancer {
        id: "balancer".to_owned(),
        address: address(254),
        published: ("127.0.0.1".parse().unwrap(), 61000),
        targets: observed
            .machines
            .values()
            .map(|machine| machine.address)
            .collect(),
        state: MachineState::Running,
    });
    observed.record.as_mut().unwrap().balancer_port = Some(61000);
    observed
}

fn without_balancer(mut observed: ObservedCluster) -> ObservedCluster {
    observed.balancer = None;
    observed
}

fn asleep(mut observed: ObservedCluster) -> ObservedCluster {
    for machine in observed.machines.values_mut() {
        machine.state = MachineState::Stopped;
    }
    observed.members = None;
    without_balancer(observed)
}

fn check_balanced(
    wanted: &ClusterSpec,
    observed: Option<&ObservedCluster>,
    expected: &Expect,
) -> bool {
    let plan = plan(wanted, observed, &BTreeMap::new(), &BALANCED()).unwrap();
    expected.assert_eq(&plan.sentences().join("\n"));
    plan.moves_endpoint()
}

#[test]
fn several_control_planes_get_one_endpoint() {
    let moved = check_balanced(
        &spec(3, 0),
        None,
        &expect![[r"
            + create network bar with a free subnet
            + create control plane bar-control-plane-1
            + create control plane bar-control-plane-2
            + create control plane bar-control-plane-3
            + create the balancer of bar: one endpoint for 3 control planes"]],
    );
    assert!(moved);
    let moved = check_balanced(
        &spec(3, 0),
        Some(&serving(&spec(1, 0))),
        &expect![[r"
            + create control plane bar-control-plane-2
            + create control plane bar-control-plane-3
            + create the balancer of bar: one endpoint for 3 control planes"]],
    );
    assert!(moved);
    check_balanced(&spec(1, 0), Some(&serving(&spec(1, 0))), &expect![""]);
    check_balanced(&spec(3, 0), Some(&balanced(3)), &expect![""]);
}

#[test]
fn it_is_repaired_like_a_node_and_the_endpoint_stays() {
    let mut down = balanced(3);
    down.balancer.as_mut().unwrap().state = MachineState::Stopped;
    for (observed, expected) in [
        (
            without_balancer(balanced(3)),
            expect!["~ make the balancer of bar again: it is gone"],
        ),
        (
            down,
            expect!["~ make the balancer of bar again: it does not run"],
        ),
        (
            without_balancer(balanced(3)).without_machine("bar-control-plane-1"),
            expect![[r"
                ~ make the machine of control plane bar-control-plane-1 again: it is gone
                ~ make the balancer of bar again: it is gone"]],
        ),
    ] {
        assert!(!check_balanced(&spec(3, 0), Some(&observed), &expected));
    }
}

#[test]
fn it_leads_to_those_that_there_are_and_stays_for_one() {
    let moved = check_balanced(
        &spec(5, 0),
        Some(&balanced(3)),
        &expect![[r"
            + create control plane bar-control-plane-4
            + create control plane bar-control-plane-5
            ~ have the balancer of bar lead to 5 control planes"]],
    );
    assert!(!moved);
    let moved = check_balanced(
        &spec(1, 0),
        Some(&balanced(3)),
        &expect![[r"
            - remove control plane bar-control-plane-3: drain it, give up its vote, then its machine and volumes
            - remove control plane bar-control-plane-2: drain it, give up its vote, then its machine and volumes
            ~ have the balancer of bar lead to 1 control plane"]],
    );
    assert!(!moved);
    check_balanced(&spec(1, 0), Some(&balanced(1)), &expect![""]);
}

#[test]
fn it_goes_while_the_cluster_sleeps() {
    let stopped = ClusterSpec {
        desired_state: DesiredState::Stopped,
        ..spec(3, 0)
    };
    check_balanced(
        &stopped,
        Some(&balanced(3)),
        &expect![[r"
            ~ stop 3 machines
            - remove the balancer of bar until the cluster is started"]],
    );
    let mut observed = asleep(balanced(3));
    observed.record.as_mut().unwrap().spec = stopped.clone();
    check_balanced(&stopped, Some(&observed), &expect![""]);
    let moved = check_balanced(
        &spec(3, 0),
        Some(&observed),
        &expect![[r"
            ~ start 3 machines
            + create the balancer of bar"]],
    );
    assert!(!moved);
}
