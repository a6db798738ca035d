//! Another minor version of a cluster that is there, while work runs on it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use coe_tests::provider::{kubernetes_node_image, older_kubernetes_node_image, workload_image};
use coe_tests::stack::kubernetes_of;

use super::*;

/// The version that an image's tag names.
fn version_of(image: &str) -> &str {
    image.rsplit_once(":v").expect("the tag is a version").1
}

/// Each node's version as state has it, by its name without the cluster's.
fn versions(stack: &Stack) -> Vec<(String, String)> {
    let cluster = stack.state("coe_container_cluster.this");
    let nodes = cluster["nodes"].as_object().expect("it has nodes").iter();
    nodes
        .map(|(name, node)| {
            let name = name.replace(&format!("{}-", stack.name()), "");
            let version = node["version"].as_str().unwrap_or_default();
            (name, version.to_owned())
        })
        .collect()
}

/// Somebody who asks the service without a pause, whichever node answers.
struct Client {
    stop: Arc<AtomicBool>,
    asking: JoinHandle<(usize, Vec<String>)>,
}

impl Client {
    fn start(mut addresses: Vec<String>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let asking = std::thread::spawn(move || {
            let begin = Instant::now();
            let (mut answered, mut failed) = (0, Vec::new());
            while !stopped.load(Ordering::Relaxed) {
                match request(&mut addresses) {
                    Ok(()) => answered += 1,
                    Err(tries) => failed.push(format!("after {:?}: {tries}", begin.elapsed())),
                }
            }
            (answered, failed)
        });
        Self { stop, asking }
    }

    /// How many requests were answered, and what came of those that were not.
    fn stop(self) -> (usize, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        self.asking.join().expect("the client does not panic")
    }
}

/// A request that has to be answered in time, by the node that answered the last one or else by another: a node that is
/// away is not the service, and a connection that ends while an endpoint goes is made anew.
fn request(addresses: &mut [String]) -> Result<(), String> {
    let sent = Instant::now();
    let mut tries = Vec::new();
    loop {
        match ask(&addresses[0]) {
            Ok(answer) if answer.contains("web-") => return Ok(()),
            Ok(answer) => tries.push(format!("{}: {answer:?}", addresses[0])),
            Err(error) => tries.push(format!("{}: {error}", addresses[0])),
        }
        if sent.elapsed() > Duration::from_secs(5) {
            return Err(tries.join("; "));
        }
        addresses.rotate_left(1);
    }
}

fn ask(address: &str) -> std::io::Result<String> {
    let patience = Duration::from_secs(2);
    let address = address.parse().expect("an address of a node");
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn an_upgrade_goes_node_by_node_and_the_work_goes_on() {
    let (older, newer) = (older_kubernetes_node_image(), kubernetes_node_image());
    let stack = Stack::on_docker("k8s-up");
    let arguments = format!(
        "node_count = 2\n  preload_images = [\"{}\"]",
        workload_image()
    );
    stack.configure(&kubernetes_of(older, &arguments));
    stack.apply();
    deploy(&stack);
    // As work has to be that is to go on: it takes requests until nobody sends any more, and from when it can.
    let graceful = r#"{"spec":{"template":{"spec":{"containers":[{"name":"hello",
        "lifecycle":{"preStop":{"exec":{"command":["sleep","5"]}}},
        "readinessProbe":{"httpGet":{"path":"/","port":80},"periodSeconds":1}}]}}}}"#;
    let patch = ["patch", "deployment", "web", "--patch", graceful];
    kubectl(&stack, 1, &patch);
    let rolled_out = ["rollout", "status", "deployment/web", "--timeout=120s"];
    kubectl(&stack, 1, &rolled_out);
    keep(&stack, 2);
    let of = |path: &str| format!("--output=jsonpath={path}");
    let port = of("{.spec.ports[0].nodePort}");
    let port = kubectl(&stack, 1, &["get", "service", "web", &port]);
    let addresses = of("{.items[*].status.addresses[?(@.type==\"InternalIP\")].address}");
    let addresses = kubectl(&stack, 1, &["get", "nodes", &addresses]);
    let addresses = addresses.split_whitespace();
    let client = Client::start(addresses.map(|node| format!("{node}:{port}")).collect());

    stack.configure(&kubernetes_of(newer, &arguments));
    let recreate = |node: &str| {
        let node = format!("{}-{node}", stack.name());
        format!("~ recreate {node} with image {newer} (was {older})")
    };
    let all = ["control-plane-1", "worker-1", "worker-2"];
    assert_eq!(stack.planned_operations(), all.map(recreate));
    stack.apply();
    let (answered, failed) = client.stop();
    assert!(answered > 0, "nobody asked");
    assert_eq!(failed, Vec::<String>::new(), "beside {answered} answers");

    stack.assert_ready(&all);
    let expected = all.map(|node| (node.to_owned(), version_of(newer).to_owned()));
    assert_eq!(versions(&stack), expected);
    stack.assert_plan_is_empty();
    let images = of("{..image}");
    let images = kubectl(
        &stack,
        1,
        &["get", "pods", "--namespace=kube-system", &images],
    );
    let proxy = |version: &str| format!("kube-proxy:v{version}");
    assert!(images.contains(&proxy(version_of(newer))), "{images}");
    assert!(!images.contains(&proxy(version_of(older))), "{images}");
    let snapshot = "/etc/kubernetes/coe/etcd-snapshot.db";
    let control_plane = format!("{}-control-plane-1", stack.name());
    docker(&["exec", &control_plane, "test", "-s", snapshot]);
    docker(&[
        "exec",
        &control_plane,
        "kubeadm",
        "certs",
        "check-expiration",
    ]);

    stack.configure(&kubernetes_of(older, &arguments));
    // The version is the image's: the configuration has no argument that it could be said at.
    stack.refuses_at(&["plan"], "{", &["cannot go back to"]);
}
