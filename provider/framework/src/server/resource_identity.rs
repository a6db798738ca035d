//! Identities of resources, as calls carry them.

use super::catalog::{KnownIdentity, KnownResource};
use super::conformance::check_identity;
use super::guard::guarded;
use crate::convert::value;
use crate::proto::tfplugin6::ResourceIdentityData;
use crate::{Diagnostic, Diagnostics, Identity, Value};

/// The identity in `wire`; null where there is none.
pub(super) fn from_proto(
    known: &KnownIdentity,
    wire: Option<&ResourceIdentityData>,
) -> Result<Value, Diagnostics> {
    let data = wire.and_then(|wire| wire.identity_data.as_ref());
    value::from_proto(data, &known.value_type)
}

pub(super) fn to_proto(
    known: &KnownIdentity,
    identity: &Value,
) -> Result<ResourceIdentityData, Diagnostics> {
    Ok(ResourceIdentityData {
        identity_data: Some(value::to_proto(identity, &known.value_type)?),
    })
}

/// The identity of the resource in `state`, which must be the one `before` where that was known.
///
/// `None` where the resource has no identity schema.
pub(super) async fn of_state(
    resource: &KnownResource,
    before: Option<&ResourceIdentityData>,
    state: &Value,
) -> Result<Option<ResourceIdentityData>, Diagnostics> {
    let Some(known) = &resource.identity else {
        return Ok(None);
    };
    let boxed = &resource.described.item.0;
    let state = state.clone();
    let identity: Option<Identity> =
        guarded("telling an identity", async { boxed.identity(state) }).await??;
    let before_value = from_proto(known, before)?;
    let Some(identity) = identity else {
        return match before {
            Some(before) if !before_value.is_null() => Ok(Some(before.clone())),
            _ => Err(missing(boxed.name())),
        };
    };
    let identity = identity.into_value(&known.schema);
    check_identity(&before_value, &identity).into_result()?;
    Ok(Some(to_proto(known, &identity)?))
}

fn missing(name: &str) -> Diagnostics {
    Diagnostic::error(
        format!("The provider gave {name} no identity"),
        "The resource has an identity schema, so what exists must have an identity. \
         This is a bug in the provider.",
    )
    .into()
}
