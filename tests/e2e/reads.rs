//! A refresh costs the same number of calls, however many nodes there are.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use coe_tests::Stack;
use coe_tests::stack::swarm;

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
