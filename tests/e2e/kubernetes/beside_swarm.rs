//! One configuration with a cluster of each COE.

use coe_tests::Stack;
use coe_tests::docker::{objects_of, remove_objects_of};
use coe_tests::stack::{kubernetes, swarm};

/// The Swarm of a stack whose own cluster is a Kubernetes.
struct Beside(String);

impl Drop for Beside {
    fn drop(&mut self) {
        remove_objects_of(&self.0);
    }
}

#[test]
fn a_swarm_and_a_kubernetes_are_made_changed_and_destroyed_at_once() {
    let stack = Stack::on_docker("k8s-two");
    let beside = Beside(format!("{}-swarm", stack.name()));
    let both = |arguments: &str| {
        let swarm = swarm(arguments)
            .replace("\"this\"", "\"beside\"")
            .replace("NAME", "NAME-swarm");
        stack.configure(&format!("{}{swarm}", kubernetes(arguments)));
    };
    let running = |resource: &str, nodes: usize| {
        let cluster = stack.state(&format!("coe_container_cluster.{resource}"));
        assert_eq!(cluster["status"], "Running", "{cluster}");
        let there = cluster["nodes"].as_object().map(serde_json::Map::len);
        assert_eq!(there, Some(nodes), "{cluster}");
    };

    both("node_count = 1");
    stack.apply();
    running("this", 2);
    running("beside", 2);
    stack.assert_plan_is_empty();

    both("node_count = 2");
    stack.apply();
    running("this", 3);
    running("beside", 3);
    stack.assert_plan_is_empty();

    stack.destroy();
    stack.assert_nothing_left();
    assert_eq!(objects_of(&beside.0), Vec::<String>::new());
}
