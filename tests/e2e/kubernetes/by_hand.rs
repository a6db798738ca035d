//! What kubeadm's own users do with a cluster, by kubeadm.

use coe_tests::docker::{docker, try_docker};
use coe_tests::provider::kubernetes_node_image;
use coe_tests::stack::kubernetes;
use coe_tests::{Stack, await_condition};

use super::{kubectl, members};

/// What a container needs to be a node.
const NODE: [&str; 12] = [
    "--cap-add=ALL",
    "--cap-drop=SYS_RESOURCE",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--device-cgroup-rule=a *:* rwm",
    "--cgroupns=private",
    "--tmpfs=/run",
    "--tmpfs=/tmp",
    "--volume=/lib/modules:/lib/modules:ro",
    "--volume=/var",
    "--detach",
    "--network",
];

/// A machine of somebody else's in the cluster's network.
struct Machine(String);

impl Machine {
    fn start(stack: &Stack, name: &str, control_plane: &str) -> Self {
        let machine = Self(format!("{}-{name}", stack.name()));
        let name = &machine.0;
        let named = format!("--name={name}");
        let host = format!("--hostname={name}");
        let known = format!("--add-host=control-planes.coe.internal:{control_plane}");
        let own = [stack.name(), &named, &host, &known, kubernetes_node_image()];
        docker(&[&["run"][..], &NODE, &own].concat());
        await_condition("its container runtime answers", || {
            try_docker(&["exec", name, "ctr", "version"]).is_ok()
        });
        machine
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        _ = try_docker(&["rm", "--force", "--volumes", &self.0]);
    }
}

#[test]
fn kubeadm_takes_the_cluster_for_its_own_and_lets_others_join() {
    let stack = Stack::on_docker("k8s-hand");
    stack.configure(&kubernetes(""));
    stack.apply();
    let first = format!("{}-control-plane-1", stack.name());
    let kubeadm = |arguments: &[&str]| {
        let asked = [
            "exec",
            "--env=KUBECONFIG=/etc/kubernetes/admin.conf",
            &first,
            "kubeadm",
        ];
        docker(&[&asked[..], arguments].concat())
    };
    let said = kubeadm(&["certs", "check-expiration"]);
    for certificate in [
        "admin.conf",
        "apiserver-etcd-client",
        "etcd-peer",
        "front-proxy-client",
    ] {
        assert!(said.contains(certificate), "{said}");
    }
    let version = kubectl(
        &stack,
        1,
        &[
            "get",
            "nodes",
            "--output=jsonpath={.items[0].status.nodeInfo.kubeletVersion}",
        ],
    );
    let plan = kubeadm(&["upgrade", "plan", &version]);
    assert!(
        plan.contains(&format!("Target version: {version}")),
        "{plan}"
    );

    let nodes = stack.state("coe_container_cluster.this")["nodes"].clone();
    let address = nodes[&first]["address"]
        .as_str()
        .expect("it has an address")
        .to_owned();
    let join = kubeadm(&["token", "create", "--print-join-command"]);
    let key = kubeadm(&["certs", "certificate-key"]);
    let key = key.trim();
    kubeadm(&[
        "init",
        "phase",
        "upload-certs",
        "--upload-certs",
        "--certificate-key",
        key,
    ]);
    let as_control_plane = ["--control-plane", "--certificate-key", key];
    let mut machines = Vec::new();
    for (name, role) in [("by-hand-1", &[][..]), ("by-hand-2", &as_control_plane[..])] {
        let machine = Machine::start(&stack, name, &address);
        let mut joining = vec!["exec", &machine.0];
        joining.extend(join.split_whitespace());
        joining.extend(role);
        joining.push("--ignore-preflight-errors=all");
        docker(&joining);
        machines.push(machine);
    }
    kubectl(
        &stack,
        1,
        &[
            "wait",
            "--for=condition=Ready",
            "nodes",
            "--all",
            "--timeout=120s",
        ],
    );
    assert_eq!(
        members(&stack, 1),
        ["by-hand-1", "by-hand-2", "control-plane-1", "worker-1"]
    );
    let addresses = kubectl(
        &stack,
        1,
        &["get", "nodes", "--output=jsonpath={.items[*].spec.podCIDR}"],
    );
    let mut addresses: Vec<&str> = addresses.split_whitespace().collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(
        addresses.len(),
        4,
        "each has addresses of its own: {addresses:?}"
    );
    // What others have joined is theirs.
    stack.assert_plan_is_empty();
    let _ = stack.terraform(&["refresh"]).succeeded();
    let cluster = stack.state("coe_container_cluster.this");
    assert_eq!(cluster["status"], "Running", "{cluster}");
    let theirs = format!("{}-by-hand-1", stack.name());
    assert_eq!(cluster["nodes"][&theirs]["status"], "Ready", "{cluster}");

    let own = [
        "get",
        "nodes",
        "--selector=io.coe/made-here",
        "--output=name",
    ];
    assert_eq!(kubectl(&stack, 1, &own).lines().count(), 2);
    // Also when it is away for a while.
    docker(&["stop", "--time=0", &theirs]);
    let lost = ["wait", "--for=condition=Ready=Unknown", "--timeout=120s"];
    let node = format!("node/{theirs}");
    kubectl(&stack, 1, &[&lost[..], &[&node]].concat());
    stack.assert_plan_is_empty();
    let _ = stack.terraform(&["refresh"]).succeeded();
    let cluster = stack.state("coe_container_cluster.this");
    assert_eq!(cluster["nodes"][&theirs]["status"], "Down", "{cluster}");
    assert_eq!(cluster["health"], "HEALTHY", "{cluster}");
}
