//! What a Kubernetes cluster and its nodes can be told.

use coe_tests::docker::docker;
use coe_tests::provider::workload_image;
use coe_tests::stack::kubernetes;
use coe_tests::{Stack, await_condition};

use crate::kubernetes::{deploy, keep, kubectl, members};

const NODES: [&str; 2] = ["control-plane-1", "worker-1"];

/// A cluster with those labels, each a line of the configuration.
fn labelled(arguments: &str, labels: &[&str]) -> String {
    let labels = labels.join("\n    ");
    kubernetes(&format!("{arguments}\n  labels = {{\n    {labels}\n  }}"))
}

/// What a command on a node of the cluster says.
fn on(stack: &Stack, node: &str, command: &[&str]) -> String {
    let node = format!("{}-{node}", stack.name());
    docker(&[&["exec", &node], command].concat())
}

fn get(stack: &Stack, object: &[&str], path: &str) -> String {
    let output = format!("--output=jsonpath={path}");
    kubectl(stack, 1, &[&["get"], object, &[&output]].concat())
}

/// How that component of the control plane was started.
fn started(stack: &Stack, component: &str) -> String {
    let pod = format!("{component}-{}-control-plane-1", stack.name());
    get(
        stack,
        &["--namespace=kube-system", "pod", &pod],
        "{.spec.containers[0].command}",
    )
}

#[test]
fn a_cluster_is_made_as_its_labels_say_and_changed_as_they_change() {
    let stack = Stack::on_docker("k8s-set");
    let lasting = [
        "pod_cidr = \"10.200.0.0/16\"",
        "service_cidr = \"10.201.0.0/20\"",
    ];
    let first = [
        "feature_gates = \"ContextualLogging=false\"",
        "kubeapi_options = \"--profiling=false\"",
        "kubelet_options = \"--max-pods=50\"",
        "pod_security = \"baseline\"",
        "registry_mirrors = \"docker.io=https://mirror.example.org\"",
    ];
    stack.configure(&labelled("", &[&lasting[..], &first].concat()));
    stack.apply();
    stack.assert_ready(&NODES);
    let pods = get(&stack, &["nodes"], "{.items[*].spec.podCIDR}");
    assert!(
        pods.split(' ').all(|cidr| cidr.starts_with("10.200.")),
        "{pods}"
    );
    assert_eq!(
        get(&stack, &["service", "kubernetes"], "{.spec.clusterIP}"),
        "10.201.0.1"
    );
    let api_server = started(&stack, "kube-apiserver");
    for argument in [
        "--profiling=false",
        "--feature-gates=ContextualLogging=false",
    ] {
        assert!(api_server.contains(argument), "{api_server}");
    }
    let room = || get(&stack, &["nodes"], "{.items[*].status.capacity.pods}");
    assert_eq!(room(), "50 50");
    let mirrors = "/etc/containerd/certs.d/docker.io/hosts.toml";
    for node in NODES {
        assert!(on(&stack, node, &["cat", mirrors]).contains("https://mirror.example.org"));
        let known = on(&stack, node, &["containerd", "config", "dump"]);
        assert!(known.contains("/etc/containerd/certs.d"), "{known}");
    }
    let privileged = "kubectl --kubeconfig /etc/kubernetes/admin.conf run no --image=none --privileged 2>&1 || true";
    let refused = on(&stack, "control-plane-1", &["sh", "-c", privileged]);
    assert!(
        refused.contains("violates PodSecurity \"baseline:latest\""),
        "{refused}"
    );
    stack.assert_plan_is_empty();

    let second = [
        "apiserver_cert_extra_sans = \"api.example.org\"",
        "audit_policy = \"{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: Metadata}]}\"",
        "kubeapi_options = \"--profiling=false --max-requests-inflight=300\"",
        "kubelet_options = \"--max-pods=60\"",
    ];
    stack.configure(&labelled("", &[&lasting[..], &second].concat()));
    stack.apply();
    stack.assert_ready(&NODES);
    stack.assert_plan_is_empty();
    let api_server = started(&stack, "kube-apiserver");
    for (argument, there) in [
        ("--max-requests-inflight=300", true),
        ("--audit-policy-file=", true),
        ("--feature-gates", false),
        ("--admission-control-config-file", false),
    ] {
        assert_eq!(
            api_server.contains(argument),
            there,
            "{argument}: {api_server}"
        );
    }
    await_condition("the kubelets tell of their new room", || room() == "60 60");
    let by_name = "curl --silent --cacert /etc/kubernetes/pki/ca.crt --resolve api.example.org:6443:127.0.0.1 \
                   https://api.example.org:6443/livez || true";
    await_condition("the API answers by its new name", || {
        on(&stack, "control-plane-1", &["sh", "-c", by_name]) == "ok"
    });
    for node in NODES {
        let left = format!("cat {mirrors} 2>/dev/null || true");
        assert_eq!(on(&stack, node, &["sh", "-c", &left]), "");
    }

    // What does not start is taken back, and what it said is told.
    let wrong = ["kubeapi_options = \"--no-such-argument=1\""];
    stack.configure(&labelled("", &[&lasting[..], &wrong].concat()));
    let _ = stack.apply_fails_saying(&["kube-apiserver does not serve", "no-such-argument"]);
    assert_eq!(members(&stack, 1), NODES, "the API serves as before");
    stack.configure(&labelled("", &[&lasting[..], &second].concat()));
    stack.apply();
    stack.assert_ready(&NODES);
    stack.assert_plan_is_empty();

    stack.destroy();
    stack.assert_nothing_left();
}

#[test]
fn a_network_of_routes_needs_no_image() {
    let stack = Stack::on_docker("k8s-native");
    let image = format!(
        "node_count = 2\n  preload_images = [\"{}\"]",
        workload_image()
    );
    stack.configure(&labelled(&image, &["network_driver = \"native\""]));
    stack.apply();
    let nodes = ["control-plane-1", "worker-1", "worker-2"];
    stack.assert_ready(&nodes);
    let sets = get(
        &stack,
        &["--namespace=kube-system", "daemonsets"],
        "{.items[*].metadata.name}",
    );
    assert_eq!(sets, "kube-proxy");
    deploy(&stack);
    let pods = get(
        &stack,
        &["pods", "--selector=app=web"],
        "{.items[*].status.podIP}",
    );
    let service = get(&stack, &["service", "web"], "{.spec.clusterIP}");
    let addresses: Vec<&str> = pods.split(' ').chain([service.as_str()]).collect();
    assert_eq!(addresses.len(), 4, "{pods}");
    for node in nodes {
        for address in &addresses {
            let url = format!("http://{address}/");
            let said = on(&stack, node, &["curl", "-sS", "--max-time", "10", &url]);
            assert!(said.contains("web-"), "{url} from {node}: {said}");
        }
    }
    let pod = get(
        &stack,
        &["pods", "--selector=app=web"],
        "{.items[0].metadata.name}",
    );
    let ask = [
        "exec",
        &pod,
        "--",
        "wget",
        "-qO-",
        "http://web.default.svc.cluster.local/",
    ];
    assert!(kubectl(&stack, 1, &ask).contains("web-"));

    // A node that goes takes its route with it.
    let routes = || {
        on(
            &stack,
            "worker-1",
            &["ip", "route", "show", "root", "10.244.0.0/16"],
        )
    };
    let over_others = || {
        routes()
            .lines()
            .filter(|route| route.contains(" via "))
            .count()
    };
    assert_eq!(over_others(), 2, "{}", routes());
    let fewer = image.replace("node_count = 2", "node_count = 1");
    stack.configure(&labelled(&fewer, &["network_driver = \"native\""]));
    stack.apply();
    await_condition("one route over another node", || over_others() == 1);
    stack.assert_plan_is_empty();
}

#[test]
fn a_cluster_without_a_network_waits_for_none_and_takes_one_of_the_users() {
    let stack = Stack::on_docker("k8s-none");
    stack.configure(&labelled("", &["network_driver = \"none\""]));
    stack.apply();
    stack.assert_ready(&NODES);
    let ready = get(
        &stack,
        &["nodes"],
        "{.items[*].status.conditions[?(@.type==\"Ready\")].status}",
    );
    assert_eq!(ready, "False False", "there is no network between pods");
    stack.assert_plan_is_empty();
    stack.destroy();

    let of_image = include_str!("../../examples/node-images/kubernetes/pod-network.yaml");
    let manifest = stack.folder().join("network.yaml");
    std::fs::write(
        &manifest,
        of_image.replace("{{ .PodSubnet }}", "10.244.0.0/16"),
    )
    .expect("a file");
    let given = ["cni_manifest = file(\"network.yaml\")"];
    stack.configure(&labelled("node_count = 0", &given));
    stack.apply();
    stack.assert_ready(&["control-plane-1"]);
    stack.assert_plan_is_empty();
    stack.destroy();

    let refused = of_image.replace("kind: DaemonSet", "kind: DemonSet");
    std::fs::write(&manifest, refused).expect("a file");
    let _ = stack.apply_fails_saying(&["set up the pod network", "DemonSet"]);
    stack.assert_nothing_left();
}

fn with_node(arguments: &str) -> String {
    format!(
        "{}\nresource \"coe_cluster_node\" \"extra\" {{\n  cluster_id = coe_container_cluster.this.id\n  name = \
         \"NAME-extra\"\n  {arguments}\n}}\n",
        kubernetes("node_count = 1")
    )
}

#[test]
fn a_node_beside_the_pool_has_labels_taints_and_maintenance() {
    let stack = Stack::on_docker("k8s-node");
    let tainted = "node_labels = { disk = \"ssd\" }\n  taints = [{ key = \"gpu\", value = \"a\", effect = \"NoSchedule\" }]";
    stack.configure(&with_node(tainted));
    stack.apply();
    let this = "coe_cluster_node.extra";
    let extra = format!("{}-extra", stack.name());
    let node = |path: &str| get(&stack, &["node", &extra], path);
    let taints = || {
        let all = node("{range .spec.taints[*]}{.key}={.value}:{.effect} {end}");
        let mut given: Vec<String> = all
            .split_whitespace()
            // The cluster's own come and go with what it hears of the node.
            .filter(|taint| !taint.starts_with("node.kubernetes.io/"))
            .map(str::to_owned)
            .collect();
        given.sort();
        given
    };
    assert_eq!(stack.state(this)["status"], "Ready");
    assert_eq!(node("{.metadata.labels.disk}"), "ssd");
    assert_eq!(taints(), ["gpu=a:NoSchedule"]);
    stack.assert_plan_is_empty();

    // Whatever somebody else gives it stays, and what they take from it comes back.
    kubectl(
        &stack,
        1,
        &["taint", "node", &extra, "theirs=b:PreferNoSchedule"],
    );
    stack.assert_plan_is_empty();
    kubectl(&stack, 1, &["taint", "node", &extra, "gpu-"]);
    stack.apply();
    assert_eq!(taints(), ["gpu=a:NoSchedule", "theirs=b:PreferNoSchedule"]);

    stack.configure(&with_node(
        "node_labels = { disk = \"hdd\" }\n  maintenance = true",
    ));
    stack.apply();
    assert_eq!(
        node("{.metadata.labels.disk} {.spec.unschedulable}"),
        "hdd true"
    );
    assert_eq!(taints(), ["theirs=b:PreferNoSchedule"]);
    assert_eq!(stack.state(this)["status"], "Drained");
    stack.assert_plan_is_empty();

    kubectl(&stack, 1, &["uncordon", &extra]);
    stack.configure(&with_node(tainted));
    stack.apply();
    assert_eq!(node("{.spec.unschedulable}"), "");
    let _ = stack.terraform(&["state", "rm", this]).succeeded();
    let id = format!("{0}/{0}-extra", stack.name());
    let _ = stack.terraform(&["import", this, &id]).succeeded();
    stack.assert_plan_is_empty();

    stack.configure(&kubernetes("node_count = 1"));
    stack.apply();
    assert_eq!(members(&stack, 1), NODES);
    stack.destroy();
    stack.assert_nothing_left();
}

#[test]
fn a_drain_that_a_budget_blocks_names_the_pod_and_the_budget() {
    let stack = Stack::on_docker("k8s-pdb");
    let workers = |count: u32| {
        kubernetes(&format!(
            "node_count = {count}\n  preload_images = [\"{}\"]\n  upgrade_settings = {{ drain_timeout = \"5s\" }}",
            workload_image()
        ))
    };
    stack.configure(&workers(2));
    stack.apply();
    deploy(&stack);
    keep(&stack, 3);
    stack.configure(&workers(1));
    let _ = stack.apply_fails_saying(&[
        "pod default/web-",
        "The disruption budget web needs 3 healthy pods",
    ]);
    stack.assert_ready(&["control-plane-1", "worker-1", "worker-2"]);
    kubectl(&stack, 1, &["delete", "poddisruptionbudget", "web"]);
    stack.apply();
    stack.assert_ready(&NODES);
    stack.assert_plan_is_empty();
}

#[test]
fn what_no_cluster_and_no_node_can_be_told_is_refused_at_its_place() {
    let stack = Stack::on_docker("k8s-told");
    for (label, place, words) in [
        (
            "pod_cdir = \"10.0.0.0/16\"",
            "\"10.0.0.0/16\"",
            "Did you mean \"pod_cidr\"?",
        ),
        (
            "pod_cidr = \"10.96.0.0/16\"",
            "\"10.96.0.0/16\"",
            "overlaps",
        ),
        (
            "feature_gates = \"UserNamespaceSupport=true\"",
            "\"UserNamespaceSupport=true\"",
            "Did you mean \"UserNamespacesSupport=true\"?",
        ),
        (
            "cni_manifest = \"kind: Pod\"",
            "\"kind: Pod\"",
            "apiVersion",
        ),
        (
            "network_driver = \"nativ\"",
            "\"nativ\"",
            "Did you mean \"native\"?",
        ),
    ] {
        stack.configure(&labelled("", &[label]));
        let place = place.trim_matches('"');
        stack.refuses_at(&["plan"], place, &[words]);
    }
    stack.assert_nothing_left();
}

#[test]
fn a_label_for_life_replaces_the_cluster_and_bad_taints_are_refused() {
    let stack = Stack::simulated("k8s-life");
    let cluster = |coe: &str, labels: &str| {
        format!(
            "resource \"coe_container_cluster\" \"this\" {{\n  name = \"NAME\"\n  coe = \"{coe}\"\n  {labels}\n}}\n"
        )
    };
    stack.configure(&cluster(
        "kubernetes",
        "labels = { kubelet_options = \"--max-pods=50\" }",
    ));
    stack.apply();
    stack.assert_plan_is_empty();
    let actions = || {
        let plan = stack.plan();
        plan["resource_changes"][0]["change"]["actions"].to_string()
    };
    stack.configure(&cluster(
        "kubernetes",
        "labels = { kubelet_options = \"--max-pods=60\", pod_cidr = \"10.244.0.0/16\" }",
    ));
    assert_eq!(
        actions(),
        "[\"update\"]",
        "the pods' subnet is the one that it was"
    );
    stack.configure(&cluster(
        "kubernetes",
        "labels = { pod_cidr = \"10.200.0.0/16\" }",
    ));
    assert_eq!(actions(), "[\"delete\",\"create\"]");

    let node = |taint: &str| {
        format!(
            "\nresource \"coe_cluster_node\" \"extra\" {{\n  cluster_id = coe_container_cluster.this.id\n  name = \
             \"NAME-extra\"\n  taints = [{taint}]\n}}\n"
        )
    };
    let kept = cluster(
        "kubernetes",
        "labels = { kubelet_options = \"--max-pods=50\" }",
    );
    stack.configure(&(kept.clone() + &node("{ key = \"gpu\", effect = \"NoSchedul\" }")));
    let _ = stack.terraform(&["plan"]).failed_saying(&["NoSchedule"]);
    stack.configure(&(kept.clone() + &node("{ key = \"g p u\", effect = \"NoSchedule\" }")));
    let _ = stack
        .terraform(&["plan"])
        .failed_saying(&["no key of a taint"]);
    stack.configure(&(kept + &node("{ key = \"gpu\", effect = \"NoSchedule\" }")));
    stack.apply();
    stack.assert_plan_is_empty();
    stack.destroy();

    stack.configure(&cluster("swarm", ""));
    stack.apply();
    stack.configure(&(cluster("swarm", "") + &node("{ key = \"gpu\", effect = \"NoSchedule\" }")));
    let _ = stack
        .terraform(&["plan"])
        .failed_saying(&["swarm has no taints"]);
    stack.configure(&cluster("swarm", ""));
    stack.destroy();
}
