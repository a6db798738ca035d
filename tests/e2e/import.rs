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

#[test]
fn a_finished_cluster_of_the_same_name_is_named_with_its_import_command() {
    let first = Stack::on_docker("taken");
    first.configure_swarm("node_count = 0");
    first.apply();
    let id = first.cluster()["id"].as_str().expect("an id").to_owned();

    let second = Stack::on_docker("other");
    second.configure(&swarm("node_count = 0").replace("NAME", first.name()));
    second.apply_fails_saying(&["exists already", "terraform import", &id]);
    first.assert_plan_is_empty();

    first.destroy();
    first.assert_nothing_left();
}
