//! Members of which the cluster was not told that they are gone, and members of others.

use super::*;

#[test]
fn a_member_that_was_removed_while_the_cluster_slept_is_forgotten_and_no_other() {
    let with_member = |state| {
        let mut observed = serving(&spec(1, 1));
        let member = Member {
            id: "extra".to_owned(),
            role: Role::Worker,
            state,
            version: "28.1.1".to_owned(),
            labels: BTreeMap::new(),
            taints: BTreeSet::new(),
            expires: None,
        };
        let members = observed.members.as_mut().unwrap();
        members.insert(name("extra"), member);
        observed
    };
    let departed = |state| {
        let mut observed = with_member(state);
        let record = observed.record.as_mut().unwrap();
        record.departed.insert(name("extra"));
        observed
    };
    check(
        &spec(1, 0),
        &departed(MemberState::Down),
        &expect![[r"
            - forget extra: the cluster knows it, and it has no machine
            - remove worker bar-worker-1: drain it, then its machine and volumes"]],
    );
    for (observed, why) in [
        (departed(MemberState::Ready), "somebody else made it again"),
        (with_member(MemberState::Ready), "it is somebody else's"),
        (with_member(MemberState::Down), "it is, and may come back"),
    ] {
        let plan = plan(&spec(1, 1), Some(&observed), &BTreeMap::new(), &needs());
        assert_eq!(plan.unwrap().sentences(), [""; 0], "{why}");
    }
}
