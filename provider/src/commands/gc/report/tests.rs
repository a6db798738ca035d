use coe_engine::model::{Carries, Network, Owner};
use expect_test::{Expect, expect};

use super::*;

const NOW: &str = "2026-05-04T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn leftover(name: &str, number: u8, deadline: &str, begun: Option<&str>, fate: Fate) -> Leftover {
    let id = |kind: u8| format!("00000000-0000-0000-0000-0000000{kind:02}{number:03}");
    let owner = Owner {
        cluster: id(1).parse().unwrap(),
        cluster_name: name.parse().unwrap(),
        operation: id(2).parse().unwrap(),
        deadline: at(deadline),
        host: None,
    };
    let network = Network {
        id: "n".to_owned(),
        name: name.to_owned(),
        subnet: "10.89.0.0/24".parse().unwrap(),
        taken: Vec::new(),
        carries: Carries::AnyAddress,
        outside: None,
        owned: number == 1,
    };
    let volumes = [(
        format!("{name}-worker-1").parse().unwrap(),
        vec!["data".to_owned(), "state".to_owned()],
    )];
    Leftover {
        observed: ObservedCluster {
            id: owner.cluster,
            owner,
            record: None,
            network: Some(network),
            balancer: None,
            machines: [].into(),
            volumes: if number == 1 {
                volumes.into()
            } else {
                [].into()
            },
            members: None,
            unreachable: None,
            refuses: false,
            configured_version: None,
            ca_certificate: None,
            claim: None,
        },
        begun: begun.map(at),
        fate,
    }
}

fn claim(name: &str, number: u8, deadline: &str, fate: Fate) -> Held {
    let holder = leftover(name, number, deadline, None, Fate::Over(Over::TimeUp));
    Held {
        holder: holder.observed.owner,
        fate,
    }
}

fn check(
    found: Vec<Leftover>,
    claims: Vec<Held>,
    older_than: u64,
    question: Question,
    expected: &Expect,
) {
    let older_than = Duration::from_secs(older_than);
    let listing = Listing::of(found, claims, None, older_than, at(NOW));
    expected.assert_eq(&listing.render("docker at unix:///run/docker.sock", question));
}

#[test]
fn everything_that_is_found_is_told_with_its_reason() {
    let found = vec![
        leftover(
            "demo",
            1,
            "2026-05-04T09:00:00Z",
            Some("2026-05-04T08:40:00Z"),
            Fate::Over(Over::TimeUp),
        ),
        leftover(
            "young",
            2,
            "2026-05-04T12:19:30Z",
            Some("2026-05-04T11:59:30Z"),
            Fate::Over(Over::ProcessDied),
        ),
        leftover(
            "elsewhere",
            3,
            "2026-05-04T12:10:00Z",
            None,
            Fate::Spared(Spared::MayLive),
        ),
    ];
    check(
        found,
        Vec::new(),
        3600,
        Question::Asked,
        &expect![[r#"
            Left by creates that came to no end, on docker at unix:///run/docker.sock:

              demo  2 volumes, 1 network
                cluster id  00000000-0000-0000-0000-000000001001
                operation   00000000-0000-0000-0000-000000002001, begun 3 h ago
                its time was up 3 h ago

            Left alone, because it is not older than 1 h:

              young  a part of something
                cluster id  00000000-0000-0000-0000-000000001002
                operation   00000000-0000-0000-0000-000000002002, begun 30 s ago
                its process died on this machine

            Not touched, because somebody may be at work on it:

              elsewhere  a part of something
                cluster id  00000000-0000-0000-0000-000000001003
                operation   00000000-0000-0000-0000-000000002003, begun at a time that is not known
                it has until 2026-05-04T12:10:00Z, and nothing on this machine tells whether its process lives.
                Where you know that it is gone, this removes it before: --ended 00000000-0000-0000-0000-000000002003

            Remove it? Only "yes" removes it: "#]],
    );
}

#[test]
fn nothing_found_is_said() {
    check(
        Vec::new(),
        Vec::new(),
        0,
        Question::Answered,
        &expect![[r"
        Nothing to remove on docker at unix:///run/docker.sock.
    "]],
    );
}

#[test]
fn an_age_that_nobody_knows_is_at_least_the_time_since_the_deadline() {
    let old = || {
        let fate = Fate::Over(Over::TimeUp);
        vec![leftover("demo", 1, "2026-05-04T11:00:00Z", None, fate)]
    };
    let garbage = |minutes: u64| {
        let older_than = Duration::from_mins(minutes);
        let listing = Listing::of(old(), Vec::new(), None, older_than, at(NOW));
        listing.leftovers.over.len()
    };
    assert_eq!((garbage(60), garbage(61)), (1, 0));
}

#[test]
fn who_names_an_operation_means_no_other() {
    let over = || Fate::Over(Over::TimeUp);
    let found = || {
        vec![
            leftover("demo", 1, NOW, None, over()),
            leftover("other", 2, NOW, None, over()),
        ]
    };
    let claims = || {
        vec![
            claim("demo", 3, NOW, over()),
            claim("other", 4, NOW, over()),
        ]
    };
    let listed = |named| {
        let listing = Listing::of(found(), claims(), named, Duration::ZERO, at(NOW));
        let leftovers = listing.leftovers.over.iter().map(Left::owner);
        let claims = listing.claims.over.iter().map(Left::owner);
        let operations = leftovers.chain(claims).map(|owner| owner.operation);
        operations.collect::<Vec<_>>()
    };
    let all = listed(None);
    assert_eq!(all.len(), 4);
    for named in all {
        assert_eq!(listed(Some(named)), [named]);
    }
    let unknown = OperationId::new();
    let none = Listing::of(found(), claims(), Some(unknown), Duration::ZERO, at(NOW));
    assert!(none.is_empty());
}

#[test]
fn claims_are_told_apart_from_what_is_left_of_creates() {
    let claims = vec![
        claim("demo", 1, "2026-05-04T12:20:00Z", Fate::Over(Over::Said)),
        claim(
            "busy",
            2,
            "2026-05-04T12:10:00Z",
            Fate::Spared(Spared::MayLive),
        ),
    ];
    check(
        Vec::new(),
        claims,
        0,
        Question::Asked,
        &expect![[r#"
        Claims of operations that came to no end, on docker at unix:///run/docker.sock:

          demo  a claim, which keeps others from changing it
            cluster id  00000000-0000-0000-0000-000000001001
            operation   00000000-0000-0000-0000-000000002001, begun at a time that is not known
            it has until 2026-05-04T12:20:00Z, and you say that its process is gone: if it is not, two will change it at once

        Not touched, because somebody may be at work on it:

          busy  a claim, which keeps others from changing it
            cluster id  00000000-0000-0000-0000-000000001002
            operation   00000000-0000-0000-0000-000000002002, begun at a time that is not known
            it has until 2026-05-04T12:10:00Z, and nothing on this machine tells whether its process lives.
            Where you know that it is gone, this ends it before: --ended 00000000-0000-0000-0000-000000002002

        End the claim and leave the cluster as it is? Only "yes" ends it: "#]],
    );
}

#[test]
fn what_came_of_it_is_counted_by_its_kind() {
    let tally = |done, failed| Tally { done, failed };
    let told = [
        (tally(1, 0), tally(0, 0)),
        (tally(2, 1), tally(1, 0)),
        (tally(0, 0), tally(0, 2)),
    ]
    .map(|(leftovers, claims)| end(leftovers, claims));
    expect![[r"
        Removed what was left of 1 cluster.
        --
        Removed what was left of 2 clusters, and not of 1 cluster.
        Ended 1 claim.
        --
        Ended 0 claims, and not 2 claims.
    "]]
    .assert_eq(&told.join("--\n"));
}
