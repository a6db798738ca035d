//! Kubernetes on instances whose template brings it.

use std::process::Command;

use coe_tests::docker::{bring_workload, try_docker};
use coe_tests::provider::workload_image;
use coe_tests::{Stack, await_condition};

use super::{Lab, swarm};

/// The template whose machines carry it.
const TEMPLATE: &str = "debian-13-kubernetes";

/// A cluster with these arguments in the cloud.
fn kubernetes(lab: &Lab, arguments: &str) -> String {
    let arguments = format!("image = \"{TEMPLATE}\"\n  {arguments}");
    swarm(&lab.provider(""), &arguments).replace("\"swarm\"", "\"kubernetes\"")
}

/// The container that an instance is.
fn container(lab: &Lab, stack: &Stack, node: &str) -> String {
    let name = format!("{}-{node}", stack.name());
    let state = lab.cloud.state();
    let container = state["machines"][&name]["container"].as_str();
    container
        .unwrap_or_else(|| panic!("no machine {name}: {}", state["machines"]))
        .to_owned()
}

/// What a script on an instance writes, if it succeeds.
fn try_on(lab: &Lab, stack: &Stack, node: &str, script: &str) -> Result<String, String> {
    try_docker(&["exec", &container(lab, stack, node), "sh", "-c", script])
}

fn on(lab: &Lab, stack: &Stack, node: &str, script: &str) -> String {
    let said = try_on(lab, stack, node, script);
    said.unwrap_or_else(|error| panic!("{script} on {node}: {error}"))
}

fn kubectl(lab: &Lab, stack: &Stack, arguments: &str) -> String {
    let script = format!("kubectl --kubeconfig /etc/kubernetes/admin.conf {arguments}");
    on(lab, stack, "control-plane-1", &script)
}

/// Every pod of the workload answers every node.
fn assert_pods_are_reached(lab: &Lab, stack: &Stack, nodes: &[&str]) {
    kubectl(lab, stack, "rollout status deployment/web --timeout=120s");
    let pods = kubectl(
        lab,
        stack,
        "get pods --selector=app=web --output=jsonpath='{.items[*].status.podIP}'",
    );
    assert_eq!(pods.split_whitespace().count(), 4, "{pods}");
    for node in nodes {
        for pod in pods.split_whitespace() {
            let asking = format!("curl --fail --silent --max-time 10 http://{pod}/");
            on(lab, stack, node, &asking);
        }
    }
}

#[test]
fn kubernetes_of_instances_grows_works_sleeps_wakes_is_repaired_and_leaves_nothing() {
    let lab = Lab::open();
    let stack = lab.stack("k8s");
    let with = |arguments: &str| stack.configure(&kubernetes(&lab, arguments));
    with("node_count = 1");
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();
    let endpoint = stack.cluster()["endpoint"].clone();
    let text = endpoint.as_str().expect("an endpoint");
    // The public address, through the load balancer.
    assert!(
        text.starts_with("https://127.") && text.ends_with(":6443"),
        "{text}"
    );

    with("node_count = 2");
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1", "worker-2"]);
    stack.assert_plan_is_empty();
    assert_eq!(stack.cluster()["endpoint"], endpoint);
    // What the image brought is where it was, and nowhere else.
    let copied = "ls /var/lib/coe/before | grep -E '^volume[0-9]'";
    assert_eq!(try_on(&lab, &stack, "worker-1", copied).ok(), None);

    for worker in ["worker-1", "worker-2"] {
        bring_workload(&container(&lab, &stack, worker));
    }
    let image = workload_image();
    let create = format!("create deployment web --image={image} --replicas=4 --port=80");
    kubectl(&lab, &stack, &create);
    let all = ["control-plane-1", "worker-1", "worker-2"];
    assert_pods_are_reached(&lab, &stack, &all);

    with("node_count = 2\n  desired_state = \"Stopped\"");
    stack.apply();
    assert_eq!(stack.cluster()["status"], "Stopped");
    stack.assert_plan_is_empty();
    with("node_count = 2");
    stack.apply();
    stack.assert_ready(&all);
    stack.assert_plan_is_empty();
    assert_pods_are_reached(&lab, &stack, &all);

    let worker = format!("{}-worker-2", stack.name());
    let lost = lab.id_of(&worker);
    let gone = [("id", lost.as_str()), ("expunge", "true")];
    lab.cloud.run("destroyVirtualMachine", &gone);
    let sentence = format!("~ make the machine of worker {worker} again: it is gone");
    assert_eq!(stack.planned_operations(), [sentence]);
    stack.apply();
    stack.assert_ready(&all);
    stack.assert_plan_is_empty();
    assert_ne!(lab.id_of(&worker), lost);

    stack.destroy();
    lab.assert_nothing_left();
}

#[test]
fn kubernetes_of_instances_goes_from_one_control_plane_to_three() {
    let lab = Lab::open();
    let stack = lab.stack("k8s-three");
    let with = |arguments: &str| stack.configure(&kubernetes(&lab, arguments));
    with("node_count = 0");
    stack.apply();
    let endpoint = stack.cluster()["endpoint"].clone();
    with("node_count = 0\n  control_plane_count = 3");
    stack.apply();
    let all = ["control-plane-1", "control-plane-2", "control-plane-3"];
    stack.assert_ready(&all);
    stack.assert_plan_is_empty();
    assert_eq!(stack.cluster()["endpoint"], endpoint);
    // Whichever of them the cloud's balancer leads to, one that is lost is none.
    let lost = container(&lab, &stack, "control-plane-1");
    let killed = Command::new("docker").args(["kill", &lost]).output();
    assert!(killed.expect("docker starts").status.success());
    let ca = stack.cluster()["cluster_ca_certificate"].clone();
    let ca = ca.as_str().expect("PEM").to_owned();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), ca).expect("it is written");
    let address = format!("{}/livez", endpoint.as_str().expect("an endpoint"));
    await_condition("the other control planes answer at the endpoint", || {
        let mut curl = Command::new("curl");
        curl.args(["--fail", "--silent", "--max-time", "5", "--cacert"]);
        let asked = curl.arg(file.path()).arg(&address).output();
        asked.is_ok_and(|answer| answer.stdout == b"ok")
    });
    stack.apply();
    stack.assert_ready(&all);
    stack.assert_plan_is_empty();
    stack.destroy();
    lab.assert_nothing_left();
}

#[test]
fn an_instance_whose_template_lacks_what_nodes_run_is_told_and_goes() {
    let lab = Lab::open();
    let stack = lab.stack("k8s-lacks");
    let other = kubernetes(&lab, "node_count = 0").replace(TEMPLATE, "debian-12");
    stack.configure(&other);
    let complaints = stack.complaints(&["apply", "-auto-approve", "-input=false"]);
    let words = "it has no kubelet.service";
    let is_said = complaints
        .iter()
        .any(|complaint| complaint.text.contains(words));
    assert!(is_said, "{complaints:#?}");
    stack.destroy();
    lab.assert_nothing_left();
}
