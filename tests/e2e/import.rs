//! Clusters that another state made.

use coe_tests::Stack;
use coe_tests::stack::swarm;

#[test]
fn a_cluster_is_imported_by_id_and_by_name_with_an_empty_plan() {
    let stack = Stack::on_docker("import");
    let arguments = "node_count = 1\n  description = \"imported\"\n  labels = { task_history_limit = \"4\" }\n  \
                     ports = [{ node_port = 8080 }]\n  flavor = \"1x1\"\n  volumes = [{ name = \"logs\", path = \
                     \"/var/log/app\" }]";
    stack.configure(&format!(
        "{}\ndata \"coe_container_cluster\" \"same\" {{\n  name = coe_container_cluster.this.name\n}}\n\noutput \
         \"same\" {{\n  value = data.coe_container_cluster.same.id\n}}\n",
        swarm(arguments)
    ));
    stack.apply();
    let made = stack.cluster();
    let id = made["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        stack
            .terraform(&["output", "-raw", "same"])
            .succeeded()
            .stdout(),
        id
    );

    stack.configure_swarm(arguments);
    for wanted in [id.as_str(), stack.name()] {
        let _ = stack
            .terraform(&["state", "rm", "coe_container_cluster.this"])
            .succeeded();
        let _ = stack
            .terraform(&["import", "coe_container_cluster.this", wanted])
            .succeeded();
        assert_eq!(stack.cluster()["id"], made["id"]);
        assert_eq!(stack.cluster()["endpoint"], made["endpoint"]);
        stack.assert_plan_is_empty();
    }

    stack.destroy();
    stack.assert_nothing_left();
}

/// The plan of an imported resource changes what no platform knows, and nothing else.
fn assert_changes_only(stack: &Stack, address: &str, own: &[&str]) {
    let plan = stack.plan();
    let changes = plan["resource_changes"].as_array().expect("changes");
    let change = changes
        .iter()
        .find(|change| change["address"] == address)
        .unwrap_or_else(|| panic!("the plan has no {address}: {plan:#}"));
    let (before, after) = (&change["change"]["before"], &change["change"]["after"]);
    let attributes = after.as_object().expect("the resource stays");
    let names: Vec<&str> = attributes
        .keys()
        .map(String::as_str)
        .filter(|name| before[name] != after[name])
        .collect();
    assert_eq!(names, own, "{change:#}");
    assert_eq!(
        change["change"]["after_unknown"],
        serde_json::json!({}),
        "{change:#}"
    );
}

fn import_again(stack: &Stack, address: &str, id: &str) {
    let _ = stack.terraform(&["state", "rm", address]).succeeded();
    let _ = stack.terraform(&["import", address, id]).succeeded();
}

#[test]
fn the_example_of_the_documentation_is_imported_as_it_says() {
    let file = coe_tests::provider::repository()
        .join("examples/resources/coe_container_cluster/resource.tf");
    let example = std::fs::read_to_string(file).expect("an example");
    let stack = Stack::simulated("example");
    stack.configure(&example);
    stack.apply();
    let address = "coe_container_cluster.example";
    import_again(&stack, address, "example");
    assert_changes_only(&stack, address, &["deletion_protection", "timeouts"]);
    stack.apply();
    stack.assert_plan_is_empty();
}

#[test]
fn a_node_is_imported_with_its_own_size_and_image() {
    let stack = Stack::simulated("node");
    for (arguments, own) in [
        ("", &[][..]),
        (
            "flavor = \"2x4\"\n  image = \"node:2\"\n  maintenance = true",
            &[],
        ),
        (
            "node_labels = { disk = \"ssd\" }\n  timeouts = { create = \"5m\" }",
            &["timeouts"],
        ),
    ] {
        stack.configure(&format!(
            "{}\nresource \"coe_cluster_node\" \"extra\" {{\n  cluster_id = coe_container_cluster.this.id\n  name = \
             \"NAME-extra\"\n  {arguments}\n}}\n",
            swarm("flavor = \"1x1\"")
        ));
        stack.apply();
        let id = format!("{0}/{0}-extra", stack.name());
        import_again(&stack, "coe_cluster_node.extra", &id);
        assert_changes_only(&stack, "coe_cluster_node.extra", own);
        stack.apply();
    }
    stack.destroy();
}

#[test]
fn what_does_not_exist_is_not_imported() {
    let stack = Stack::on_docker("nothing");
    stack.configure_swarm("");
    for wanted in ["0e2d2c3e-6a0f-4f4e-9a3f-5f6a0c1d2e3f", "no-such-cluster"] {
        stack
            .terraform(&["import", "coe_container_cluster.this", wanted])
            .failed_saying(&["There is no cluster", wanted]);
    }
}
