//! What a cluster is for: a service that answers.

use coe_tests::Stack;
use coe_tests::docker::docker;
use coe_tests::provider::workload_image;

use crate::await_condition;

#[test]
fn a_preloaded_service_runs_on_every_node_also_on_one_that_comes_later() {
    let stack = Stack::on_docker("serve");
    let image = workload_image();
    let arguments = |nodes: u32| format!("node_count = {nodes}\n  preload_images = [\"{image}\"]");
    stack.configure_swarm(&arguments(1));
    stack.apply();
    stack.assert_plan_is_empty();
    let first = format!("{}-control-plane-1", stack.name());
    // dnsrr and host mode: they work also where the kernel has no IPVS.
    docker(&[
        "exec",
        &first,
        "docker",
        "service",
        "create",
        "--detach=false",
        "--name",
        "hello",
        "--mode",
        "global",
        "--endpoint-mode",
        "dnsrr",
        "--publish",
        "mode=host,published=8080,target=80",
        "--no-resolve-image",
        image,
    ]);
    stack.configure_swarm(&arguments(2));
    stack.apply();
    stack.assert_plan_is_empty();
    await_condition("a task runs on every node", || {
        let tasks = docker(&[
            "exec",
            &first,
            "docker",
            "service",
            "ps",
            "hello",
            "--filter",
            "desired-state=running",
            "--format",
            "{{.Node}} {{.CurrentState}}",
        ]);
        tasks
            .lines()
            .filter(|task| task.contains(" Running"))
            .count()
            == 3
    });

    stack.destroy();
    stack.assert_nothing_left();
}
