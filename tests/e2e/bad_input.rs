//! What a wrong configuration gets: a diagnostic at its attribute, and nothing half-made.

use coe_tests::Stack;
use coe_tests::docker::docker;
use coe_tests::stack::swarm;

/// Arguments that are wrong by themselves, and what has to be said of each.
const WRONG: &[(&str, &[&str])] = &[
    (
        "control_plane_count = 2",
        &["control_plane_count", "1, 3, 5 or 7"],
    ),
    (
        "control_plane_count = 0",
        &["control_plane_count", "1, 3, 5 or 7"],
    ),
    (
        "control_plane_count = 9",
        &["control_plane_count", "1, 3, 5 or 7"],
    ),
    ("node_count = -1", &["node_count"]),
    (
        "labels = { task_histroy_limit = \"3\" }",
        &["labels", "task_history_limit"],
    ),
    (
        "labels = { task_history_limit = \"many\" }",
        &["labels", "task_history_limit"],
    ),
    ("cluster_version = \"new\"", &["cluster_version"]),
    (
        "network = { cidr = \"10.0.0/24\" }",
        &["network", "10.0.0/24"],
    ),
    (
        "network = { cidr = \"10.201.0.0/30\" }\n  node_count = 5",
        &["network", "10.201.0.0/30"],
    ),
    ("desired_state = \"Runing\"", &["desired_state", "Running"]),
    ("ports = [{ node_port = 70000 }]", &["ports", "65535"]),
    ("flavor = \"big\"", &["flavor", "big"]),
    ("flavor = \"1x100000\"", &["flavor", "memory"]),
    ("image = \"no spaces allowed\"", &["image"]),
];

#[test]
fn wrong_arguments_are_refused_at_plan_time_with_their_path() {
    let stack = Stack::on_docker("wrong");
    for (arguments, words) in WRONG {
        let configuration = if arguments.starts_with("image") {
            swarm(arguments).replace("  image = \"IMAGE\"\n", "")
        } else {
            swarm(arguments)
        };
        stack.configure(&configuration);
        stack
            .terraform(&["plan", "-input=false"])
            .failed_saying(words);
    }
    stack.assert_nothing_left();
}

#[test]
fn a_wrong_name_or_engine_is_refused() {
    let stack = Stack::on_docker("names");
    let long = "a".repeat(64);
    for name in ["1abc", "a b", "-x", long.as_str()] {
        stack.configure(&swarm("").replace("NAME", name));
        stack
            .terraform(&["plan", "-input=false"])
            .failed_saying(&["name"]);
    }
    stack.configure(&swarm("").replace("\"swarm\"", "\"swarn\""));
    stack
        .terraform(&["plan", "-input=false"])
        .failed_saying(&["coe", "swarm"]);
    stack.assert_nothing_left();
}

#[test]
fn an_image_that_is_nowhere_leaves_nothing() {
    let stack = Stack::on_docker("image");
    stack.configure(&swarm("").replace("IMAGE", "coe.invalid/no/such:image"));
    stack
        .terraform(&["plan", "-input=false"])
        .failed_saying(&["is not on the engine and cannot be pulled"]);
    stack.apply_fails_saying(&["coe.invalid/no/such:image"]);
    stack.assert_nothing_left();
    assert!(stack.try_state("coe_container_cluster.this").is_none());
}

#[test]
fn foreign_objects_are_named_and_never_touched() {
    let stack = Stack::on_docker("foreign");
    stack.configure_swarm("node_count = 0");
    let image = coe_tests::provider::swarm_node_image();
    let container = format!("{}-control-plane-1", stack.name());
    let foreign = docker(&["create", "--name", &container, image, "true"]);
    let run = stack
        .terraform(&["apply", "-auto-approve"])
        .failed_saying(&[&container]);
    let still = docker(&["inspect", "--format", "{{.Id}}", &container]);
    docker(&["rm", "--volumes", &container]);
    assert_eq!(foreign, still, "{run}");
    stack.assert_nothing_left();

    let foreign = docker(&["network", "create", stack.name()]);
    let run = stack
        .terraform(&["apply", "-auto-approve"])
        .failed_saying(&[stack.name(), "network"]);
    let still = docker(&["network", "inspect", "--format", "{{.Id}}", stack.name()]);
    docker(&["network", "rm", stack.name()]);
    assert_eq!(foreign, still, "{run}");
    stack.assert_nothing_left();
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
fn subnets_that_overlap_are_refused() {
    let stack = Stack::on_docker("overlap");
    let foreign = format!("{}-foreign", stack.name());
    docker(&["network", "create", "--subnet", "10.213.7.0/24", &foreign]);
    stack.configure_swarm("node_count = 0\n  network = { cidr = \"10.213.0.0/16\" }");
    let run = stack.terraform(&["plan", "-input=false"]);
    docker(&["network", "rm", &foreign]);
    run.failed_saying(&["10.213.0.0/16", "10.213.7.0/24"]);
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
    stack
        .terraform(&["plan", "-input=false"])
        .failed_saying(&[&carried, "99.1"]);
    let major = carried.split('.').next().expect("a number");
    stack.configure_swarm(&format!("node_count = 0\n  cluster_version = \"{major}\""));
    stack.apply();
    stack.assert_plan_is_empty();

    stack.destroy();
    stack.assert_nothing_left();
}
