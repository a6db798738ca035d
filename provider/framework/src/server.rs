//! Answers Terraform's calls with what a provider offers.
//!
//! Guarantees: a panic in a provider's code fails one call and nothing else. What Terraform would reject is found
//! here first. A failed update or delete never loses the state that was there. A call is not cancellation safe: who
//! serves this drives each call to its end ([`crate::serve()`] does).

mod apply_resource_change;
mod call_function;
mod catalog;
mod configure_provider;
mod conformance;
mod ephemeral_resource;
mod get_functions;
mod get_metadata;
mod get_provider_schema;
mod get_resource_identity_schemas;
mod guard;
mod import_resource_state;
mod members;
mod move_resource_state;
mod plan_resource_change;
pub(crate) mod planning;
mod read_data_source;
mod read_resource;
mod resource_identity;
mod runs;
mod service;
mod set_elements;
mod stored;
mod upgrade_resource_identity;
mod upgrade_resource_state;
mod validate_config;
pub(crate) mod validation;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tonic::{Response, Status};

use self::catalog::Catalog;
use crate::{Diagnostics, Provider};

/// The service that Terraform calls: `tfplugin6.Provider`.
#[derive(Clone)]
pub struct ProviderServer {
    catalog: Arc<Catalog>,
}

impl ProviderServer {
    /// Serves `provider`. Reads all schemas once.
    pub fn new(provider: impl Provider) -> Self {
        Self {
            catalog: Arc::new(Catalog::new(provider)),
        }
    }

    /// What is wrong with what the provider offers: two things of one name, and schemas that Terraform refuses. None
    /// in a provider that works, which its own tests can check; Terraform is told of all of them before anything else.
    pub fn problems(&self) -> &Diagnostics {
        &self.catalog.problems
    }

    /// Cancels every call, also those to come: for the end of the process. `StopProvider` cancels the calls of one
    /// run of Terraform; the next run begins when the provider's configuration is validated or taken again.
    pub fn cancellation(&self) -> &CancellationToken {
        self.catalog.runs.process()
    }

    async fn answer<Request, Answer, Work>(
        &self,
        request: tonic::Request<Request>,
        work: impl FnOnce(Arc<Catalog>, Request) -> Work,
    ) -> Result<Response<Answer>, Status>
    where
        Work: Future<Output = Answer>,
    {
        Ok(Response::new(
            work(Arc::clone(&self.catalog), request.into_inner()).await,
        ))
    }
}

impl std::fmt::Debug for ProviderServer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ProviderServer")
            .finish_non_exhaustive()
    }
}
