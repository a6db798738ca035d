//! Hands the provider its configuration.

use std::sync::Arc;

use super::catalog::{Catalog, answered};
use super::guard::guarded;
use super::planning::with_defaults;
use crate::convert::value;
use crate::proto::tfplugin6::configure_provider::{Request, Response};
use crate::{Call, Diagnostics};

pub(super) async fn answer(catalog: Arc<Catalog>, request: Request) -> Response {
    catalog.runs.begin();
    let call = catalog.call(request.client_capabilities.as_ref());
    let result = configure(&catalog, &request, &call).await;
    Response {
        diagnostics: answered(&call, result.err().unwrap_or_default()),
    }
}

async fn configure(catalog: &Catalog, request: &Request, call: &Call) -> Result<(), Diagnostics> {
    let provider = &catalog.provider;
    let config = value::from_proto(request.config.as_ref(), &provider.value_type)?;
    let config = with_defaults(provider.members(), &config);
    guarded(
        "taking its configuration",
        provider.item.configure(config, call),
    )
    .await?
}
