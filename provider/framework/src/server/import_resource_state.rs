//! Finds what exists already. Terraform reads it right after.

use std::sync::Arc;

use super::catalog::{Catalog, KnownResource, answered, deferred};
use super::conformance::settled;
use super::guard::guarded;
use super::resource_identity;
use crate::convert::value;
use crate::proto::tfplugin6::import_resource_state::{ImportedResource, Request, Response};
use crate::{Call, Diagnostic, Diagnostics, Identity, ImportTarget};

pub(super) async fn answer(catalog: Arc<Catalog>, request: Request) -> Response {
    let call = catalog.call(request.client_capabilities.as_ref());
    let imported = match import(&catalog, &request, &call).await {
        Ok(imported) => deferred(&call).map(|deferred| (imported, deferred)),
        Err(diagnostics) => Err(diagnostics),
    };
    match imported {
        Ok((imported, deferred)) => Response {
            imported_resources: vec![imported],
            deferred,
            diagnostics: answered(&call, Diagnostics::new()),
        },
        Err(diagnostics) => Response {
            diagnostics: answered(&call, diagnostics),
            ..Default::default()
        },
    }
}

async fn import(
    catalog: &Catalog,
    request: &Request,
    call: &Call,
) -> Result<ImportedResource, Diagnostics> {
    let resource = catalog.resource(&request.type_name)?;
    let described = &resource.described;
    let target = target(resource, request)?;
    let boxed = &described.item.0;
    let doing = format!("importing {}", boxed.name());
    let state = guarded(&doing, boxed.import(target, call)).await??;
    // Only what read needs has to be here, so what is not known yet may be left out.
    let state = settled(described.members(), state);
    // The read that follows tells the identity where the import can not yet.
    let told = resource_identity::of_state(resource, request.identity.as_ref(), &state).await;
    Ok(ImportedResource {
        type_name: request.type_name.clone(),
        state: Some(value::to_proto(&state, &described.value_type)?),
        private: call.private().to_bytes(),
        identity: told.unwrap_or_else(|_| request.identity.clone()),
    })
}

fn target(resource: &KnownResource, request: &Request) -> Result<ImportTarget, Diagnostics> {
    if !request.id.is_empty() {
        return Ok(ImportTarget::Id(request.id.clone()));
    }
    let identity = match &resource.identity {
        Some(known) => resource_identity::from_proto(known, request.identity.as_ref())?,
        None => crate::Value::Null,
    };
    Identity::from_value(identity)
        .map(ImportTarget::Identity)
        .ok_or_else(|| {
            Diagnostic::error(
                format!("{} cannot be imported without an id", request.type_name),
                "The import says neither an id nor an identity that the resource knows.",
            )
            .into()
        })
}
