//! Kubernetes, through the same resource as Swarm.

mod beside_swarm;
mod by_hand;
mod example;
mod upgrade;

use coe_tests::docker::docker;
use coe_tests::provider::workload_image;
use coe_tests::stack::kubernetes;
use coe_tests::{Stack, await_condition};

/// What kubectl says on a control plane.
pub(crate) fn kubectl(stack: &Stack, control_plane: u32, arguments: &[&str]) -> String {
    let node = format!("{}-control-plane-{control_plane}", stack.name());
    let asked = [
        "exec",
        "--env=KUBECONFIG=/etc/kubernetes/admin.conf",
        &node,
        "kubectl",
    ];
    docker(&[&asked, arguments].concat())
}

/// The nodes that the cluster itself knows, without the cluster's name.
pub(crate) fn members(stack: &Stack, control_plane: u32) -> Vec<String> {
    let names = ["get", "nodes", "--output=name"];
    let mut names: Vec<String> = kubectl(stack, control_plane, &names)
        .lines()
        .map(|line| line.replace(&format!("node/{}-", stack.name()), ""))
        .collect();
    names.sort();
    names
}

/// The node's machine is gone, with all that it kept.
fn lose(stack: &Stack, node: &str) {
    let node = format!("{}-{node}", stack.name());
    docker(&["rm", "--force", "--volumes", &node]);
    let volumes = [
        "volume",
        "ls",
        "--quiet",
        "--filter",
        &format!("name={node}"),
    ];
    for volume in docker(&volumes).lines() {
        docker(&["volume", "rm", volume]);
    }
}

/// Work that runs on the cluster: three replicas of a service, each answering with its name.
pub(crate) fn deploy(stack: &Stack) {
    let image = workload_image();
    kubectl(
        stack,
        1,
        &[
            "create",
            "deployment",
            "web",
            &format!("--image={image}"),
            "--replicas=3",
            "--port=80",
        ],
    );
    kubectl(
        stack,
        1,
        &[
            "expose",
            "deployment",
            "web",
            "--type=NodePort",
            "--port=80",
            "--target-port=80",
        ],
    );
    kubectl(
        stack,
        1,
        &["rollout", "status", "deployment/web", "--timeout=120s"],
    );
}

/// At least so many replicas of that work have to stay, whatever goes.
pub(crate) fn keep(stack: &Stack, replicas: u32) {
    let least = format!("--min-available={replicas}");
    let budget = ["create", "poddisruptionbudget", "web", "--selector=app=web"];
    kubectl(stack, 1, &[&budget[..], &[&least]].concat());
}

#[test]
fn a_cluster_is_scaled_repaired_stopped_woken_imported_and_destroyed() {
    let stack = Stack::on_docker("k8s");
    stack.configure(&kubernetes("node_count = 2"));
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1", "worker-2"]);
    assert_eq!(
        members(&stack, 1),
        ["control-plane-1", "worker-1", "worker-2"]
    );
    stack.assert_plan_is_empty();

    kubectl(
        &stack,
        1,
        &["create", "configmap", "kept", "--from-literal=by=all"],
    );
    stack.configure(&kubernetes("node_count = 1"));
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    assert_eq!(members(&stack, 1), ["control-plane-1", "worker-1"]);

    lose(&stack, "worker-1");
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    // The cluster says for a while that what ran on the machine that was lost runs on the one in its place.
    let worker = format!("{}-worker-1", stack.name());
    let tasks = docker(&[
        "exec",
        &worker,
        "ctr",
        "--namespace=k8s.io",
        "tasks",
        "list",
    ]);
    assert!(tasks.contains("RUNNING"), "{tasks}");

    stack.configure(&kubernetes("node_count = 1\n  desired_state = \"Stopped\""));
    stack.apply();
    stack.assert_plan_is_empty();
    stack.configure(&kubernetes("node_count = 1"));
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    let kept = ["get", "configmap", "kept", "--output=jsonpath={.data.by}"];
    assert_eq!(kubectl(&stack, 1, &kept), "all");

    let this = "coe_container_cluster.this";
    let _ = stack.terraform(&["state", "rm", this]).succeeded();
    let _ = stack.terraform(&["import", this, stack.name()]).succeeded();
    stack.assert_plan_is_empty();

    stack.destroy();
    stack.assert_nothing_left();
}

#[test]
fn work_answers_at_every_address_that_it_has() {
    let stack = Stack::on_docker("k8s-web");
    stack.configure(&kubernetes(&format!(
        "node_count = 2\n  preload_images = [\"{}\"]",
        workload_image()
    )));
    stack.apply();
    deploy(&stack);
    let of = |path: &str| format!("--output=jsonpath={path}");
    let pods = of("{.items[*].status.podIP}");
    let pods = kubectl(&stack, 1, &["get", "pods", "--selector=app=web", &pods]);
    let cluster_ip = kubectl(
        &stack,
        1,
        &["get", "service", "web", &of("{.spec.clusterIP}")],
    );
    let port = of("{.spec.ports[0].nodePort}");
    let port = kubectl(&stack, 1, &["get", "service", "web", &port]);
    let addresses = of("{.items[*].status.addresses[?(@.type==\"InternalIP\")].address}");
    let nodes = kubectl(&stack, 1, &["get", "nodes", &addresses]);

    let mut urls: Vec<String> = pods
        .split_whitespace()
        .map(|pod| format!("http://{pod}/"))
        .collect();
    assert_eq!(urls.len(), 3, "{pods}");
    urls.push(format!("http://{cluster_ip}/"));
    urls.extend(
        nodes
            .split_whitespace()
            .map(|node| format!("http://{node}:{port}/")),
    );
    for node in ["control-plane-1", "worker-1", "worker-2"] {
        let node = format!("{}-{node}", stack.name());
        for url in &urls {
            let said = docker(&["exec", &node, "curl", "-sS", "--max-time", "10", url]);
            assert!(said.contains("web-"), "{url} from {node}: {said}");
        }
    }
    let pod = kubectl(
        &stack,
        1,
        &["get", "pods", "--selector=app=web", "--output=name"],
    );
    let pod = pod.lines().next().expect("there are three");
    let by_name = ["exec", pod, "--", "wget", "-qO-"];
    let by_name = [&by_name[..], &["http://web.default.svc.cluster.local/"]].concat();
    assert!(kubectl(&stack, 1, &by_name).contains("web-"));

    keep(&stack, 2);
    stack.configure(&kubernetes(&format!(
        "node_count = 1\n  preload_images = [\"{}\"]",
        workload_image()
    )));
    stack.apply();
    let ready = of("{.status.readyReplicas}");
    let ready = || kubectl(&stack, 1, &["get", "deployment", "web", &ready]);
    await_condition("three replicas on the worker that is left", || {
        ready() == "3"
    });
}

/// Which certificate the API server of a control plane shows, and which process shows it.
fn serving(stack: &Stack, control_plane: &str) -> String {
    let node = format!("{}-{control_plane}", stack.name());
    let script = "openssl s_client -connect 127.0.0.1:6443 </dev/null 2>/dev/null | openssl x509 -noout -serial
        pgrep --full '^kube-controller-manager '";
    docker(&["exec", &node, "sh", "-c", script])
}

/// As it is at the end of the year that these control planes' certificates last.
fn certificates_that_end_soon_are_renewed(stack: &Stack, control_planes: &[&str]) {
    let nearly_a_year_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(350 * 24);
    let renewed = format!("io.coe/certificates-renewed={nearly_a_year_ago:.0}");
    for control_plane in control_planes {
        let node = format!("{}-{control_plane}", stack.name());
        kubectl(stack, 1, &["annotate", "node", &node, &renewed]);
    }
    let before = control_planes.iter().map(|it| serving(stack, it));
    let before: Vec<String> = before.collect();
    let end = nearly_a_year_ago + jiff::SignedDuration::from_hours(365 * 24);
    let renew = |it: &&str| {
        let node = format!("{}-{it}", stack.name());
        format!(
            "~ renew the certificates of {node}, which end on {}",
            end.strftime("%Y-%m-%d")
        )
    };
    let operations: Vec<String> = control_planes.iter().map(renew).collect();
    assert_eq!(stack.planned_operations(), operations);
    stack.apply();
    for (control_plane, before) in control_planes.iter().zip(before) {
        let after = serving(stack, control_plane);
        let (before, after) = (before.lines(), after.lines());
        for (before, after) in before.zip(after) {
            assert_ne!(before, after, "{control_plane}");
        }
    }
    stack.assert_plan_is_empty();
}

/// Whether the API answers at the cluster's endpoint, with a certificate of the cluster's CA.
fn api_answers(stack: &Stack) -> bool {
    let cluster = stack.cluster();
    let text = |attribute: &str| cluster[attribute].as_str().expect("a text").to_owned();
    let authority = stack.folder().join("ca.pem");
    std::fs::write(&authority, text("cluster_ca_certificate")).expect("the folder takes files");
    let asked = std::process::Command::new("curl")
        .args(["--silent", "--fail", "--max-time", "2", "--cacert"])
        .arg(&authority)
        .arg(format!("{}/version", text("endpoint")))
        .output();
    asked.expect("curl runs").status.success()
}

#[test]
fn control_planes_come_and_go_with_their_votes_and_a_lost_one_is_replaced() {
    let stack = Stack::on_docker("k8s-ha");
    let all = ["control-plane-1", "control-plane-2", "control-plane-3"];
    stack.configure(&kubernetes("control_plane_count = 3\n  node_count = 0"));
    stack.apply();
    stack.assert_ready(&all);

    let endpoint = stack.cluster()["endpoint"].clone();
    assert!(
        api_answers(&stack),
        "the apply returns when the endpoint answers"
    );

    lose(&stack, "control-plane-1");
    await_condition("the endpoint leads to those that are left", || {
        api_answers(&stack)
    });
    assert_eq!(members(&stack, 2), all, "two of three still agree");
    assert_eq!(
        stack.planned_operations(),
        [
            "~ make the machine of control plane NAME-control-plane-1 again: it is gone"
                .replace("NAME", stack.name())
        ]
    );
    stack.apply();
    stack.assert_ready(&all);
    assert_eq!(members(&stack, 1), all);
    stack.assert_plan_is_empty();

    let balancer = format!("{}-balancer", stack.name());
    docker(&["kill", &balancer]);
    let again = format!(
        "~ make the balancer of {} again: it does not run",
        stack.name()
    );
    assert_eq!(stack.planned_operations(), [again]);
    stack.apply();
    assert!(
        api_answers(&stack),
        "the balancer is back when the apply is over"
    );
    assert_eq!(stack.cluster()["endpoint"], endpoint);
    stack.assert_plan_is_empty();

    certificates_that_end_soon_are_renewed(&stack, &all[1..]);
    stack.assert_ready(&all);

    stack.configure(&kubernetes("control_plane_count = 1\n  node_count = 0"));
    stack.apply();
    stack.assert_ready(&["control-plane-1"]);
    assert_eq!(members(&stack, 1), ["control-plane-1"]);
    stack.assert_plan_is_empty();
}

#[test]
fn what_cannot_be_is_refused_at_its_place_before_anything_is_made() {
    let stack = Stack::on_docker("k8s-bad");
    for (arguments, place, words) in [
        (
            "cluster_version = \"1.20.1\"",
            "\"1.20.1\"",
            "1.20.1 is not supported",
        ),
        (
            "cluster_version = \"v1.34.4\"",
            "\"v1.34.4\"",
            "Did you mean \"1.34.4\"?",
        ),
        ("labels = { cni = \"x\" }", "x", "no label \"cni\""),
        (
            "flavor = \"2x4\"\n  control_plane_flavor = \"1x4\"",
            "\"1x4\"",
            "flavor 1x4 is too small for a control plane of kubernetes",
        ),
        (
            "flavor = \"2x1\"",
            "\"2x1\"",
            "2 CPUs and 1024 MiB of memory",
        ),
    ] {
        stack.configure(&kubernetes(arguments));
        stack.refuses_at(&["plan"], place, &[words]);
    }
    stack.assert_nothing_left();
}

#[test]
fn a_cluster_whose_nodes_alone_are_waited_for_comes_to_be_usable() {
    let stack = Stack::on_docker("k8s-early");
    stack.configure(&kubernetes("node_count = 1\n  wait_for = \"nodes_ready\""));
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1"]);
    stack.assert_plan_is_empty();
    let available = "--output=jsonpath={.status.availableReplicas}";
    let dns = [
        "get",
        "deployment",
        "coredns",
        "--namespace=kube-system",
        available,
    ];
    await_condition("names are resolved", || {
        !kubectl(&stack, 1, &dns).is_empty()
    });
    stack.configure(&kubernetes("node_count = 2"));
    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1", "worker-2"]);
    stack.assert_plan_is_empty();
    stack.destroy();
    stack.assert_nothing_left();
}
