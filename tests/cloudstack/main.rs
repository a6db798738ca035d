//! A cloud that speaks CloudStack's API, for tests and for who has none: see README.md.
//!
//!     cloudstack_server <folder> [settings] [stay]
//!
//! Writes `ca.pem` and `environment` into the folder, prints one line of JSON that says where it listens, and ends with
//! all that it made at SIGTERM or SIGINT, or, without `stay`, once its standard input ends.

mod accounts;
mod addresses;
mod affinity_groups;
mod balancers;
mod call;
mod catalog;
mod certificate;
mod cloud;
mod commands;
mod control;
mod engine;
mod faults;
mod firewall;
mod forwards;
mod jobs;
mod key_pairs;
mod life;
mod limits;
mod machines;
mod networks;
mod ports;
mod refusal;
mod serve;
mod settings;
mod state;
mod tags;
mod user_data;
mod wires;

use std::io::Read as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;

use crate::cloud::Cloud;
use crate::engine::Engine;
use crate::settings::Settings;

/// How long it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// As long as who started it, who holds its standard input.
    OfItsParent,
    UntilItIsEnded,
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let folder = PathBuf::from(
        arguments
            .next()
            .expect("cloudstack_server <folder> [settings] [stay]"),
    );
    let settings = arguments.next().map_or_else(
        || "{}".to_owned(),
        |settings| settings.into_string().expect("settings are text"),
    );
    let life = match arguments.next() {
        Some(word) if word == "stay" => Life::UntilItIsEnded,
        Some(word) => panic!("{}: no such argument", word.display()),
        None => Life::OfItsParent,
    };
    let settings: Value = serde_json::from_str(&settings).expect("settings are JSON");
    let settings = Settings::default()
        .with(&settings)
        .expect("these are settings");
    let cloud = Arc::new(Cloud::new(settings).expect("a block of addresses is free"));
    let ready = listen(&cloud, &folder).await;
    println!("{ready}");
    tokio::spawn(life::clean_up(Arc::clone(&cloud)));
    tokio::spawn(engine::watch(Arc::clone(&cloud)));
    end_of(life).await;
    cloud.engine.remove_everything().await;
}

async fn end_of(life: Life) {
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be waited for");
    let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be waited for");
    let parent = async {
        match life {
            Life::OfItsParent => {
                let (ended, end) = tokio::sync::oneshot::channel();
                // A thread of its own, which needs not be waited for.
                std::thread::spawn(move || {
                    // Whatever comes of it: nobody holds it any more.
                    _ = std::io::stdin().read_to_end(&mut Vec::new());
                    ended.send(())
                });
                _ = end.await;
            }
            Life::UntilItIsEnded => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = parent => {}
    }
}

/// Listens on two ports of the loopback interface, and says on which.
async fn listen(cloud: &Arc<Cloud>, folder: &Path) -> Value {
    let (ca, tls) = certificate::make();
    let ca_file = folder.join("ca.pem");
    std::fs::write(&ca_file, ca).expect("the folder can be written to");
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let (api, control) = (bind().await.expect("a port"), bind().await.expect("a port"));
    let port = |listener: &TcpListener| listener.local_addr().expect("it listens").port();
    let url = format!("https://127.0.0.1:{}/client/api", port(&api));
    let control_url = format!("http://127.0.0.1:{}", port(&control));
    let ready = {
        let state = cloud.state();
        let coe = state.people.named("coe").expect("there is the account");
        let other = state.people.named("other").expect("there is the account");
        let admin = state.people.named("admin").expect("there is the account");
        let environment = format!(
            "export CLOUDSTACK_API_URL={url}\nexport CLOUDSTACK_API_KEY={}\nexport CLOUDSTACK_SECRET_KEY={}\nexport \
             CLOUDSTACK_CA_FILE={}\n",
            coe.api_key,
            coe.secret_key,
            ca_file.display()
        );
        std::fs::write(folder.join("environment"), environment)
            .expect("the folder can be written to");
        json!({
            "url": url, "control": control_url, "api_key": coe.api_key, "secret_key": coe.secret_key,
            "admin_api_key": admin.api_key, "admin_secret_key": admin.secret_key,
            "other_api_key": other.api_key, "other_secret_key": other.secret_key,
            "label": Engine::label_of(&cloud.name),
        })
    };
    tokio::spawn(take_calls(Arc::clone(cloud), api, tls));
    tokio::spawn(take_orders(Arc::clone(cloud), control));
    ready
}

async fn take_calls(cloud: Arc<Cloud>, listener: TcpListener, tls: TlsAcceptor) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (cloud, tls) = (Arc::clone(&cloud), tls.clone());
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else {
                return;
            };
            let service = service_fn(|request| serve::answer(Arc::clone(&cloud), request));
            // An error is a connection that was closed: by the client, or on purpose.
            _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn take_orders(cloud: Arc<Cloud>, listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let cloud = Arc::clone(&cloud);
        tokio::spawn(async move {
            let service = service_fn(|request| control::answer(Arc::clone(&cloud), request));
            _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
