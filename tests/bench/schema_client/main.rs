//! Starts a provider's binary as Terraform does, asks for its schema, and says how long that took and
//! how much memory the process had needed by then.
//!
//!     schema_client <binary> <rounds>
//!
//! The clock runs from before the process is started until the schema's answer is read whole. In between
//! lie the handshake, the mutual TLS with a client's certificate on P-521, and the call. The client's own
//! key is made before, as Terraform's share of the work is not the provider's.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark ends where it cannot measure"
)]

mod provider;
#[allow(dead_code, reason = "the tests of the process need more of it")]
#[path = "../../../provider/framework/tests/process/terraform.rs"]
mod terraform;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use terraform_framework::proto::go_plugin::Empty;
use terraform_framework::proto::go_plugin::grpc_controller_client::GrpcControllerClient;
use terraform_framework::proto::tfplugin6::get_provider_schema::Request;
use terraform_framework::proto::tfplugin6::provider_client::ProviderClient;

use crate::provider::Provider;
use crate::terraform::{Certificate, connect_over_tls};

/// Terraform's own limit.
const LARGEST_ANSWER: usize = 256 << 20;

struct Round {
    announced: Duration,
    answered: Duration,
    peak_kib: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(binary), Some(rounds)) = (arguments.next(), arguments.next()) else {
        panic!("usage: schema_client <binary> <rounds>");
    };
    let binary = PathBuf::from(binary);
    let rounds: usize = rounds
        .to_str()
        .unwrap()
        .parse()
        .expect("a number of rounds");
    let certificate = Certificate::generate();
    let mut seen = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        seen.push(round(&binary, &certificate).await);
    }
    let median_of = |value: fn(&Round) -> Duration| median(seen.iter().map(value).collect());
    println!("rounds={rounds}");
    println!(
        "announced_ms={:.2}",
        milliseconds(median_of(|round| round.announced))
    );
    println!(
        "answered_ms={:.2}",
        milliseconds(median_of(|round| round.answered))
    );
    let fastest = seen
        .iter()
        .map(|round| round.answered)
        .min()
        .unwrap_or_default();
    println!("fastest_ms={:.2}", milliseconds(fastest));
    let peak = seen
        .iter()
        .map(|round| round.peak_kib)
        .max()
        .unwrap_or_default();
    println!("peak_kib={peak}");
}

async fn round(binary: &std::path::Path, certificate: &Certificate) -> Round {
    let began = Instant::now();
    let provider = Provider::start(binary, certificate.pem()).await;
    let announced = began.elapsed();
    let channel = connect_over_tls(provider.address(), Some(certificate))
        .await
        .expect("the provider lets its Terraform in");
    let schema = ProviderClient::new(channel.clone())
        .max_decoding_message_size(LARGEST_ANSWER)
        .get_provider_schema(Request {})
        .await
        .expect("the provider has a schema");
    let answered = began.elapsed();
    assert!(!schema.into_inner().resource_schemas.is_empty());
    let peak_kib = provider.peak_kib();
    GrpcControllerClient::new(channel)
        .shutdown(Empty {})
        .await
        .expect("the provider ends when it is asked to");
    provider.ended().await;
    Round {
        announced,
        answered,
        peak_kib,
    }
}

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort();
    values[values.len() / 2]
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
