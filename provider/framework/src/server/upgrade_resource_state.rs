//! Brings stored state to the version of today. Comes before every read.

use std::sync::Arc;

use super::catalog::{Catalog, answered};
use super::guard::guarded;
use super::members::with_blocks;
use super::stored::{Stored, upgrade};
use crate::Diagnostics;
use crate::convert::value;
use crate::proto::tfplugin6::DynamicValue;
use crate::proto::tfplugin6::upgrade_resource_state::{Request, Response};

pub(super) async fn answer(catalog: Arc<Catalog>, request: Request) -> Response {
    let (upgraded_state, diagnostics) = match upgraded(&catalog, &request).await {
        Ok(state) => (Some(state), Diagnostics::new()),
        Err(diagnostics) => (None, diagnostics),
    };
    Response {
        upgraded_state,
        diagnostics: answered(&catalog.call(None), diagnostics),
    }
}

async fn upgraded(catalog: &Catalog, request: &Request) -> Result<DynamicValue, Diagnostics> {
    let described = &catalog.resource(&request.type_name)?.described;
    let stored = Stored::State(&request.type_name);
    let doing = format!("upgrading {stored}");
    let state = guarded(&doing, async {
        upgrade(
            request.raw_state.as_ref(),
            request.version,
            described.schema.version,
            &described.item.0.upgraders(),
            &described.value_type,
            stored,
        )
    });
    let state = with_blocks(described.members(), state.await??);
    value::to_proto(&state, &described.value_type)
}
