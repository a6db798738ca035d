//! Validates configurations: the provider's own, and those of all that it offers.

use std::sync::Arc;

use super::catalog::{Catalog, Described, answered};
use super::guard::{guarded, guarded_now};
use super::validation::{WriteOnly, check_config};
use crate::convert::value;
use crate::proto::tfplugin6::{
    DynamicValue, validate_data_resource_config as data_source,
    validate_ephemeral_resource_config as ephemeral, validate_provider_config as provider,
    validate_resource_config as resource,
};
use crate::{Diagnostics, Value};

pub(super) async fn answer_provider(
    catalog: Arc<Catalog>,
    request: provider::Request,
) -> provider::Response {
    // The first call of a run that gives the author's code something to do.
    catalog.runs.begin();
    let call = catalog.call(None);
    let validated = &catalog.provider;
    let hook = |config| validated.item.validate(config, &call);
    let found = validate_without_write_only(validated, request.config.as_ref(), hook).await;
    provider::Response {
        diagnostics: answered(&call, found),
    }
}

pub(super) async fn answer_resource(
    catalog: Arc<Catalog>,
    request: resource::Request,
) -> resource::Response {
    let client = request.client_capabilities.as_ref();
    let call = catalog.call(client);
    let write_only = match client {
        Some(client) if client.write_only_attributes_allowed => WriteOnly::Allowed,
        _ => WriteOnly::NotAllowed,
    };
    let found = match catalog.resource(&request.type_name) {
        Ok(known) => {
            let validated = &known.described;
            let hook = |config| validated.item.0.validate(config, &call);
            validate(validated, request.config.as_ref(), write_only, hook).await
        }
        Err(unknown) => unknown,
    };
    resource::Response {
        diagnostics: answered(&call, found),
    }
}

pub(super) async fn answer_data_source(
    catalog: Arc<Catalog>,
    request: data_source::Request,
) -> data_source::Response {
    let call = catalog.call(None);
    let found = match catalog.data_source(&request.type_name) {
        Ok(validated) => {
            let hook = |config| validated.item.0.validate(config, &call);
            validate_without_write_only(validated, request.config.as_ref(), hook).await
        }
        Err(unknown) => unknown,
    };
    data_source::Response {
        diagnostics: answered(&call, found),
    }
}

pub(super) async fn answer_ephemeral(
    catalog: Arc<Catalog>,
    request: ephemeral::Request,
) -> ephemeral::Response {
    let call = catalog.call(None);
    let found = match catalog.ephemeral_resource(&request.type_name) {
        Ok(validated) => {
            let hook = |config| validated.item.0.validate(config, &call);
            validate_without_write_only(validated, request.config.as_ref(), hook).await
        }
        Err(unknown) => unknown,
    };
    ephemeral::Response {
        diagnostics: answered(&call, found),
    }
}

/// For all but resources: nothing else has write-only attributes.
async fn validate_without_write_only<T, Work>(
    validated: &Described<T>,
    config: Option<&DynamicValue>,
    hook: impl FnOnce(Value) -> Work,
) -> Diagnostics
where
    Work: Future<Output = Diagnostics>,
{
    validate(validated, config, WriteOnly::NotAllowed, hook).await
}

/// The rules of the attributes, and when they hold, the rules of the whole.
async fn validate<T, Work>(
    validated: &Described<T>,
    config: Option<&DynamicValue>,
    write_only: WriteOnly,
    hook: impl FnOnce(Value) -> Work,
) -> Diagnostics
where
    Work: Future<Output = Diagnostics>,
{
    let config = match value::from_proto(config, &validated.value_type) {
        Ok(config) => config,
        Err(unreadable) => return unreadable,
    };
    let doing = "validating a configuration";
    let check = || check_config(validated.members(), &config, write_only);
    let mut found = guarded_now(doing, check).unwrap_or_else(Diagnostics::from);
    if !found.has_error() {
        match guarded(doing, hook(config)).await {
            Ok(more) => found.append(more),
            Err(panic) => found.push(panic),
        }
    }
    found
}
