//! Says what there is, without the schemas.

use std::sync::Arc;

use super::catalog::Catalog;
use crate::convert;
use crate::proto::tfplugin6::{ServerCapabilities, get_metadata};

/// What this framework can do whatever the provider.
pub(super) fn server_capabilities() -> ServerCapabilities {
    ServerCapabilities {
        plan_destroy: true,
        get_provider_schema_optional: true,
        move_resource_state: true,
        generate_resource_config: false,
    }
}

pub(super) async fn answer(
    catalog: Arc<Catalog>,
    _: get_metadata::Request,
) -> get_metadata::Response {
    let resources = catalog.resources.keys();
    let data_sources = catalog.data_sources.keys();
    let ephemeral_resources = catalog.ephemeral_resources.keys();
    let functions = catalog.functions.keys();
    get_metadata::Response {
        server_capabilities: Some(server_capabilities()),
        diagnostics: convert::diagnostic::to_proto(catalog.problems.clone()),
        resources: resources
            .map(|name| get_metadata::ResourceMetadata {
                type_name: (*name).into(),
            })
            .collect(),
        data_sources: data_sources
            .map(|name| get_metadata::DataSourceMetadata {
                type_name: (*name).into(),
            })
            .collect(),
        ephemeral_resources: ephemeral_resources
            .map(|name| get_metadata::EphemeralMetadata {
                type_name: (*name).into(),
            })
            .collect(),
        functions: functions
            .map(|name| get_metadata::FunctionMetadata {
                name: (*name).into(),
            })
            .collect(),
        ..Default::default()
    }
}
