//! What a plan says before anything is done, on a platform without machines.

use std::fs;

use coe_tests::Stack;
use coe_tests::stack::swarm;

/// A cluster of which every argument comes from something that is made in the same apply.
const ALL_FROM_ELSEWHERE: &str = r#"
resource "terraform_data" "given" {
  input = {
    limit  = "LIMIT"
    labels = { task_history_limit = "LIMIT" }
    port   = { node = "worker-1", node_port = 8080, host_port = 18080 }
    number = 9090
    mount  = { host_path = "/srv", node_path = "/srv" }
    volume = { name = "store", path = "/var/data" }
    image  = "workload:1"
    flavor = "1x1"
    count  = 2
    cidr   = "10.89.7.0/24"
  }
}

locals {
  given = terraform_data.given.output
}

resource "coe_container_cluster" "this" {
  name           = "NAME"
  coe            = "swarm"
  image          = "IMAGE"
  labels         = ARGUMENT_LABELS
  ports          = ARGUMENT_PORTS
  mounts         = [local.given.mount]
  volumes        = [local.given.volume, { name = "more", path = "${local.given.volume.path}-more" }]
  preload_images = [local.given.image]
  flavor         = local.given.flavor
  node_count     = local.given.count
  network        = { cidr = ARGUMENT_CIDR }
}

resource "coe_cluster_node" "extra" {
  cluster_id  = coe_container_cluster.this.id
  name        = "NAME-extra"
  node_labels = { limit = local.given.limit }
}
"#;

#[test]
fn what_is_unknown_at_plan_may_stand_anywhere() {
    for (which, labels, ports) in [
        (
            "single values",
            "{ task_history_limit = local.given.limit }",
            "[local.given.port, { node_port = local.given.number }]",
        ),
        (
            "maps and lists as a whole",
            "local.given.labels",
            "[for port in [local.given.port, { node_port = local.given.number }] : port]",
        ),
    ] {
        let stack = Stack::simulated("late");
        let configure = |limit: &str, cidr: &str| {
            let configuration = ALL_FROM_ELSEWHERE
                .replace("ARGUMENT_LABELS", labels)
                .replace("ARGUMENT_PORTS", ports)
                .replace("ARGUMENT_CIDR", cidr)
                .replace("LIMIT", limit);
            stack.configure(&configuration);
        };
        configure("3", "local.given.cidr");
        stack.apply();
        stack.assert_plan_is_empty();
        let cluster = stack.cluster();
        let found = [
            (&cluster["labels"]["task_history_limit"], "3"),
            (&cluster["ports"][0]["node"], "worker-1"),
            (&cluster["mounts"][0]["node_path"], "/srv"),
            (&cluster["volumes"][1]["path"], "/var/data-more"),
            (&cluster["preload_images"][0], "workload:1"),
            (&cluster["flavor"], "1x1"),
            (&cluster["network"]["cidr"], "10.89.7.0/24"),
        ];
        for (found, wanted) in found {
            assert_eq!(found, wanted, "{which}");
        }
        let found = [
            (&cluster["ports"][0]["host_port"], 18080),
            (&cluster["ports"][1]["node_port"], 9090),
            (&cluster["node_count"], 2),
        ];
        for (found, wanted) in found {
            assert_eq!(found, wanted, "{which}");
        }

        // Known in state and unknown in the plan of the change: it stays the same cluster where it turns out so.
        configure("4", "\"10.89.7.0/24\"");
        stack.apply();
        stack.assert_plan_is_empty();
        let changed = stack.cluster();
        assert_eq!(changed["labels"]["task_history_limit"], "4", "{which}");
        assert_eq!(changed["id"], cluster["id"], "{which}");
        let node = stack.state("coe_cluster_node.extra");
        assert_eq!(node["node_labels"]["limit"], "4", "{which}");
        stack.destroy();
    }
}

fn machine_of(stack: &Stack, node: &str) -> std::path::PathBuf {
    let machines = stack.folder().join("platform/machines");
    machines.join(format!("{}-{node}", stack.name()))
}

#[test]
fn what_happens_between_plan_and_apply_is_the_next_plans() {
    let stack = Stack::simulated("between");
    stack.configure_swarm("node_count = 1");
    stack.apply();
    stack.configure_swarm("node_count = 1\n  deletion_protection = true");
    let _ = stack.plan();
    fs::remove_dir_all(machine_of(&stack, "worker-1")).expect("there is a machine");
    let _ = stack.terraform(&["apply", "plan.bin"]).succeeded();
    assert_eq!(
        stack.planned_operations(),
        [format!(
            "~ make the machine of worker {}-worker-1 again: it is gone",
            stack.name()
        )]
    );
}

#[test]
fn another_spelling_of_the_network_replaces_nothing_and_another_network_is_refused_where_it_is_protected()
 {
    let stack = Stack::simulated("spelling");
    stack.configure_swarm("deletion_protection = true");
    stack.apply();
    let before = stack.cluster()["id"].clone();
    stack.configure_swarm("deletion_protection = true\n  network = {}");
    stack.apply();
    assert_eq!(stack.cluster()["id"], before);
    stack.configure_swarm("deletion_protection = true\n  network = { cidr = \"10.9.0.0/24\" }");
    let _ = stack
        .terraform(&["plan", "-input=false"])
        .failed_saying(&["deletion_protection is true"]);
    stack.configure_swarm("network = {}");
    stack.apply();
    stack.configure_swarm("network = { cidr = \"10.9.0.0/24\" }");
    stack.apply();
    assert_ne!(stack.cluster()["id"], before);
    stack.assert_plan_is_empty();
}

fn with_node(arguments: &str) -> String {
    format!(
        "{}\nresource \"coe_cluster_node\" \"extra\" {{\n  cluster_id = coe_container_cluster.this.id\n  {arguments}\n}}\n",
        swarm("node_count = 1")
    )
}

#[test]
fn a_node_that_cannot_be_is_refused_by_the_plan() {
    let stack = Stack::simulated("node");
    stack.configure(&with_node("name = \"NAME-extra\""));
    stack.apply();
    for (arguments, said) in [
        ("name = \"NAME-worker-2\"", "is a name of the pool"),
        ("name = \"NAME-extra\"\n  flavor = \"big\"", "flavor"),
        ("name = \"NAME-other\"\n  flavor = \"big\"", "flavor"),
    ] {
        stack.configure(&with_node(arguments));
        let _ = stack
            .terraform(&["plan", "-input=false"])
            .failed_saying(&[said]);
    }
    // Two control planes are worth no more than one.
    stack.configure(&with_node(
        "name = \"NAME-other\"\n  role = \"control_plane\"",
    ));
    let plan = stack.terraform(&["plan", "-input=false"]).succeeded();
    assert!(plan.unwrapped().contains("has 2 control planes"), "{plan}");

    let pool = format!("{0}/{0}-worker-1", stack.name());
    let _ = stack
        .terraform(&["state", "rm", "coe_cluster_node.extra"])
        .succeeded();
    let _ = stack
        .terraform(&["import", "coe_cluster_node.extra", &pool])
        .failed_saying(&["a node of the cluster's own pool"]);
}

#[test]
fn a_lifetime_that_credentials_cannot_have_is_refused_before_the_cluster_is_made() {
    let stack = Stack::simulated("lifetime");
    stack.configure(&format!(
        "{}\nephemeral \"coe_cluster_credentials\" \"this\" {{\n  cluster_id = coe_container_cluster.this.id\n  \
         lifetime   = \"25h\"\n}}\n",
        swarm("")
    ));
    stack.apply_fails_saying(&["1m to 24h"]);
    assert!(stack.try_state("coe_container_cluster.this").is_none());
}

#[test]
fn a_computed_attribute_whose_changes_are_ignored_does_not_keep_a_node_from_repair() {
    let stack = Stack::simulated("ignored");
    stack.configure_swarm(
        "node_count = 1\n  lifecycle {\n    ignore_changes = [planned_operations]\n  }",
    );
    stack.apply();
    fs::remove_dir_all(machine_of(&stack, "worker-1")).expect("there is a machine");
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
}

#[test]
fn another_flavor_that_is_too_small_is_refused_of_a_cluster_that_is_there() {
    let stack = Stack::simulated("shrink");
    let configuration = |flavor: &str| {
        let arguments = format!("node_count = 0\n  control_plane_flavor = \"{flavor}\"");
        swarm(&arguments).replace("\"swarm\"", "\"kubernetes\"")
    };
    stack.configure(&configuration("2x4"));
    stack.apply();
    stack.configure(&configuration("1x2"));
    stack.refuses_at(&["plan"], "\"1x2\"", &["too small for a control plane"]);
    stack.configure(&configuration("2x4"));
    stack.assert_plan_is_empty();
    stack.destroy();
}
