//! Opens, renews and closes ephemeral resources.

use std::sync::Arc;
use std::time::SystemTime;

use prost_types::Timestamp;

use super::catalog::{Catalog, answered, deferred};
use super::conformance::check_answer;
use super::guard::guarded;
use super::planning::with_defaults;
use crate::convert::value;
use crate::proto::tfplugin6::{
    DynamicValue, close_ephemeral_resource as close, open_ephemeral_resource as open,
    renew_ephemeral_resource as renew,
};
use crate::{Call, Diagnostics, Opened, Renewed};

pub(super) async fn answer_open(catalog: Arc<Catalog>, request: open::Request) -> open::Response {
    let mut call = catalog.call(request.client_capabilities.as_ref());
    let result = opened(&catalog, &request, &mut call).await;
    match result.and_then(|opened| Ok((opened, deferred(&call)?))) {
        Ok((
            Opened {
                result,
                renew_at,
                private,
            },
            deferred,
        )) => open::Response {
            result: Some(result),
            renew_at: renew_at.map(timestamp),
            private: Some(private),
            deferred,
            diagnostics: answered(&call, Diagnostics::new()),
        },
        Err(diagnostics) => open::Response {
            diagnostics: answered(&call, diagnostics),
            ..Default::default()
        },
    }
}

async fn opened(
    catalog: &Catalog,
    request: &open::Request,
    call: &mut Call,
) -> Result<Opened<DynamicValue>, Diagnostics> {
    let described = catalog.ephemeral_resource(&request.type_name)?;
    let members = described.members();
    let config = value::from_proto(request.config.as_ref(), &described.value_type)?;
    call.set_config(config.clone());
    let boxed = &described.item.0;
    let doing = format!("opening {}", boxed.name());
    let asked = with_defaults(members, &config);
    let Opened {
        result,
        renew_at,
        private,
    } = guarded(&doing, boxed.open(asked, call)).await??;
    check_answer(members, &config, &result).into_result()?;
    let result = value::to_proto(&result, &described.value_type)?;
    Ok(Opened {
        result,
        renew_at,
        private,
    })
}

pub(super) async fn answer_renew(
    catalog: Arc<Catalog>,
    request: renew::Request,
) -> renew::Response {
    let call = catalog.call(None);
    let private = request.private.unwrap_or_default();
    match renewed(&catalog, &request.type_name, private, &call).await {
        Ok(Renewed { renew_at, private }) => renew::Response {
            renew_at: renew_at.map(timestamp),
            private: Some(private),
            diagnostics: answered(&call, Diagnostics::new()),
        },
        Err(diagnostics) => renew::Response {
            diagnostics: answered(&call, diagnostics),
            ..Default::default()
        },
    }
}

async fn renewed(
    catalog: &Catalog,
    type_name: &str,
    private: Vec<u8>,
    call: &Call,
) -> Result<Renewed, Diagnostics> {
    let boxed = &catalog.ephemeral_resource(type_name)?.item.0;
    guarded(&format!("renewing {type_name}"), boxed.renew(private, call)).await?
}

pub(super) async fn answer_close(
    catalog: Arc<Catalog>,
    request: close::Request,
) -> close::Response {
    let call = catalog.call(None);
    let private = request.private.unwrap_or_default();
    let result = closed(&catalog, &request.type_name, private, &call).await;
    close::Response {
        diagnostics: answered(&call, result.err().unwrap_or_default()),
    }
}

async fn closed(
    catalog: &Catalog,
    type_name: &str,
    private: Vec<u8>,
    call: &Call,
) -> Result<(), Diagnostics> {
    let boxed = &catalog.ephemeral_resource(type_name)?.item.0;
    guarded(&format!("closing {type_name}"), boxed.close(private, call)).await?
}

fn timestamp(time: SystemTime) -> Timestamp {
    time.into()
}
