//! What the cloud does not have, or does not let in, is said by the plan, at its place.

use coe_tests::Stack;
use coe_tests::openstack::Cloud;

use super::swarm;

const PLAN: [&str; 2] = ["plan", "-input=false"];

#[test]
#[ignore = "needs an OpenStack: . $(tests/testbeds/openstack up)"]
fn what_the_cloud_does_not_have_is_said_at_once() {
    let cloud = Cloud::of_environment();
    let stack = Stack::on_openstack("lacks");
    let arguments = "node_count = 1\n  flavor = \"no-such-flavor\"\n  image = \"no-such-image\"";
    stack.configure(&swarm(&cloud.provider(""), arguments));
    stack.refuses_at(&PLAN, "\"no-such-flavor\"", &["has no flavor", "It has: "]);
    stack.refuses_at(&PLAN, "\"no-such-image\"", &["no such image"]);
    stack.configure(&swarm(&cloud.provider(""), "node_count = 500"));
    stack.refuses_at(&PLAN, "500", &["quota has no room for"]);
    assert_eq!(cloud.objects_of(stack.name()), Vec::<String>::new());
}

#[test]
#[ignore = "needs an OpenStack: . $(tests/testbeds/openstack up)"]
fn what_the_cloud_has_is_listed() {
    let cloud = Cloud::of_environment();
    let stack = Stack::on_openstack("offer");
    let provider = cloud.provider("");
    stack.configure(&format!(
        "{provider}\ndata \"coe_platform\" \"this\" {{}}\n"
    ));
    stack.apply();
    let offer = stack.state("data.coe_platform.this");
    assert_eq!(offer["name"], "openstack");
    let named = |list: &str, name: &str| {
        let mut offered = offer[list].as_array().into_iter().flatten();
        offered.find(|offered| offered["name"] == name).cloned()
    };
    let variable = |name: &str| std::env::var(name).expect("the testbed tells it");
    let flavor = named("flavors", &variable("COE_TEST_OPENSTACK_FLAVOR")).expect("its flavor");
    assert!(flavor["cores"].as_u64() > Some(0) && flavor["memory"].as_u64() > Some(0));
    assert!(named("images", &variable("COE_TEST_OPENSTACK_IMAGE")).is_some());
    assert!(
        offer["zones"]
            .as_array()
            .is_some_and(|zones| !zones.is_empty())
    );
    for what in ["machines", "cores", "memory", "networks", "ports"] {
        assert!(offer["quotas"][what]["used"].is_u64(), "{what}: {offer}");
    }
}

#[test]
#[ignore = "needs an OpenStack: . $(tests/testbeds/openstack up)"]
fn a_network_of_somebody_else_is_named_and_stays() {
    let cloud = Cloud::of_environment();
    let stack = Stack::on_openstack("foreign");
    cloud.make_network(stack.name());
    stack.configure(&swarm(&cloud.provider(""), "node_count = 0"));
    let name = format!("\"{}\"", stack.name());
    stack.refuses_at(
        &PLAN,
        &name,
        &["network", "does not belong to this cluster"],
    );
    let left = cloud.objects_of(stack.name());
    assert_eq!(left, [format!("networks {}", stack.name())]);
    cloud.delete_network(stack.name());
}

#[test]
#[ignore = "needs an OpenStack: . $(tests/testbeds/openstack up)"]
fn who_is_not_let_in_is_told_so() {
    let cloud = Cloud::of_environment();
    let stack = Stack::on_openstack("wrong");
    let cases = [
        ("password = \"wrong\"", "requires authentication"),
        ("region = \"nowhere\"", "no region \"nowhere\""),
        (
            "auth_url = \"http://127.0.0.1:1/v3\"",
            "does not answer at http://127.0.0.1:1",
        ),
        (
            "cloud = \"no-such-cloud\"",
            "no cloud is named \"no-such-cloud\"",
        ),
        ("external_network = \"nowhere\"", "there is no such network"),
        (
            "availability_zone = \"nowhere\"",
            "the cloud has no zone \"nowhere\"",
        ),
        (
            "key_pair = \"no-such-key\"",
            "the user has no key pair \"no-such-key\"",
        ),
    ];
    for (arguments, words) in cases {
        stack.configure(&swarm(&cloud.provider(arguments), "node_count = 0"));
        let complaints = stack.complaints(&PLAN);
        let is_said = complaints
            .iter()
            .any(|complaint| complaint.text.contains(words));
        assert!(is_said, "{arguments}: {complaints:#?}");
    }
}
