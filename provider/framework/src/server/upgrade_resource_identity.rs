//! Brings a stored identity to the version of today.

use std::sync::Arc;

use super::catalog::{Catalog, answered};
use super::guard::guarded;
use super::resource_identity;
use super::stored::{Stored, upgrade};
use crate::proto::tfplugin6::ResourceIdentityData;
use crate::proto::tfplugin6::upgrade_resource_identity::{Request, Response};
use crate::{Diagnostic, Diagnostics};

pub(super) async fn answer(catalog: Arc<Catalog>, request: Request) -> Response {
    let (upgraded_identity, diagnostics) = match upgraded(&catalog, &request).await {
        Ok(identity) => (Some(identity), Diagnostics::new()),
        Err(diagnostics) => (None, diagnostics),
    };
    Response {
        upgraded_identity,
        diagnostics: answered(&catalog.call(None), diagnostics),
    }
}

async fn upgraded(
    catalog: &Catalog,
    request: &Request,
) -> Result<ResourceIdentityData, Diagnostics> {
    let resource = catalog.resource(&request.type_name)?;
    let known = resource.identity.as_ref().ok_or_else(|| {
        Diagnostic::error(
            format!("{} has no identity", request.type_name),
            "Terraform asked to upgrade it all the same. A newer version of the provider may have one.",
        )
    })?;
    let stored = Stored::Identity(&request.type_name);
    let doing = format!("upgrading {stored}");
    let identity = guarded(&doing, async {
        upgrade(
            request.raw_identity.as_ref(),
            request.version,
            known.schema.version,
            &resource.described.item.0.identity_upgraders(),
            &known.value_type,
            stored,
        )
    });
    resource_identity::to_proto(known, &identity.await??)
}
