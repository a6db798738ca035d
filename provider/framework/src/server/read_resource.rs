//! Reads what is true of a resource now.

use std::sync::Arc;

use super::catalog::{Catalog, answered, deferred};
use super::conformance::check_state;
use super::guard::guarded;
use super::resource_identity;
use crate::call::Private;
use crate::convert::value;
use crate::proto::tfplugin6::read_resource::{Request, Response};
use crate::proto::tfplugin6::{Deferred, DynamicValue, ResourceIdentityData};
use crate::{Call, Diagnostics};

pub(super) async fn answer(catalog: Arc<Catalog>, request: Request) -> Response {
    let mut call = catalog.call(request.client_capabilities.as_ref());
    match read(&catalog, &request, &mut call).await {
        Ok(read) => Response {
            new_state: Some(read.new_state),
            private: call.private().to_bytes(),
            deferred: read.deferred,
            new_identity: read.new_identity,
            diagnostics: answered(&call, Diagnostics::new()),
        },
        // Null would mean that the resource is gone.
        Err(diagnostics) => Response {
            new_state: request.current_state,
            private: request.private,
            deferred: None,
            new_identity: request.current_identity,
            diagnostics: answered(&call, diagnostics),
        },
    }
}

struct Read {
    new_state: DynamicValue,
    new_identity: Option<ResourceIdentityData>,
    deferred: Option<Deferred>,
}

async fn read(catalog: &Catalog, request: &Request, call: &mut Call) -> Result<Read, Diagnostics> {
    let resource = catalog.resource(&request.type_name)?;
    let described = &resource.described;
    call.set_private(Private::from_bytes(&request.private)?);
    let gone = Read {
        new_state: value::null(),
        new_identity: None,
        deferred: None,
    };
    let current = value::object_from_proto(request.current_state.as_ref(), &described.value_type)?;
    let Some(current) = current else {
        return Ok(gone);
    };
    let boxed = &described.item.0;
    let doing = format!("reading {}", boxed.name());
    let state = guarded(&doing, boxed.read(current, call)).await??;
    let deferred = deferred(call)?;
    let Some(state) = state else {
        return Ok(Read { deferred, ..gone });
    };
    check_state(described.members(), &state).into_result()?;
    let known_identity = request.current_identity.as_ref();
    let new_identity = resource_identity::of_state(resource, known_identity, &state).await?;
    let new_state = value::to_proto(&state, &described.value_type)?;
    Ok(Read {
        new_state,
        new_identity,
        deferred,
    })
}
