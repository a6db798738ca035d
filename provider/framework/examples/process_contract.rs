//! A provider for the tests of the process contract. It has no resources: each call shows one side of the contract.

#![allow(
    clippy::panic,
    reason = "one of its calls shows what becomes of a panic"
)]

use std::{env, fs, process::ExitCode};

use terraform_framework::{
    proto::tfplugin6::{self as tf, provider_server::Provider},
    serve::{Mode, ServeOptions, serve_service},
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let cancellation = CancellationToken::new();
    let mut options = ServeOptions::new("registry.terraform.io/example/process-contract");
    if env::args().any(|argument| argument == "--debug") {
        options.mode = Mode::Debug;
    }
    serve_service(
        ProcessContract {
            cancellation: cancellation.clone(),
        },
        cancellation,
        options,
    )
    .await
}

struct ProcessContract {
    cancellation: CancellationToken,
}

type Answer<T> = Result<Response<T>, Status>;
type NoStream<T> = futures_util::stream::Empty<Result<T, Status>>;

macro_rules! not_offered {
    ($($name:ident($request:ty) -> $response:ty;)*) => {
        #[tonic::async_trait]
        impl Provider for ProcessContract {
            type ListResourceStream = NoStream<tf::list_resource::Event>;
            type ReadStateBytesStream = NoStream<tf::read_state_bytes::Response>;
            type InvokeActionStream = NoStream<tf::invoke_action::Event>;

            async fn get_provider_schema(
                &self,
                _request: Request<tf::get_provider_schema::Request>,
            ) -> Answer<tf::get_provider_schema::Response> {
                let provider = tf::Schema { block: Some(tf::schema::Block::default()), ..Default::default() };
                Ok(Response::new(tf::get_provider_schema::Response { provider: Some(provider), ..Default::default() }))
            }

            /// Logs an event inside a span.
            async fn configure_provider(
                &self,
                request: Request<tf::configure_provider::Request>,
            ) -> Answer<tf::configure_provider::Response> {
                let version = request.into_inner().terraform_version;
                let span = tracing::info_span!("configure", terraform = version);
                span.in_scope(|| {
                    tracing::warn!(regions = 3_u64, ready = true, "configured");
                    tracing::debug!("details of the configuration");
                });
                Ok(Response::new(Default::default()))
            }

            /// Answers with what it is given, however large.
            async fn plan_resource_change(
                &self,
                request: Request<tf::plan_resource_change::Request>,
            ) -> Answer<tf::plan_resource_change::Response> {
                let planned_state = request.into_inner().proposed_new_state;
                Ok(Response::new(tf::plan_resource_change::Response { planned_state, ..Default::default() }))
            }

            async fn read_resource(
                &self,
                _request: Request<tf::read_resource::Request>,
            ) -> Answer<tf::read_resource::Response> {
                panic!("a bug in the resource")
            }

            /// Runs until it is cancelled, and notes in the file that `type_name` names what has happened.
            async fn apply_resource_change(
                &self,
                request: Request<tf::apply_resource_change::Request>,
            ) -> Answer<tf::apply_resource_change::Response> {
                let notes = request.into_inner().type_name;
                let note = |text: &str| fs::write(&notes, text).map_err(|error| Status::internal(error.to_string()));
                note("running")?;
                self.cancellation.cancelled().await;
                // A future that is dropped with its connection would not come back from here.
                tokio::task::yield_now().await;
                note("cancelled")?;
                Ok(Response::new(Default::default()))
            }

            async fn stop_provider(
                &self,
                _request: Request<tf::stop_provider::Request>,
            ) -> Answer<tf::stop_provider::Response> {
                self.cancellation.cancel();
                Ok(Response::new(Default::default()))
            }

            $(async fn $name(&self, _request: Request<$request>) -> Answer<$response> {
                Err(Status::unimplemented("not offered"))
            })*
        }
    };
}

not_offered! {
    get_metadata(tf::get_metadata::Request) -> tf::get_metadata::Response;
    validate_provider_config(tf::validate_provider_config::Request) -> tf::validate_provider_config::Response;
    validate_resource_config(tf::validate_resource_config::Request) -> tf::validate_resource_config::Response;
    validate_data_resource_config(tf::validate_data_resource_config::Request)
        -> tf::validate_data_resource_config::Response;
    upgrade_resource_state(tf::upgrade_resource_state::Request) -> tf::upgrade_resource_state::Response;
    get_resource_identity_schemas(tf::get_resource_identity_schemas::Request)
        -> tf::get_resource_identity_schemas::Response;
    upgrade_resource_identity(tf::upgrade_resource_identity::Request) -> tf::upgrade_resource_identity::Response;
    import_resource_state(tf::import_resource_state::Request) -> tf::import_resource_state::Response;
    move_resource_state(tf::move_resource_state::Request) -> tf::move_resource_state::Response;
    read_data_source(tf::read_data_source::Request) -> tf::read_data_source::Response;
    generate_resource_config(tf::generate_resource_config::Request) -> tf::generate_resource_config::Response;
    validate_ephemeral_resource_config(tf::validate_ephemeral_resource_config::Request)
        -> tf::validate_ephemeral_resource_config::Response;
    open_ephemeral_resource(tf::open_ephemeral_resource::Request) -> tf::open_ephemeral_resource::Response;
    renew_ephemeral_resource(tf::renew_ephemeral_resource::Request) -> tf::renew_ephemeral_resource::Response;
    close_ephemeral_resource(tf::close_ephemeral_resource::Request) -> tf::close_ephemeral_resource::Response;
    list_resource(tf::list_resource::Request) -> Self::ListResourceStream;
    validate_list_resource_config(tf::validate_list_resource_config::Request)
        -> tf::validate_list_resource_config::Response;
    get_functions(tf::get_functions::Request) -> tf::get_functions::Response;
    call_function(tf::call_function::Request) -> tf::call_function::Response;
    validate_state_store_config(tf::validate_state_store::Request) -> tf::validate_state_store::Response;
    configure_state_store(tf::configure_state_store::Request) -> tf::configure_state_store::Response;
    read_state_bytes(tf::read_state_bytes::Request) -> Self::ReadStateBytesStream;
    write_state_bytes(Streaming<tf::write_state_bytes::RequestChunk>) -> tf::write_state_bytes::Response;
    lock_state(tf::lock_state::Request) -> tf::lock_state::Response;
    unlock_state(tf::unlock_state::Request) -> tf::unlock_state::Response;
    get_states(tf::get_states::Request) -> tf::get_states::Response;
    delete_state(tf::delete_state::Request) -> tf::delete_state::Response;
    plan_action(tf::plan_action::Request) -> tf::plan_action::Response;
    invoke_action(tf::invoke_action::Request) -> Self::InvokeActionStream;
    validate_action_config(tf::validate_action_config::Request) -> tf::validate_action_config::Response;
}
