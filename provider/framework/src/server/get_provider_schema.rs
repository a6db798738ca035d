//! Says what there is, with all schemas.

use std::sync::Arc;

use super::catalog::Catalog;
use super::get_metadata::server_capabilities;
use crate::convert::{self, schema};
use crate::proto::tfplugin6::get_provider_schema::{Request, Response};

pub(super) async fn answer(catalog: Arc<Catalog>, _: Request) -> Response {
    let resources = catalog.resources.iter();
    let data_sources = catalog.data_sources.iter();
    let ephemeral_resources = catalog.ephemeral_resources.iter();
    Response {
        provider: Some(schema::to_proto(&catalog.provider.schema)),
        resource_schemas: resources
            .map(|(name, known)| ((*name).into(), schema::to_proto(&known.described.schema)))
            .collect(),
        data_source_schemas: data_sources
            .map(|(name, described)| ((*name).into(), schema::to_proto(&described.schema)))
            .collect(),
        ephemeral_resource_schemas: ephemeral_resources
            .map(|(name, described)| ((*name).into(), schema::to_proto(&described.schema)))
            .collect(),
        functions: super::get_functions::functions(&catalog),
        diagnostics: convert::diagnostic::to_proto(catalog.problems.clone()),
        server_capabilities: Some(server_capabilities()),
        ..Default::default()
    }
}
