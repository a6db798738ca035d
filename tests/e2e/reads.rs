//! A refresh costs the same number of calls, however many nodes there are.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use coe_tests::Stack;
use coe_tests::provider::workload_image;
use coe_tests::stack::{kubernetes_of, strings, swarm};
use serde_json::json;

#[test]
fn a_refresh_makes_a_constant_number_of_calls() {
    let stack = Stack::on_docker("calls");
    let socket = stack.folder().join("engine.sock");
    let calls = count_calls(&socket);
    let configuration = |nodes: u32| {
        format!(
            "provider \"coe\" {{\n  docker = {{ host = \"unix://{}\" }}\n}}\n{}",
            socket.display(),
            swarm(&format!("node_count = {nodes}"))
        )
    };
    let refresh = || {
        calls.store(0, Ordering::SeqCst);
        let _ = stack
            .terraform(&["plan", "-refresh-only", "-input=false"])
            .succeeded();
        calls.load(Ordering::SeqCst)
    };
    stack.configure(&configuration(0));
    stack.apply();
    let of_one = refresh();
    stack.configure(&configuration(3));
    stack.apply();
    let of_four = refresh();
    assert!(of_one > 0, "the calls go through the proxy");
    assert_eq!(
        of_one, of_four,
        "calls of a refresh with one node and with four"
    );

    stack.destroy();
    stack.assert_nothing_left();
}

const OFFER: &str = "data \"coe_platform\" \"this\" {}\n";

#[test]
fn a_simulated_platform_tells_how_much_room_it_has() {
    let stack = Stack::simulated("offer");
    let provider =
        "provider \"coe\" {\n  simulated = { dir = \"platform\", quota = { machines = 10 } }\n}\n";
    stack.configure(&format!("{provider}{}", swarm("node_count = 2")));
    stack.apply();
    stack.configure(&format!("{provider}{}{OFFER}", swarm("node_count = 2")));
    stack.apply();
    let offer = stack.state("data.coe_platform.this");
    assert_eq!(offer["name"], "simulated");
    let machines = &offer["quotas"]["machines"];
    assert_eq!(*machines, json!({ "used": 3, "limit": 10, "left": 7 }));
    let networks = &offer["quotas"]["networks"];
    assert_eq!(*networks, json!({ "used": 1, "limit": null, "left": null }));
    assert_eq!(offer["networks"][0]["name"], stack.name());
    stack.destroy();
}

#[test]
fn an_engine_tells_its_images_and_networks() {
    let stack = Stack::on_docker("offer");
    stack.configure(OFFER);
    stack.apply();
    let offer = stack.state("data.coe_platform.this");
    assert_eq!(offer["name"], "docker");
    let names = |list: &str| {
        let offered = offer[list].as_array().into_iter().flatten();
        let names = offered.map(|offered| offered["name"].clone());
        names.collect::<Vec<_>>()
    };
    assert!(
        names("images").contains(&json!(workload_image())),
        "{offer}"
    );
    assert!(names("networks").contains(&json!("bridge")), "{offer}");
    assert_eq!(offer["quotas"], json!({}));
}

/// Passes everything that comes to `socket` on to the engine, and counts the requests.
fn count_calls(socket: &Path) -> Arc<AtomicUsize> {
    let listener = UnixListener::bind(socket).expect("a socket in the test's folder");
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let counted = Arc::clone(&counted);
            std::thread::spawn(move || pass_on(client, &counted));
        }
    });
    calls
}

fn pass_on(client: UnixStream, calls: &AtomicUsize) {
    let engine = UnixStream::connect("/var/run/docker.sock").expect("the engine answers");
    let mut answers = engine.try_clone().expect("a second handle");
    let mut back = client.try_clone().expect("a second handle");
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut answers, &mut back);
        let _ = back.shutdown(std::net::Shutdown::Both);
    });
    let _ = count_requests(client, engine, calls);
}

/// A line that ends in `HTTP/1.1` begins a request; what a hijacked connection carries holds no such line.
fn count_requests(
    client: UnixStream,
    mut engine: UnixStream,
    calls: &AtomicUsize,
) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    loop {
        let bytes = client.fill_buf()?;
        if bytes.is_empty() {
            return engine.shutdown(std::net::Shutdown::Write);
        }
        let begun = bytes
            .windows(11)
            .filter(|window| window == b" HTTP/1.1\r\n")
            .count();
        calls.fetch_add(begun, Ordering::SeqCst);
        let length = bytes.len();
        engine.write_all(bytes)?;
        client.consume(length);
    }
}

#[test]
fn the_ca_of_a_cluster_is_told_by_its_name_or_its_id() {
    let stack = Stack::simulated("ca");
    let by = |argument: &str| {
        format!(
            "{}\ndata \"coe_cluster_ca_certificate\" \"this\" {{\n  {argument}\n}}\n",
            swarm("node_count = 0")
        )
    };
    for argument in [
        "name = coe_container_cluster.this.name\n  depends_on = [coe_container_cluster.this]",
        "id = coe_container_cluster.this.id",
    ] {
        stack.configure(&by(argument));
        stack.apply();
        let told = stack.state("data.coe_cluster_ca_certificate.this");
        let cluster = stack.state("coe_container_cluster.this");
        assert_eq!(told["certificate"], cluster["cluster_ca_certificate"]);
        assert_eq!(told["name"], stack.name());
    }
    stack.configure(&by("id = \"a\"\n  name = \"b\""));
    let _ = stack
        .terraform(&["plan"])
        .failed_saying(&["by its id or by its name"]);
}

fn with_kubeconfig(cluster: &str, arguments: &str) -> String {
    format!("{cluster}\ndata \"coe_cluster_kubeconfig\" \"this\" {{\n  {arguments}\n}}\n")
}

#[test]
fn a_kubeconfig_is_kept_in_state_where_that_is_asked_for() {
    let stack = Stack::simulated("file");
    let cluster = kubernetes_of("node:1", "node_count = 0");
    stack.configure(&with_kubeconfig(
        &cluster,
        "id = coe_container_cluster.this.id\n  lifetime = \"2h\"",
    ));
    stack.apply();
    let told = stack.state("data.coe_cluster_kubeconfig.this");
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    let file: serde_json::Value = serde_json::from_str(&text("kubeconfig")).expect("JSON");
    assert_eq!(file["current-context"], stack.name());
    assert_eq!(file["clusters"][0]["cluster"]["server"], told["endpoint"]);
    assert_eq!(told["name"], stack.name());
    for (name, begin) in [
        ("ca_certificate", "-----BEGIN CERTIFICATE-----"),
        ("client_certificate", "-----BEGIN CERTIFICATE-----"),
        ("client_key", "-----BEGIN PRIVATE KEY-----"),
    ] {
        assert!(text(name).starts_with(begin), "{name}");
    }
    let shown = stack.terraform(&["show"]).succeeded().text();
    assert!(
        !shown.contains("PRIVATE KEY"),
        "what is sensitive is not shown"
    );
    stack.assert_plan_is_empty();
    // By its name, and asleep.
    let cluster = kubernetes_of("node:1", "node_count = 0\n  desired_state = \"Stopped\"");
    stack.configure(&with_kubeconfig(
        &cluster,
        "name = coe_container_cluster.this.name\n  depends_on = [coe_container_cluster.this]",
    ));
    stack.apply();
    let told = stack.state("data.coe_cluster_kubeconfig.this");
    assert!(told["kubeconfig"].is_string());
}

#[test]
fn a_kubeconfig_that_cannot_be_is_refused_where_it_is_asked_for() {
    let stack = Stack::simulated("no-file");
    stack.configure_swarm("node_count = 0");
    stack.apply();
    let cluster = swarm("node_count = 0");
    for (arguments, place, said) in [
        (
            "name = \"NAME\"",
            "\"NAME\"",
            "whose clients have no such file",
        ),
        (
            "name = \"NAME\"\n  lifetime = \"9000h\"",
            "\"9000h\"",
            "1m to 8760h",
        ),
    ] {
        stack.configure(&with_kubeconfig(&cluster, arguments));
        let place = place.replace("NAME", stack.name());
        stack.refuses_at(&["plan", "-input=false"], &place, &[said]);
    }
    stack.configure(&with_kubeconfig(&cluster, "name = \"nobody\""));
    let _ = stack
        .terraform(&["plan", "-input=false"])
        .failed_saying(&["There is no cluster \"nobody\""]);
}

/// Three clusters, and those that the filters let through.
fn with_list(filters: &str) -> String {
    let cluster = |name: &str, coe: &str| {
        format!(
            "resource \"coe_container_cluster\" \"{name}\" {{\n  name = \"NAME-{name}\"\n  coe = \"{coe}\"\n  \
             image = \"node:1\"\n  description = \"number {name}\"\n}}\n"
        )
    };
    let (one, two, three) = (
        cluster("one", "swarm"),
        cluster("two", "kubernetes"),
        cluster("three", "swarm"),
    );
    format!(
        "{one}{two}{three}data \"coe_container_clusters\" \"all\" {{\n  depends_on = [coe_container_cluster.one, \
         coe_container_cluster.two, coe_container_cluster.three]\n  {filters}\n}}\n"
    )
}

#[test]
fn clusters_are_listed_by_name_and_coe() {
    let stack = Stack::simulated("list");
    for (filters, listed) in [
        ("", &["one", "three", "two"][..]),
        ("name_regex = \"-t\"", &["three", "two"]),
        ("coe = \"swarm\"", &["one", "three"]),
        ("coe = \"kubernetes\"\n  name_regex = \"one$\"", &[]),
    ] {
        stack.configure(&with_list(filters));
        stack.apply();
        let told = stack.state("data.coe_container_clusters.all");
        let full = listed.iter().map(|name| format!("{}-{name}", stack.name()));
        assert_eq!(
            strings(&told["names"]),
            full.collect::<Vec<_>>(),
            "{filters}"
        );
        for (position, name) in listed.iter().enumerate() {
            let cluster = &told["clusters"][position];
            let resource = stack.state(&format!("coe_container_cluster.{name}"));
            for attribute in ["id", "name", "description", "coe", "node_count", "endpoint"] {
                assert_eq!(cluster[attribute], resource[attribute], "{attribute}");
            }
            assert_eq!(told["ids"][position], resource["id"]);
        }
        stack.assert_plan_is_empty();
    }
    stack.configure(&with_list("name_regex = \"(\""));
    stack.refuses_at(&["validate"], "\"(\"", &["regular expression"]);
    stack.configure(&with_list("coe = \"nomad\""));
    stack.refuses_at(&["validate"], "\"nomad\"", &["kubernetes"]);
}
