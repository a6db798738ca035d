//! What a wrong configuration gets: a diagnostic at its attribute, and nothing half-made.

use coe_tests::Stack;
use coe_tests::docker::docker;
use coe_tests::stack::swarm;

/// Arguments that are wrong by themselves: the text of the configuration that the error is at, and what it says.
/// Of something inside an object terraform shows where the object begins.
const WRONG: &[(&str, &str, &[&str])] = &[
    ("control_plane_count = 2", "2", &["1, 3, 5 or 7"]),
    ("control_plane_count = 0", "0", &["1, 3, 5 or 7"]),
    ("control_plane_count = 9", "9", &["1, 3, 5 or 7"]),
    ("node_count = -1", "-1", &["from 0 to 1000"]),
    (
        "labels = { task_histroy_limit = \"3\" }",
        "3",
        &["no label", "Did you mean \"task_history_limit\"?"],
    ),
    (
        "labels = { task_history_limit = \"many\" }",
        "many",
        &["a whole number, 0 or more"],
    ),
    (
        "labels = { cert_expiry = \"30d\" }",
        "30d",
        &["Did you mean \"720h\"?"],
    ),
    (
        "cluster_version = \"new\"",
        "\"new\"",
        &["27, 27.1, 27.1.2"],
    ),
    (
        "cluster_version = \"v27.1\"",
        "\"v27.1\"",
        &["Did you mean \"27.1\"?"],
    ),
    (
        "network = { cidr = \"10.0.0/24\" }",
        "{",
        &["`network.cidr`", "10.0.0/24"],
    ),
    (
        "network = { cidr = \"10.201.0.0/30\" }\n  node_count = 5",
        "{ cidr = \"10.201.0.0/30\" }",
        &["too small for 6 nodes"],
    ),
    (
        "desired_state = \"Runing\"",
        "\"Runing\"",
        &["the nearest is \"Running\""],
    ),
    (
        "wait_for = \"ready\"",
        "\"ready\"",
        &["\"usable\" or \"nodes_ready\""],
    ),
    (
        "ports = [{ node_port = 70000 }]",
        "{",
        &["`ports[0].node_port`", "65535"],
    ),
    (
        "ports = [{ node_port = 80, host_port = 8080 }, { node_port = 81, host_port = 8080 }]",
        "{ node_port = 81, host_port = 8080 }",
        &["port 8080 of 127.0.0.1 is published twice"],
    ),
    (
        "mounts = [{ host_path = \"/a\", node_path = \"/x\" }, { host_path = \"/b\", node_path = \"/x/\" }]",
        "{ host_path = \"/b\", node_path = \"/x/\" }",
        &["/x is taken on the nodes", "number 1 of the mounts"],
    ),
    (
        "volumes = [{ name = \"a\", path = \"/x\" }, { name = \"b\", path = \"/x\" }]",
        "{ name = \"b\", path = \"/x\" }",
        &["/x is taken on the nodes", "volume a"],
    ),
    (
        "timeouts = { create = \"0s\" }",
        "{",
        &["`timeouts.create`", "1s or more"],
    ),
];

const NAMES: &[&str] = &["1abc", "a b", "-x", ""];

#[test]
fn wrong_arguments_are_refused_at_their_place_without_a_platform() {
    let stack = Stack::simulated("wrong");
    let validate = ["validate"];
    for (arguments, place, words) in WRONG {
        stack.configure_swarm(arguments);
        stack.refuses_at(&validate, place, words);
    }
    let long = "a".repeat(64);
    for name in NAMES.iter().copied().chain([long.as_str()]) {
        stack.configure(&swarm("").replace("NAME", name));
        stack.refuses_at(&validate, &format!("{name:?}"), &["`name` must"]);
    }
    stack.configure(&swarm("").replace("\"swarm\"", "\"swarn\""));
    stack.refuses_at(&validate, "\"swarn\"", &["the nearest is \"swarm\""]);
    stack.configure(&format!(
        "{}\nephemeral \"coe_cluster_credentials\" \"this\" {{\n  cluster_id = coe_container_cluster.this.id\n  \
         lifetime   = \"25h\"\n}}\n",
        swarm("")
    ));
    stack.refuses_at(&validate, "\"25h\"", &["1m to 24h"]);
}

#[test]
fn a_protected_cluster_points_at_what_protects_it() {
    let stack = Stack::simulated("protected");
    stack.configure_swarm("deletion_protection = true");
    stack.apply();
    let destroy = ["destroy", "-auto-approve"];
    stack.refuses_at(&destroy, "true", &["protected from deletion"]);
}

#[test]
fn an_address_that_is_none_is_refused_at_its_place() {
    let stack = Stack::on_docker("address");
    stack.configure(&format!(
        "provider \"coe\" {{\n  docker = {{ host = \"ssh://somewhere\" }}\n}}\n{}",
        swarm("")
    ));
    stack.refuses_at(&PLAN, "{", &["ssh://somewhere", "forward its socket"]);
}

const PLAN: [&str; 2] = ["plan", "-input=false"];

#[test]
fn what_the_engine_cannot_make_is_refused_at_its_place() {
    let stack = Stack::on_docker("cannot");
    for (arguments, place, words) in [
        ("flavor = \"big\"", "\"big\"", &["not a flavor"][..]),
        (
            "flavor = \"1x100000\"",
            "\"1x100000\"",
            &["more memory than the engine has"],
        ),
        (
            "preload_images = [\"no spaces allowed\"]",
            "\"no spaces allowed\"",
            &["not the name of an image"],
        ),
        (
            "network = { id = \"no-such-network\" }",
            "{ id = \"no-such-network\" }",
            &["there is no network"],
        ),
    ] {
        stack.configure_swarm(arguments);
        stack.refuses_at(&PLAN, place, words);
    }
    stack.assert_nothing_left();
}

#[test]
fn an_image_that_is_nowhere_leaves_nothing() {
    let stack = Stack::on_docker("image");
    let nowhere = "coe.invalid/no/such:image";
    stack.configure(&swarm("").replace("IMAGE", nowhere));
    let place = format!("{nowhere:?}");
    let words = ["is not on the engine and cannot be pulled"];
    stack.refuses_at(&PLAN, &place, &words);
    stack.apply_fails_saying(&[nowhere]);
    stack.assert_nothing_left();
    assert!(stack.try_state("coe_container_cluster.this").is_none());
}

#[test]
fn foreign_objects_are_named_and_never_touched() {
    let stack = Stack::on_docker("foreign");
    stack.configure_swarm("node_count = 0");
    let image = coe_tests::provider::swarm_node_image();
    let name = stack.name();
    let node = format!("{name}-control-plane-1");
    let volume = format!("{node}-data");
    for (kind, foreign, make) in [
        (
            "container",
            &node,
            &["create", "--name", &node, image, "true"][..],
        ),
        ("network", &name.to_owned(), &["network", "create", name]),
        ("volume", &volume, &["volume", "create", &volume]),
    ] {
        docker(make);
        let inspect = || docker(&[kind, "inspect", foreign]);
        let before = inspect();
        let place = format!("{name:?}");
        let words = [kind, foreign.as_str(), "exists already"];
        let refused = std::panic::catch_unwind(|| {
            stack.refuses_at(&PLAN, &place, &words);
            stack.apply_fails_saying(&words);
        });
        let after = inspect();
        // A container of that image has a volume without a name.
        let with_volumes: &[&str] = if kind == "container" {
            &["--volumes"]
        } else {
            &[]
        };
        docker(&[&[kind, "rm"], with_volumes, &[foreign]].concat());
        if let Err(wrong) = refused {
            std::panic::resume_unwind(wrong);
        }
        assert_eq!(before, after, "the {kind} was touched");
        stack.assert_nothing_left();
    }
}

#[test]
fn a_port_in_use_is_named_and_nothing_is_left() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port();
    let stack = Stack::on_docker("port");
    stack.configure_swarm(&format!(
        "node_count = 0\n  ports = [{{ node_port = 8080, host_port = {port} }}]"
    ));
    stack.apply_fails_saying(&[&port.to_string()]);
    stack.assert_nothing_left();
    assert!(stack.try_state("coe_container_cluster.this").is_none());
}

#[test]
fn a_port_of_another_cluster_and_its_name_are_refused_at_their_place() {
    let first = Stack::on_docker("first");
    first.configure_swarm("node_count = 0\n  ports = [{ node_port = 8080 }]");
    first.apply();
    let cluster = first.cluster();
    let id = cluster["id"].as_str().expect("an id").to_owned();
    let endpoint = cluster["endpoint"].as_str().expect("an endpoint");
    let port = endpoint.rsplit(':').next().expect("a port");

    let second = Stack::on_docker("second");
    let ports = format!("{{ node_port = 80, host_port = {port} }}");
    second.configure_swarm(&format!("node_count = 0\n  ports = [{ports}]"));
    second.refuses_at(&PLAN, &ports, &[port, "is in use", first.name()]);
    second.configure(&swarm("node_count = 0").replace("NAME", first.name()));
    second.refuses_at(
        &PLAN,
        &format!("{:?}", first.name()),
        &["exists already", "terraform import", &id],
    );
    second.assert_nothing_left();
    first.assert_plan_is_empty();
    first.destroy();
    first.assert_nothing_left();
}

#[test]
fn subnets_that_overlap_are_refused() {
    let stack = Stack::on_docker("overlap");
    let foreign = format!("{}-foreign", stack.name());
    docker(&["network", "create", "--subnet", "10.213.7.0/24", &foreign]);
    stack.configure_swarm("node_count = 0\n  network = { cidr = \"10.213.0.0/16\" }");
    let complaints = stack.complaints(&PLAN);
    docker(&["network", "rm", &foreign]);
    let found = complaints.iter().any(|complaint| {
        complaint.place == "{ cidr = \"10.213.0.0/16\" }"
            && complaint.text.contains("10.213.7.0/24")
            && complaint.text.contains(&foreign)
    });
    assert!(found, "{complaints:#?}");
    stack.assert_nothing_left();
}

#[test]
fn a_version_that_the_image_does_not_carry_is_found_and_nothing_is_left() {
    let stack = Stack::on_docker("version");
    stack.configure_swarm("node_count = 0\n  cluster_version = \"99.1\"");
    stack.apply_fails_saying(&["carries version", "99.1"]);
    stack.assert_nothing_left();

    stack.configure_swarm("node_count = 0");
    stack.apply();
    let carried = stack.cluster()["coe_version"]
        .as_str()
        .expect("a version")
        .to_owned();
    stack.configure_swarm("node_count = 0\n  cluster_version = \"99.1\"");
    stack.refuses_at(&PLAN, "\"99.1\"", &[&carried, "99.1"]);
    let major = carried.split('.').next().expect("a number");
    stack.configure_swarm(&format!("node_count = 0\n  cluster_version = \"{major}\""));
    stack.apply();
    stack.assert_plan_is_empty();

    stack.destroy();
    stack.assert_nothing_left();
}
