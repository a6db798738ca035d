//! What the cloud does not have, or does not let in, is said by the plan, at its place; what it has no room for is taken
//! back.

use super::{Lab, swarm};
use serde_json::json;

const PLAN: [&str; 2] = ["plan", "-input=false"];

#[test]
fn what_the_cloud_does_not_have_is_said_at_once() {
    let lab = Lab::pretended();
    let stack = lab.stack("lacks");
    let arguments = "node_count = 1\n  flavor = \"no-such-size\"\n  image = \"no-keys\"";
    stack.configure(&lab.swarm(arguments));
    stack.refuses_at(
        &PLAN,
        "\"no-such-size\"",
        &["no service offering", "It has: small, large, tiny."],
    );
    stack.refuses_at(&PLAN, "\"no-keys\"", &["does not take SSH keys"]);
    lab.cloud
        .set(&json!({ "limits": { "user_vm": 3, "network": 0 } }));
    stack.configure(&lab.swarm("node_count = 5"));
    stack.refuses_at(
        &PLAN,
        "5",
        &["no room for 6 more machines", "There is room for 3"],
    );
    let all = stack.complaints(&PLAN);
    assert!(
        all.iter()
            .any(|complaint| complaint.text.contains("no room for 1 more networks")),
        "{all:#?}"
    );
    assert_eq!(lab.objects(), Vec::<String>::new());
}

#[test]
fn who_is_not_let_in_is_told_so() {
    let lab = Lab::pretended();
    let stack = lab.stack("wrong");
    let cases = [
        ("secret_key = \"wrong\"\n    api_key = \"wrong\"", "(401)"),
        ("zone = \"nowhere\"", "no zone \"nowhere\""),
        ("project = \"nobody's\"", "in no such project"),
        ("network_offering = \"nothing\"", "no offering \"nothing\""),
        (
            "affinity_groups = [\"apart\"]",
            "no affinity group \"apart\"",
        ),
        (
            "api_url = \"http://127.0.0.1/client/api\"",
            "not an https:// address",
        ),
        (
            "api_url = \"https://127.0.0.1:1/client/api\"",
            "does not answer at https://127.0.0.1:1",
        ),
        (
            "profile = \"no-such-profile\"",
            "no profile is named \"no-such-profile\"",
        ),
        (
            "template = \"no-such-template\"",
            "no template \"no-such-template\"",
        ),
    ];
    for (arguments, words) in cases {
        let provider = lab.provider(arguments);
        let provider = if arguments.starts_with("template") {
            provider.replace("template         = \"debian-12\"\n", "")
        } else {
            provider
        };
        stack.configure(&swarm(&provider, "node_count = 0"));
        let complaints = stack.complaints(&PLAN);
        let is_said = complaints
            .iter()
            .any(|complaint| complaint.text.contains(words));
        assert!(is_said, "{arguments}: {complaints:#?}");
    }
    assert_eq!(lab.objects(), Vec::<String>::new());
}

#[test]
fn a_clock_that_is_wrong_is_told() {
    let lab = Lab::pretended();
    let stack = lab.stack("clock");
    stack.configure(&lab.swarm("node_count = 0"));
    lab.cloud.set(&json!({ "clock_skew_seconds": 7200 }));
    let complaints = stack.complaints(&PLAN);
    let is_said = complaints
        .iter()
        .any(|complaint| complaint.text.contains("behind the cloud's"));
    assert!(is_said, "{complaints:#?}");
}

#[test]
fn a_network_of_somebody_else_is_named_and_stays() {
    let lab = Lab::pretended();
    let stack = lab.stack("foreign");
    let zones = lab.cloud.ask("listZones", &[]);
    let offerings = lab.cloud.ask("listNetworkOfferings", &[]);
    let parameters = [
        ("name", stack.name()),
        ("zoneid", zones["zone"][0]["id"].as_str().expect("an id")),
        (
            "networkofferingid",
            offerings["networkoffering"][0]["id"]
                .as_str()
                .expect("an id"),
        ),
    ];
    lab.cloud.ask("createNetwork", &parameters);
    stack.configure(&lab.swarm("node_count = 0"));
    let name = format!("\"{}\"", stack.name());
    stack.refuses_at(
        &PLAN,
        &name,
        &["network", "does not belong to this cluster"],
    );
    assert_eq!(lab.objects(), [format!("network {}", stack.name())]);
}

#[test]
fn a_zone_that_is_full_in_the_middle_is_left_as_it_was() {
    let lab = Lab::with(&json!({ "capacity": 1 }));
    let stack = lab.stack("full");
    stack.configure(&lab.swarm("node_count = 1"));
    stack.apply_fails_saying(&["lack of capacity", "(533)"]);
    assert!(stack.try_state("coe_container_cluster.this").is_none());
    lab.assert_nothing_left();
}

#[test]
fn what_the_account_may_use_is_listed() {
    let lab = Lab::pretended();
    let stack = lab.stack("offer-cs");
    let provider = lab.provider("");
    stack.configure(&format!(
        "{provider}\ndata \"coe_platform\" \"this\" {{}}\n"
    ));
    stack.apply();
    let offer = stack.state("data.coe_platform.this");
    assert_eq!(offer["name"], "cloudstack");
    let has = |list: &str, name: &str| {
        let mut offered = offer[list].as_array().into_iter().flatten();
        offered.any(|offered| offered["name"] == name)
    };
    assert!(
        has("flavors", "small") && has("images", "debian-12"),
        "{offer}"
    );
    assert!(
        offer["zones"]
            .as_array()
            .is_some_and(|zones| !zones.is_empty())
    );
    assert_eq!(offer["quotas"]["machines"]["used"], 0);
}
