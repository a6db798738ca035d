//! What the library that starts plugins in Terraform asks for beside the provider itself.

use std::{pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};
use tonic_health::{
    ServingStatus,
    pb::health_server::{Health, HealthServer},
};

use crate::proto::go_plugin::{
    ConnInfo, Empty, StdioData,
    grpc_broker_server::{GrpcBroker, GrpcBrokerServer},
    grpc_controller_server::{GrpcController, GrpcControllerServer},
    grpc_stdio_server::{GrpcStdio, GrpcStdioServer},
};

type Messages<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;

/// The name under which Terraform asks whether the plugin is healthy.
const HEALTH_NAME: &str = "plugin";

/// Says that the plugin is healthy.
pub(super) async fn health() -> HealthServer<impl Health> {
    let (reporter, server) = tonic_health::server::health_reporter();
    reporter
        .set_service_status(HEALTH_NAME, ServingStatus::Serving)
        .await;
    server
}

/// Tells `shutdown` that Terraform is done with the provider.
pub(super) fn controller(shutdown: Arc<Notify>) -> GrpcControllerServer<impl GrpcController> {
    GrpcControllerServer::new(Controller { shutdown })
}

/// A stream of what the provider prints, which is nothing: it stays open until `ending`.
pub(super) fn stdio(ending: CancellationToken) -> GrpcStdioServer<impl GrpcStdio> {
    GrpcStdioServer::new(Stdio { ending })
}

/// Takes the stream of further connections that Terraform opens and never uses. It stays open until `ending`.
pub(super) fn broker(ending: CancellationToken) -> GrpcBrokerServer<impl GrpcBroker> {
    GrpcBrokerServer::new(Broker { ending })
}

struct Controller {
    shutdown: Arc<Notify>,
}

#[tonic::async_trait]
impl GrpcController for Controller {
    async fn shutdown(&self, _request: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.shutdown.notify_one();
        Ok(Response::new(Empty {}))
    }
}

struct Stdio {
    ending: CancellationToken,
}

#[tonic::async_trait]
impl GrpcStdio for Stdio {
    type StreamStdioStream = Messages<StdioData>;

    async fn stream_stdio(
        &self,
        _request: Request<()>,
    ) -> Result<Response<Self::StreamStdioStream>, Status> {
        let silence = stream::pending().take_until(self.ending.clone().cancelled_owned());
        Ok(Response::new(silence.boxed()))
    }
}

struct Broker {
    ending: CancellationToken,
}

#[tonic::async_trait]
impl GrpcBroker for Broker {
    type StartStreamStream = Messages<ConnInfo>;

    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        let ignored = request.into_inner().filter_map(|_message| async { None });
        Ok(Response::new(
            ignored
                .take_until(self.ending.clone().cancelled_owned())
                .boxed(),
        ))
    }
}
