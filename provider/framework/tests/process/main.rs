//! The process contract, with the test in Terraform's place: it starts the provider, connects and ends it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod provider;
mod real_terraform;
mod terraform;

use std::{fs, future::Future, path::Path, time::Duration};

use terraform_framework::proto::{
    go_plugin::{
        ConnInfo, Empty, grpc_broker_client::GrpcBrokerClient,
        grpc_controller_client::GrpcControllerClient, grpc_stdio_client::GrpcStdioClient,
    },
    tfplugin6::{
        DynamicValue, apply_resource_change, configure_provider, get_provider_schema,
        plan_resource_change, provider_client::ProviderClient, read_resource,
    },
};
use tokio_stream::StreamExt;
use tonic::{Code, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use self::{
    provider::{Provider, Start},
    terraform::{Certificate, connect_over_tls, connect_plainly},
};

const LARGE: usize = 20 << 20;

/// Long enough for a slow machine: what does not come is a failure, and not a slow test.
async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), event)
        .await
        .unwrap_or_else(|_| panic!("{what} did not come"))
}

fn client(channel: Channel) -> ProviderClient<Channel> {
    ProviderClient::new(channel).max_decoding_message_size(256 << 20)
}

/// Begins a call that runs until it is cancelled, and returns when it runs.
async fn begin_endless_call(channel: Channel, notes: &Path) {
    let request = apply_resource_change::Request {
        type_name: notes.display().to_string(),
        ..Default::default()
    };
    tokio::spawn(async move { client(channel).apply_resource_change(request).await });
    soon(
        "the call",
        until(|| fs::read_to_string(notes).is_ok_and(|text| text == "running")),
    )
    .await;
}

/// A file has no event to wait for that works on every system.
async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn run_by_hand_it_explains_itself() {
    let start = Start::by_hand();
    let output = start.command().output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"");
    let explanation = String::from_utf8(output.stderr).unwrap();
    assert!(
        explanation.contains("registry.terraform.io/example/process-contract"),
        "{explanation}"
    );
    assert!(explanation.contains("required_providers"), "{explanation}");
    start.assert_nothing_left();
}

#[tokio::test]
async fn a_terraform_without_certificate_or_version_6_is_told_so() {
    let certificate = Certificate::generate();
    for (variable, value, said) in [
        ("PLUGIN_CLIENT_CERT", "", "certificate"),
        ("PLUGIN_PROTOCOL_VERSIONS", "5", "\"5\""),
    ] {
        let start = Start::by_terraform(&certificate);
        let output = start.command().env(variable, value).output().await.unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(output.stdout, b"");
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(complaint.contains(said), "{complaint}");
        start.assert_nothing_left();
    }
}

#[tokio::test]
async fn its_own_terraform_speaks_with_it() {
    let certificate = Certificate::generate();
    let provider = Provider::start(Start::by_terraform(&certificate)).await;
    let channel = connect_over_tls(provider.address(), Some(&certificate))
        .await
        .unwrap();

    let schema = client(channel.clone())
        .get_provider_schema(get_provider_schema::Request {})
        .await
        .unwrap();
    assert!(schema.into_inner().provider.is_some());

    let health = HealthCheckRequest {
        service: "plugin".to_owned(),
    };
    let health = HealthClient::new(channel.clone())
        .check(health)
        .await
        .unwrap();
    assert_eq!(health.into_inner().status(), ServingStatus::Serving);

    let large = DynamicValue {
        msgpack: vec![7; LARGE],
        ..Default::default()
    };
    let request = plan_resource_change::Request {
        proposed_new_state: Some(large),
        ..Default::default()
    };
    let planned = client(channel)
        .plan_resource_change(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(planned.planned_state.unwrap().msgpack.len(), LARGE);
}

#[tokio::test]
async fn nobody_else_speaks_with_it() {
    let certificate = Certificate::generate();
    let provider = Provider::start(Start::by_terraform(&certificate)).await;

    for stranger in [None, Some(Certificate::generate())] {
        // In TLS 1.3 a client believes itself connected until the server has read its certificate.
        let refused = match connect_over_tls(provider.address(), stranger.as_ref()).await {
            Err(_) => true,
            Ok(channel) => client(channel)
                .get_provider_schema(get_provider_schema::Request {})
                .await
                .is_err(),
        };
        assert!(refused, "a stranger was served");
    }
    assert!(
        match connect_plainly(provider.address().socket()).await {
            Err(_) => true,
            Ok(channel) => client(channel)
                .get_provider_schema(get_provider_schema::Request {})
                .await
                .is_err(),
        },
        "a client without TLS was served"
    );

    let channel = connect_over_tls(provider.address(), Some(&certificate))
        .await
        .unwrap();
    client(channel)
        .get_provider_schema(get_provider_schema::Request {})
        .await
        .unwrap();
}

#[tokio::test]
async fn its_socket_is_in_a_folder_of_its_own_where_terraform_wants_it() {
    use std::os::unix::fs::PermissionsExt;

    let certificate = Certificate::generate();
    let start = Start::by_terraform(&certificate);
    let wanted = tempfile::tempdir().unwrap();
    let provider = Provider::start(start.with("PLUGIN_UNIX_SOCKET_DIR", wanted.path())).await;
    let folder = provider.address().socket().parent().unwrap().to_path_buf();
    assert_eq!(folder.parent(), Some(wanted.path()));
    assert_eq!(
        fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    provider.signal("TERM");
    soon("the end", provider.ended()).await;
    assert_eq!(fs::read_dir(wanted.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn shutdown_ends_it_and_leaves_nothing() {
    let certificate = Certificate::generate();
    let provider = Provider::start(Start::by_terraform(&certificate)).await;
    let channel = connect_over_tls(provider.address(), Some(&certificate))
        .await
        .unwrap();

    // Terraform opens both for the whole time that it uses a provider.
    let mut stdio = GrpcStdioClient::new(channel.clone())
        .stream_stdio(())
        .await
        .unwrap()
        .into_inner();
    let knocks = tokio_stream::pending::<ConnInfo>();
    let mut broker = GrpcBrokerClient::new(channel.clone())
        .start_stream(knocks)
        .await
        .unwrap()
        .into_inner();

    GrpcControllerClient::new(channel)
        .shutdown(Empty {})
        .await
        .unwrap();
    assert!(
        soon("the end of the output", stdio.next())
            .await
            .is_none_or(|message| message.is_err())
    );
    assert!(
        soon("the end of the broker", broker.next())
            .await
            .is_none_or(|message| message.is_err())
    );
    let end = soon("the end", provider.ended()).await;
    assert_eq!(end.code, Some(0), "{}", end.errors);
    assert_eq!(end.more_output, "");
    end.start.assert_nothing_left();
}

#[tokio::test]
async fn ctrl_c_is_left_to_terraform_and_termination_lets_calls_end() {
    let certificate = Certificate::generate();
    let provider = Provider::start(Start::by_terraform(&certificate)).await;
    let channel = connect_over_tls(provider.address(), Some(&certificate))
        .await
        .unwrap();
    let notes = provider.setup().folder().join("notes");
    begin_endless_call(channel.clone(), &notes).await;

    provider.signal("INT");
    client(channel)
        .get_provider_schema(get_provider_schema::Request {})
        .await
        .unwrap();
    assert_eq!(fs::read_to_string(&notes).unwrap(), "running");

    provider.signal("TERM");
    let end = soon("the end", provider.ended()).await;
    assert_eq!(end.code, Some(0), "{}", end.errors);
    assert_eq!(fs::read_to_string(&notes).unwrap(), "cancelled");
}

#[tokio::test]
async fn when_terraform_is_killed_it_ends_its_calls_and_itself() {
    let certificate = Certificate::generate();
    let provider = Provider::start_below_another_process(Start::by_terraform(&certificate)).await;
    let notes = provider.setup().folder().join("notes");
    {
        // Its own runtime is Terraform's memory: dropping it closes the connection as a kill does.
        let (address, certificate, notes) = (
            provider.address().clone(),
            certificate.clone(),
            notes.clone(),
        );
        tokio::task::spawn_blocking(move || {
            let terraform = tokio::runtime::Runtime::new().unwrap();
            terraform.block_on(async {
                let channel = connect_over_tls(&address, Some(&certificate))
                    .await
                    .unwrap();
                begin_endless_call(channel, &notes).await;
            });
            terraform.shutdown_background();
        })
        .await
        .unwrap();
    }
    provider.signal("KILL");
    soon(
        "the end of the call",
        until(|| fs::read_to_string(&notes).is_ok_and(|text| text == "cancelled")),
    )
    .await;
    // Its folder goes with it. The killed process is only the one in between.
    fs::remove_file(&notes).unwrap();
    soon("the end", until(|| provider.setup().is_empty())).await;
}

#[tokio::test]
async fn a_panic_is_the_end_of_one_call() {
    let certificate = Certificate::generate();
    let provider = Provider::start(Start::by_terraform(&certificate)).await;
    let channel = connect_over_tls(provider.address(), Some(&certificate))
        .await
        .unwrap();
    let error = client(channel.clone())
        .read_resource(read_resource::Request::default())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::Internal);
    client(channel)
        .get_provider_schema(get_provider_schema::Request {})
        .await
        .unwrap();
}

#[tokio::test]
async fn log_lines_carry_level_and_fields() {
    let certificate = Certificate::generate();
    let start = Start::by_terraform(&certificate)
        .with("TF_LOG", "trace")
        .with("TF_LOG_PROVIDER_PROCESS_CONTRACT", "info");
    let provider = Provider::start(start).await;
    let channel = connect_over_tls(provider.address(), Some(&certificate))
        .await
        .unwrap();
    let request = configure_provider::Request {
        terraform_version: "1.11.4".to_owned(),
        ..Default::default()
    };
    client(channel).configure_provider(request).await.unwrap();
    provider.signal("TERM");
    let end = soon("the end", provider.ended()).await;

    let lines: Vec<serde_json::Value> = end
        .errors
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [line] = lines.as_slice() else {
        panic!("one line was expected:\n{}", end.errors)
    };
    assert_eq!(line["@level"], "warn");
    assert_eq!(line["@message"], "configured");
    assert_eq!(line["@module"], "process_contract");
    assert_eq!(line["terraform"], "1.11.4");
    assert_eq!(line["regions"], 3);
    assert_eq!(line["ready"], true);
    assert!(
        line["@timestamp"].as_str().unwrap().ends_with('Z'),
        "{line}"
    );
}

#[tokio::test]
async fn in_debug_mode_it_serves_one_terraform_after_another() {
    let provider = Provider::start(Start::by_hand().for_debugging()).await;
    for _ in 0..2 {
        let channel = connect_plainly(provider.address().socket()).await.unwrap();
        client(channel.clone())
            .get_provider_schema(get_provider_schema::Request {})
            .await
            .unwrap();
        GrpcControllerClient::new(channel)
            .shutdown(Empty {})
            .await
            .unwrap();
    }
    provider.signal("INT");
    let end = soon("the end", provider.ended()).await;
    assert_eq!(end.code, Some(0), "{}", end.errors);
    end.start.assert_nothing_left();
}
