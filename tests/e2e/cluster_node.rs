//! Nodes beside a cluster's own pool.

use coe_tests::Stack;
use coe_tests::docker::docker;
use coe_tests::stack::swarm;

fn with_node(arguments: &str) -> String {
    format!(
        "{}\nresource \"coe_cluster_node\" \"extra\" {{\n  cluster_id = coe_container_cluster.this.id\n  name = \
         \"NAME-extra\"\n  {arguments}\n}}\n",
        swarm("node_count = 0")
    )
}

#[test]
fn a_node_is_added_labelled_drained_and_removed() {
    let stack = Stack::on_docker("beside");
    stack.configure(&with_node("node_labels = { disk = \"ssd\" }"));
    stack.apply();
    let first = format!("{}-control-plane-1", stack.name());
    let extra = format!("{}-extra", stack.name());
    let inspect = |format: &str| {
        docker(&[
            "exec", &first, "docker", "node", "inspect", "--format", format, &extra,
        ])
    };
    assert_eq!(stack.state("coe_cluster_node.extra")["status"], "Ready");
    assert_eq!(inspect("{{.Spec.Labels.disk}}"), "ssd");
    stack.assert_plan_is_empty();

    stack.configure(&with_node(
        "node_labels = { disk = \"hdd\" }\n  maintenance = true",
    ));
    stack.apply();
    assert_eq!(
        inspect("{{.Spec.Labels.disk}} {{.Spec.Availability}}"),
        "hdd drain"
    );
    stack.assert_plan_is_empty();

    stack.configure(&with_node("node_labels = { disk = \"hdd\" }"));
    stack.apply();
    assert_eq!(inspect("{{.Spec.Availability}}"), "active");

    docker(&["rm", "--force", &extra]);
    stack.apply();
    assert_eq!(stack.state("coe_cluster_node.extra")["status"], "Ready");
    stack.assert_plan_is_empty();

    stack.configure(&swarm("node_count = 0"));
    stack.apply();
    let members = docker(&["exec", &first, "docker", "node", "ls", "--quiet"]);
    assert_eq!(members.lines().count(), 1, "the node has left the cluster");
    stack.assert_plan_is_empty();

    stack.destroy();
    stack.assert_nothing_left();
}
