//! Certificates that end soon.

use super::*;

fn expiring(nodes: &[&str]) -> ObservedCluster {
    let mut observed = serving(&spec(3, 1));
    let members = observed.members.as_mut().unwrap();
    for node in nodes {
        members.get_mut(&name(node)).unwrap().expires = "2027-01-02T03:04:05Z".parse().ok();
    }
    observed
}

fn planned(observed: &ObservedCluster) -> String {
    let plan = plan(&spec(3, 1), Some(observed), &BTreeMap::new(), &needs());
    plan.unwrap().sentences().join("\n")
}

#[test]
fn they_are_renewed_where_they_end() {
    let observed = expiring(&["bar-control-plane-1", "bar-control-plane-3"]);
    expect![[r"
        ~ renew the certificates of bar-control-plane-1, which end on 2027-01-02
        ~ renew the certificates of bar-control-plane-3, which end on 2027-01-02"]]
    .assert_eq(&planned(&observed));
}

#[test]
fn a_control_plane_that_does_not_answer_is_repaired_first() {
    let mut observed = expiring(&["bar-control-plane-1", "bar-control-plane-2"]);
    let members = observed.members.as_mut().unwrap();
    members.get_mut(&name("bar-control-plane-2")).unwrap().state = MemberState::Down;
    observed.machines.remove(&name("bar-control-plane-1"));
    expect![[r"
        ~ make the machine of control plane bar-control-plane-1 again: it is gone
        ~ restart control plane bar-control-plane-2: it does not answer the cluster"]]
    .assert_eq(&planned(&observed));
}
