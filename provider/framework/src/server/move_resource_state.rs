//! Makes the state of another resource into the state of one of this provider (a `moved` block between types).

use std::sync::Arc;

use super::catalog::{Catalog, answered};
use super::conformance::settled;
use super::guard::guarded;
use super::resource_identity;
use super::stored::{Stored, json_of, parse};
use crate::convert::value;
use crate::proto::tfplugin6::move_resource_state::{Request, Response};
use crate::{Diagnostic, Diagnostics, MovedState};

pub(super) async fn answer(catalog: Arc<Catalog>, request: Request) -> Response {
    match moved(&catalog, &request).await {
        Ok(response) => response,
        Err(diagnostics) => Response {
            diagnostics: answered(&catalog.call(None), diagnostics),
            ..Default::default()
        },
    }
}

async fn moved(catalog: &Catalog, request: &Request) -> Result<Response, Diagnostics> {
    let resource = catalog.resource(&request.target_type_name)?;
    let described = &resource.described;
    let source = &request.source_type_name;
    let identity = match &request.source_identity {
        Some(raw) if !raw.json.is_empty() => Some(parse(&raw.json, Stored::Identity(source))?),
        _ => None,
    };
    let state = Stored::State(source);
    let from = MovedState {
        provider_address: request.source_provider_address.clone(),
        type_name: source.clone(),
        schema_version: request.source_schema_version,
        state: parse(json_of(request.source_state.as_ref(), state)?, state)?,
        identity,
    };
    let boxed = &described.item.0;
    let target = guarded(&format!("taking over {state}"), async {
        boxed.moved(&from)
    })
    .await??;
    let target = target.ok_or_else(|| {
        Diagnostic::error(
            format!("{source} cannot become {}", request.target_type_name),
            format!(
                "The provider knows no way to take over the state of {source} of {}. \
                 Remove it from the state with a `removed` block, and import it.",
                request.source_provider_address
            ),
        )
    })?;
    let target = settled(described.members(), target);
    // The read that follows tells the identity where the old state can not.
    let told = resource_identity::of_state(resource, None, &target).await;
    Ok(Response {
        target_state: Some(value::to_proto(&target, &described.value_type)?),
        target_identity: told.unwrap_or_default(),
        ..Default::default()
    })
}
