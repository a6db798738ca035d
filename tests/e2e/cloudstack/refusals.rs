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
        // The API key is right, so the signature is not.
        ("secret_key = \"wrong\"", "(401)"),
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
fn a_key_that_is_disabled_and_a_wrong_path_are_told() {
    let lab = Lab::pretended();
    let stack = lab.stack("keys");
    stack.configure(&swarm(
        &lab.provider(&format!(
            "api_url = \"{}\"",
            lab.cloud.url().replace("/client/api", "/client/console")
        )),
        "node_count = 0",
    ));
    let is_told = |words: &[&str]| {
        let all = stack.complaints(&PLAN);
        let mut texts = all.iter().map(|complaint| &complaint.text);
        let is_told = texts.any(|text| words.iter().all(|word| text.contains(word)));
        assert!(is_told, "{words:?}: {all:#?}");
    };
    is_told(&["(404)", "It ends in /client/api"]);
    stack.configure(&lab.swarm("node_count = 0"));
    lab.cloud.set(&json!({ "keys": "disabled" }));
    is_told(&["(401)", "CLOUDSTACK_API_KEY"]);
    lab.cloud.set(&json!({ "keys": "enabled" }));
    assert_eq!(lab.objects(), Vec::<String>::new());
}

#[test]
fn what_the_cloud_refuses_is_told_with_its_number_and_its_words_and_leaves_nothing() {
    let lab = Lab::pretended();
    let stack = lab.stack("refused");
    stack.configure(&lab.swarm("node_count = 0"));
    let cases = [
        (
            "registerUserData",
            431,
            "Invalid parameter userdata: too long",
        ),
        (
            "createNetwork",
            533,
            "Unable to allocate vnet as a part of network implement",
        ),
        (
            "createNetwork",
            531,
            "Account does not have permission to create a network",
        ),
        ("associateIpAddress", 533, "Insufficient address capacity"),
        (
            "associateIpAddress",
            532,
            "Maximum number of public IP addresses has been exceeded",
        ),
        (
            "createFirewallRule",
            431,
            "Unable to create firewall rule: invalid CIDR",
        ),
        (
            "createEgressFirewallRule",
            531,
            "Not allowed to open the way out",
        ),
        (
            "createPortForwardingRule",
            537,
            "The range specified, 2222-2222, conflicts with rule 7",
        ),
        (
            "deployVirtualMachine",
            531,
            "Not permitted to use the template",
        ),
        (
            "deployVirtualMachine",
            535,
            "Failed to allocate the instance",
        ),
        ("createTags", 431, "Unable to create tags: invalid resource"),
    ];
    for (command, code, text) in cases {
        let fault = json!({ "command": command, "kind": "fail", "times": 1000, "code": code, "text": text });
        lab.cloud.set(&json!({ "faults": [fault] }));
        stack.apply_fails_saying(&[text, &format!("({code})")]);
        lab.cloud.set(&json!({ "disarm": true }));
        assert!(
            stack.try_state("coe_container_cluster.this").is_none(),
            "{command} {code}"
        );
        assert_eq!(lab.objects(), Vec::<String>::new(), "{command} {code}");
    }
    lab.assert_nothing_left();
}

#[test]
fn a_network_that_exists_and_will_not_do_is_told_by_the_plan() {
    let lab = Lab::pretended();
    let stack = lab.stack("network");
    let network = lab.network("shared");
    let with = |name: &str| {
        let network = format!("node_count = 0\n  network = {{ id = \"{name}\" }}");
        stack.configure(&lab.swarm(&network));
    };
    with("nowhere");
    let place = "{ id = \"nowhere\" }";
    stack.refuses_at(
        &PLAN,
        place,
        &["there is no such network", "isolated network"],
    );
    with("shared");
    let place = "{ id = \"shared\" }";
    stack.refuses_at(&PLAN, place, &["no public address", "source NAT"]);
    let address = lab
        .cloud
        .run("associateIpAddress", &[("networkid", &network)]);
    let address = address["ipaddress"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let balancer = lab.cloud.run(
        "createLoadBalancerRule",
        &[
            ("name", "theirs"),
            ("algorithm", "roundrobin"),
            ("publicipid", &address),
            ("publicport", "2376"),
            ("privateport", "80"),
        ],
    );
    stack.refuses_at(&PLAN, place, &["port 2376", "theirs"]);
    let rule = balancer["loadbalancer"]["id"].as_str().expect("an id");
    lab.cloud.run("deleteLoadBalancerRule", &[("id", rule)]);
    _ = stack.terraform(&PLAN).succeeded();
}

#[test]
fn a_network_that_another_cluster_uses_is_told_by_the_plan() {
    let lab = Lab::pretended();
    let stack = lab.stack("used");
    let network = lab.network("shared");
    lab.cloud
        .run("associateIpAddress", &[("networkid", &network)]);
    let zone = lab.first("listZones", "zone");
    let template = lab.first("listTemplates", "template");
    let size = lab.first("listServiceOfferings", "serviceoffering");
    let cluster = "0197a3c5-7d5e-7b8a-9c57-5f2f6a1d3c4b";
    lab.cloud.run(
        "deployVirtualMachine",
        &[
            ("name", "theirs-worker-1"),
            ("zoneid", &zone),
            ("templateid", &template),
            ("serviceofferingid", &size),
            ("networkids", &network),
            ("details[0].io.coe.cluster.id", cluster),
            ("details[0].io.coe.cluster.name", "theirs"),
        ],
    );
    stack.configure(&lab.swarm("node_count = 0\n  network = { id = \"shared\" }"));
    stack.refuses_at(
        &PLAN,
        "{ id = \"shared\" }",
        &["cluster \"theirs\"", "Take another network"],
    );
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
    lab.network(stack.name());
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

#[test]
fn a_service_offering_that_is_too_small_for_a_control_plane_is_told_by_the_plan() {
    let lab = Lab::pretended();
    let stack = lab.stack("tiny");
    let kubernetes = |arguments: &str| lab.swarm(arguments).replace("\"swarm\"", "\"kubernetes\"");
    let image = "image = \"debian-13-kubernetes\"";
    stack.configure(&kubernetes(&format!(
        "{image}\n  control_plane_flavor = \"tiny\""
    )));
    let words = ["flavor tiny is too small", "1 CPU and 512 MiB"];
    stack.refuses_at(&PLAN, "\"tiny\"", &words);
    stack.configure(&kubernetes(&format!(
        "{image}\n  flavor = \"tiny\"\n  control_plane_flavor = \"small\""
    )));
    let run = stack.terraform(&PLAN).succeeded();
    assert!(run.text().contains("create worker"), "{run}");
}
