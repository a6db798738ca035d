use coe_engine::model::{Network, Owner};
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
            machines: [].into(),
            volumes: if number == 1 {
                volumes.into()
            } else {
                [].into()
            },
            members: None,
            unreachable: None,
            refuses: false,
            ca_certificate: None,
            claim: None,
        },
        begun: begun.map(at),
        fate,
    }
}

fn check(found: Vec<Leftover>, older_than: u64, question: Question, expected: &Expect) {
    let older_than = Duration::from_secs(older_than);
    let listing = Listing::of(found, None, older_than, at(NOW));
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
        Listing::of(old(), None, older_than, at(NOW)).garbage.len()
    };
    assert_eq!((garbage(60), garbage(61)), (1, 0));
}

#[test]
fn who_names_an_operation_means_no_other() {
    let found = vec![
        leftover("demo", 1, NOW, None, Fate::Over(Over::TimeUp)),
        leftover("other", 2, NOW, None, Fate::Over(Over::TimeUp)),
    ];
    let named = found[1].observed.owner.operation;
    let listing = Listing::of(found, Some(named), Duration::ZERO, at(NOW));
    assert_eq!(listing.garbage.len(), 1);
    assert_eq!(listing.garbage[0].observed.owner.operation, named);
    let none = Listing::of(Vec::new(), Some(named), Duration::ZERO, at(NOW));
    assert!(none.is_empty());
}
