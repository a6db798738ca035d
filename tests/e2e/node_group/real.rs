//! Groups of nodes of real clusters.

use coe_tests::Stack;
use coe_tests::docker::docker;
use coe_tests::stack::{kubernetes, swarm};

use super::{assert_runs, group, swarm_with_none};
use crate::kubernetes::{kubectl, members};

#[test]
fn a_group_of_real_nodes_lives_with_its_swarm() {
    let stack = Stack::on_docker("group");
    let with = |arguments: &str| {
        swarm_with_none(&format!("{arguments}\n  timeouts = {{ create = \"10m\" }}"))
    };
    stack.configure(&with(
        "node_count = 2\n  node_labels = { size = \"large\" }",
    ));
    stack.apply();
    assert_runs(&stack, 2);
    let first = format!("{}-control-plane-1", stack.name());
    let node = |ordinal: u32| format!("{}-large-{ordinal}", stack.name());
    let label_of = |name: &str| {
        let format = "{{.Spec.Labels.size}}";
        docker(&[
            "exec", &first, "docker", "node", "inspect", "--format", format, name,
        ])
    };
    assert_eq!(label_of(&node(2)), "large");
    let cluster = stack.cluster()["id"].as_str().expect("an id").to_owned();
    let of_group = || {
        let filter = format!("label=io.coe.cluster.id={cluster}");
        let listed = docker(&[
            "ps",
            "--all",
            "--filter",
            &filter,
            "--filter",
            "label=io.coe.node.group=large",
            "--format",
            "{{.Names}}",
        ]);
        let mut names: Vec<String> = listed.lines().map(str::to_owned).collect();
        names.sort();
        names
    };
    assert_eq!(of_group(), [node(1), node(2)]);

    // A node that is gone, and a label that somebody changed.
    docker(&["rm", "--force", &node(1)]);
    docker(&[
        "exec",
        &first,
        "docker",
        "node",
        "update",
        "--label-add",
        "size=small",
        &node(2),
    ]);
    stack.apply();
    assert_runs(&stack, 2);
    assert_eq!(label_of(&node(1)), "large");
    assert_eq!(label_of(&node(2)), "large");

    stack.configure(&with("node_count = 3\n  node_labels = { size = \"huge\" }"));
    stack.apply();
    assert_runs(&stack, 3);
    assert_eq!(label_of(&node(3)), "huge");
    stack.configure(&with("node_count = 1\n  node_labels = { size = \"huge\" }"));
    stack.apply();
    assert_runs(&stack, 1);
    let members = || {
        let listed = docker(&["exec", &first, "docker", "node", "ls", "--quiet"]);
        listed.lines().count()
    };
    assert_eq!(members(), 2, "those that went have left the cluster");
    stack.configure(&swarm("node_count = 0"));
    stack.apply();
    assert_eq!((members(), of_group()), (1, Vec::new()));
    stack.assert_plan_is_empty();
    stack.destroy();
    stack.assert_nothing_left();
}

#[test]
fn a_group_of_real_nodes_lives_with_its_kubernetes() {
    let stack = Stack::on_docker("k8s-group");
    let with = |arguments: &str| {
        let cluster = kubernetes("node_count = 0");
        stack.configure(&format!("{cluster}{}", group(arguments)));
    };
    let taint = |value: &str| {
        format!("taints = [{{ key = \"size\", value = \"{value}\", effect = \"NoSchedule\" }}]")
    };
    let tainted = taint("large");
    with(&format!(
        "node_count = 2\n  node_labels = {{ size = \"large\" }}\n  {tainted}"
    ));
    stack.apply();
    assert_runs(&stack, 2);
    let asked = |node: &str| {
        let name = format!("node/{}-{node}", stack.name());
        let paths =
            "--output=jsonpath={.metadata.labels.size} {.spec.taints[?(@.key==\"size\")].value}";
        kubectl(&stack, 1, &["get", &name, paths])
    };
    assert_eq!(asked("large-2"), "large large");
    let control_plane = ["control-plane-1".to_owned()];
    let with_group = |count: u32| {
        let group = (1..=count).map(|ordinal| format!("large-{ordinal}"));
        control_plane
            .iter()
            .cloned()
            .chain(group)
            .collect::<Vec<_>>()
    };
    assert_eq!(members(&stack, 1), with_group(2));

    // A node that is gone, and a taint that somebody took.
    docker(&["rm", "--force", &format!("{}-large-1", stack.name())]);
    let other = format!("{}-large-2", stack.name());
    kubectl(&stack, 1, &["taint", "node", &other, "size-"]);
    stack.apply();
    assert_runs(&stack, 2);
    assert_eq!([asked("large-1"), asked("large-2")], ["large large"; 2]);

    with(&format!("node_count = 2\n  {}", taint("huge")));
    stack.apply();
    assert_runs(&stack, 2);
    assert_eq!(asked("large-1").trim(), "huge");

    // Of another size, one more before one less.
    let surge = "upgrade_settings = { max_surge = 1, max_unavailable = 0 }";
    with(&format!("node_count = 1\n  flavor = \"1x2\"\n  {surge}"));
    stack.apply();
    assert_runs(&stack, 1);
    assert_eq!(members(&stack, 1), with_group(1));
    assert_eq!(asked("large-1").trim(), "");

    stack.configure(&kubernetes("node_count = 0"));
    stack.apply();
    assert_eq!(members(&stack, 1), control_plane);
    stack.assert_plan_is_empty();
    stack.destroy();
    stack.assert_nothing_left();
}
