//! Kubernetes on machines whose image brings it, and what is left on them afterwards: nothing.

use coe_tests::docker::bring_workload;
use coe_tests::machines::Machines;
use coe_tests::provider::workload_image;
use coe_tests::{Stack, await_condition};

use super::swarm;

const ALL: [&str; 3] = ["alpha", "beta", "gamma"];

/// What has to be on a machine after a cluster had it as it was before.
fn likeness(machines: &Machines, name: &str) -> String {
    machines.on(
        name,
        "hostname; cat /etc/hostname /etc/hosts; ls /sys/class/net
        find /etc/kubernetes /etc/cni /etc/systemd /var/lib/kubelet /var/lib/etcd /var/lib/cni /var/lib/coe /var/local-path-provisioner /var/log/pods 2>/dev/null | sort
        for program in iptables ip6tables; do for table in raw mangle nat filter; do $program -t $table -S | grep -v '^-P'; done; done
        cut -d ' ' -f 2,3 /proc/self/mounts | sort
        ctr --namespace k8s.io images list --quiet | sort; ctr --namespace k8s.io containers list --quiet
        systemctl is-active containerd kubelet
        ps -eo comm= | grep -E 'kube|etcd|coredns|shim|pause' | sort; true",
    )
}

/// The machine that is that node.
fn machine_of(machines: &Machines, node: &str) -> &'static str {
    let is_node = |name: &&&str| {
        let marker = machines.try_on(name, "cat /var/lib/coe/machine.json");
        marker.is_ok_and(|marker| marker.contains(&format!("\"spec\":{{\"name\":\"{node}\"")))
    };
    ALL.iter().find(is_node).expect("a machine is the node")
}

#[test]
fn machines_become_nodes_of_kubernetes_and_are_given_back_as_they_were() {
    let machines = Machines::boot_with_kubernetes(&ALL);
    for name in ALL {
        await_condition("the container runtime answers", || {
            machines.try_on(name, "ctr version").is_ok()
        });
    }
    let before = ALL.map(|name| likeness(&machines, name));
    let provider = machines.provider(&ALL, "");
    let stack = Stack::on_hosts("k8s-hosts");
    let workers = |count: u32| {
        let arguments = format!("node_count = {count}");
        swarm(&provider, &arguments).replace("\"swarm\"", "\"kubernetes\"")
    };
    stack.configure(&workers(1));
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();

    stack.configure(&workers(2));
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1", "worker-2"]);
    stack.assert_plan_is_empty();

    let node = |node: &str| machine_of(&machines, &format!("{}-{node}", stack.name()));
    let first = node("control-plane-1");
    let kubectl = |arguments: &str| {
        machines.on(
            first,
            &format!("kubectl --kubeconfig /etc/kubernetes/admin.conf {arguments}"),
        )
    };
    for worker in ["worker-1", "worker-2"] {
        bring_workload(&machines.container(node(worker)));
    }
    let image = workload_image();
    kubectl(&format!(
        "create deployment web --image={image} --replicas=4 --port=80"
    ));
    kubectl("rollout status deployment/web --timeout=120s");
    let pods = kubectl("get pods --selector=app=web --output=jsonpath='{.items[*].status.podIP}'");
    assert_eq!(pods.split_whitespace().count(), 4);
    for asking in ["control-plane-1", "worker-1", "worker-2"] {
        for pod in pods.split_whitespace() {
            machines.on(
                node(asking),
                &format!("curl --fail --silent --max-time 10 http://{pod}/"),
            );
        }
    }

    stack.configure(&workers(1));
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();

    let stopped = "node_count = 1\n  desired_state = \"Stopped\"";
    stack.configure(&swarm(&provider, stopped).replace("\"swarm\"", "\"kubernetes\""));
    stack.apply();
    stack.assert_plan_is_empty();
    let runs = "ps -eo comm= | grep -E 'kube|etcd|coredns|shim|pause|containerd'";
    for node in ["control-plane-1", "worker-1"] {
        assert_eq!(
            machines
                .try_on(
                    machine_of(&machines, &format!("{}-{node}", stack.name())),
                    runs
                )
                .ok(),
            None
        );
    }
    stack.configure(&workers(1));
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.destroy();
    for (name, before) in ALL.iter().zip(before) {
        assert_eq!(likeness(&machines, name), before, "machine {name}");
    }
}
