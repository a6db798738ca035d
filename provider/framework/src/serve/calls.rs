//! The provider's running calls: each runs to its end, whoever still waits for its answer.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tonic::{
    Status,
    body::Body,
    codegen::{
        Service,
        http::{Request, Response},
    },
    server::NamedService,
};

use super::error::ServeError;

/// Counts the running calls.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls(TaskTracker);

impl Calls {
    /// `service`, with its calls counted.
    pub(super) fn track<S>(&self, service: S) -> Tracked<S> {
        Tracked {
            service,
            calls: self.0.clone(),
        }
    }

    /// Waits until no call runs any more, at most for `bound`.
    pub(super) async fn finish(&self, bound: Duration) -> Result<(), ServeError> {
        self.0.close();
        let finished = timeout(bound, self.0.wait()).await;
        finished.map_err(|_elapsed| ServeError::CallsAbandoned {
            count: self.0.len(),
            bound,
        })
    }
}

/// A service whose calls are tasks of their own.
///
/// When a connection breaks, the server drops the futures of its calls. A call that is making a machine must not be
/// dropped halfway: only its own code can leave things in order.
#[derive(Debug, Clone)]
pub(super) struct Tracked<S> {
    service: S,
    calls: TaskTracker,
}

impl<S, B> Service<Request<B>> for Tracked<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let call = self.calls.spawn(self.service.call(request));
        Box::pin(async move {
            call.await.unwrap_or_else(|_panicked| {
                Ok(
                    Status::internal("the provider panicked in this call; its log says where")
                        .into_http(),
                )
            })
        })
    }
}

impl<S: NamedService> NamedService for Tracked<S> {
    const NAME: &'static str = S::NAME;
}
