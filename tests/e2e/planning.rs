//! What a plan says before anything is done, on a platform without machines.

use std::fs;

use coe_tests::Stack;
use coe_tests::stack::swarm;

/// A cluster of which every argument comes from something that is made in the same apply.
const ALL_UNKNOWN: &str = r#"
resource "terraform_data" "words" {
  input = {
    label  = "7"
    image  = "hello:1"
    port   = { node = "worker-1", node_port = 80, host_port = 8080 }
    mount  = { host_path = "/srv", node_path = "/srv" }
    volume = { name = "extra", path = "/extra" }
    cidr   = "10.77.0.0/24"
    flavor = "1x1"
    count  = 2
    labels = { task_history_limit = "7" }
  }
}

locals {
  words = terraform_data.words.output
}

resource "coe_container_cluster" "this" {
  name           = "NAME"
  coe            = "swarm"
  image          = "IMAGE"
  node_count     = local.words.count
  flavor         = local.words.flavor
  labels         = ARGUMENT_LABELS
  preload_images = [local.words.image]
  ports          = ARGUMENT_PORTS
  mounts         = [local.words.mount]
  volumes        = [local.words.volume]
  network        = { cidr = local.words.cidr }
}

resource "coe_cluster_node" "extra" {
  cluster_id  = coe_container_cluster.this.id
  name        = "NAME-extra"
  node_labels = { zone = local.words.label }
}
"#;

#[test]
fn values_that_are_not_known_yet_are_planned_at_every_depth() {
    for (labels, ports) in [
        (
            "{ task_history_limit = local.words.label }",
            "[local.words.port]",
        ),
        (
            "local.words.labels",
            "[for port in [local.words.port] : port]",
        ),
    ] {
        let stack = Stack::simulated("unknown");
        let configuration = ALL_UNKNOWN
            .replace("ARGUMENT_LABELS", labels)
            .replace("ARGUMENT_PORTS", ports);
        stack.configure(&configuration);
        let _ = stack.terraform(&["plan", "-input=false"]).succeeded();
        stack.apply();
        assert_eq!(stack.cluster()["labels"]["task_history_limit"], "7");
        assert_eq!(stack.cluster()["ports"][0]["host_port"], 8080);
        stack.assert_plan_is_empty();
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
