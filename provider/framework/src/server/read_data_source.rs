//! Reads a data source.

use std::sync::Arc;

use super::catalog::{Catalog, answered, deferred};
use super::conformance::check_answer;
use super::guard::guarded;
use super::planning::with_defaults;
use crate::convert::value;
use crate::proto::tfplugin6::DynamicValue;
use crate::proto::tfplugin6::read_data_source::{Request, Response};
use crate::{Call, Diagnostics};

pub(super) async fn answer(catalog: Arc<Catalog>, request: Request) -> Response {
    let mut call = catalog.call(request.client_capabilities.as_ref());
    let result = read(&catalog, &request, &mut call).await;
    match result.and_then(|state| Ok((state, deferred(&call)?))) {
        Ok((state, deferred)) => Response {
            state: Some(state),
            deferred,
            diagnostics: answered(&call, Diagnostics::new()),
        },
        Err(diagnostics) => Response {
            diagnostics: answered(&call, diagnostics),
            ..Default::default()
        },
    }
}

async fn read(
    catalog: &Catalog,
    request: &Request,
    call: &mut Call,
) -> Result<DynamicValue, Diagnostics> {
    let described = catalog.data_source(&request.type_name)?;
    let members = described.members();
    let config = value::from_proto(request.config.as_ref(), &described.value_type)?;
    call.set_config(config.clone());
    let boxed = &described.item.0;
    let doing = format!("reading {}", boxed.name());
    let asked = with_defaults(members, &config);
    let state = guarded(&doing, boxed.read(asked, call)).await??;
    check_answer(members, &config, &state).into_result()?;
    value::to_proto(&state, &described.value_type)
}
