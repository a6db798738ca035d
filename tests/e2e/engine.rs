//! Engines that are not the local one: reached over TLS, rebooted, or not to be reached at all.

use std::os::unix::process::CommandExt;
use std::process::Command;

use coe_tests::Stack;
use coe_tests::docker::{docker, try_docker};
use coe_tests::stack::swarm;

use crate::await_condition;

/// A cluster whose first node is the Docker Engine of another cluster. Endpoint and credentials of the outer one are
/// known only in the middle of the apply.
const ONE_IN_ANOTHER: &str = r#"
provider "coe" {}

resource "coe_container_cluster" "this" {
  name           = "NAME"
  coe            = "swarm"
  image          = "IMAGE"
  preload_images = ["IMAGE"]
  node_count     = 0
}

ephemeral "coe_cluster_credentials" "this" {
  cluster_id = coe_container_cluster.this.id
}

provider "coe" {
  alias = "inner"
  docker = {
    host               = coe_container_cluster.this.endpoint
    ca_certificate     = ephemeral.coe_cluster_credentials.this.ca_certificate
    client_certificate = ephemeral.coe_cluster_credentials.this.client_certificate
    client_key         = ephemeral.coe_cluster_credentials.this.client_key
  }
}

resource "coe_container_cluster" "inner" {
  provider   = coe.inner
  name       = "inner"
  coe        = "swarm"
  image      = "IMAGE"
  node_count = 1
}
"#;

#[test]
fn a_cluster_on_an_engine_behind_tls_survives_that_engines_reboot() {
    let stack = Stack::on_docker("tls");
    stack.configure(ONE_IN_ANOTHER);
    stack.apply();
    assert_eq!(
        stack.state("coe_container_cluster.inner")["health"],
        "HEALTHY"
    );
    stack.assert_plan_is_empty();

    let engine = format!("{}-control-plane-1", stack.name());
    docker(&["restart", &engine]);
    let inner = [
        "exec",
        &engine,
        "docker",
        "exec",
        "inner-control-plane-1",
        "docker",
        "node",
        "ls",
    ];
    await_condition("the inner nodes are back", || {
        let listed = [inner.as_slice(), &["--format", "{{.Status}}"]].concat();
        try_docker(&listed)
            .is_ok_and(|nodes| nodes.lines().filter(|it| *it == "Ready").count() == 2)
    });
    stack.assert_plan_is_empty();

    stack.destroy();
    stack.assert_nothing_left();
}

#[test]
fn an_engine_that_is_not_there_is_named_with_what_was_tried() {
    let stack = Stack::on_docker("nowhere");
    let with_host = |host: &str| {
        format!(
            "provider \"coe\" {{\n  docker = {{ host = \"{host}\" }}\n}}\n{}",
            swarm("")
        )
    };
    stack.configure(&with_host("unix:///nowhere/docker.sock"));
    stack
        .terraform(&["plan", "-input=false"])
        .failed_saying(&["/nowhere/docker.sock", "DOCKER_HOST"]);
    stack.configure(&with_host("ssh://somewhere"));
    stack
        .terraform(&["plan", "-input=false"])
        .failed_saying(&["ssh"]);
}

#[test]
fn an_engine_that_went_away_takes_nothing_out_of_state() {
    let stack = Stack::on_docker("away");
    let at = |host: &str| {
        format!(
            "provider \"coe\" {{\n  docker = {{ {host} }}\n}}\n{}\nresource \"coe_cluster_node\" \"extra\" {{\n  cluster_id = \
             coe_container_cluster.this.id\n  name = \"NAME-extra\"\n}}\n",
            swarm("node_count = 0")
        )
    };
    stack.configure(&at(""));
    stack.apply();
    let state = || {
        let addresses = ["coe_container_cluster.this", "coe_cluster_node.extra"];
        addresses.map(|address| stack.state(address))
    };
    let before = state();
    stack.configure(&at("host = \"unix:///nowhere/docker.sock\""));
    for arguments in [
        &["plan", "-input=false"][..],
        &["apply", "-auto-approve"],
        &["apply", "-refresh-only", "-auto-approve"],
        &["destroy", "-auto-approve"],
    ] {
        stack
            .terraform(arguments)
            .failed_saying(&["/nowhere/docker.sock"]);
        assert_eq!(state(), before, "{arguments:?}");
    }
    stack.configure(&at(""));
    stack.assert_plan_is_empty();
    stack.destroy();
    stack.assert_nothing_left();
}

/// Passes what comes over TLS on to the local engine, asking clients for no certificate; the port, and the CA.
fn engine_behind_tls() -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let ca = made.cert.pem();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .expect("a key that was just made");
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("the certificate goes with its key");
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(tls));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    listener.set_nonblocking(true).expect("a listener");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut client = acceptor.accept(client).await?;
                    let mut engine =
                        tokio::net::UnixStream::connect("/var/run/docker.sock").await?;
                    tokio::io::copy_bidirectional(&mut client, &mut engine).await
                });
            }
        });
    });
    (port, ca)
}

#[test]
fn an_engine_behind_tls_need_not_ask_for_a_certificate() {
    let stack = Stack::on_docker("server");
    let (port, ca) = engine_behind_tls();
    std::fs::write(stack.folder().join("ca.pem"), ca).expect("the folder takes files");
    let plan = |in_docker: &str| {
        stack.configure(&format!(
            "provider \"coe\" {{\n  docker = {{ {in_docker} }}\n}}\n{}",
            swarm("")
        ));
        let mut terraform = stack.command(&["plan", "-input=false"]);
        terraform
            .env("DOCKER_HOST", format!("tcp://127.0.0.1:{port}"))
            .env("DOCKER_TLS_VERIFY", "1")
            .env("DOCKER_CERT_PATH", stack.folder());
        stack.run(terraform, "plan")
    };
    let _ = plan("").succeeded();
    // A connection without TLS is what the engine does not understand.
    plan("tls_verify = false").failed_saying(&["does not answer"]);
    plan("tls_verify = false, ca_certificate = \"x\"").failed_saying(&["Certificates without TLS"]);
    std::fs::write(stack.folder().join("cert.pem"), "").expect("the folder takes files");
    plan("").failed_saying(&["key.pem"]);
}

#[test]
fn an_engine_that_may_not_be_used_says_who_may() {
    const NOBODY: u32 = 65534;
    let stack = Stack::on_docker("nobody");
    stack.configure_swarm("");
    for path in ["", "main.tf", "terraform.rc"] {
        let path = stack.folder().join(path);
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).expect("the tests run as root");
    }
    let mut terraform: Command = stack.command(&["plan", "-input=false"]);
    terraform
        .uid(NOBODY)
        .gid(NOBODY)
        .env("HOME", stack.folder());
    stack
        .run(terraform, "plan")
        .failed_saying(&["permission", "/var/run/docker.sock", "group"]);
}
