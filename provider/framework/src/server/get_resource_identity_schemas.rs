//! Says what tells resources from one another.

use std::sync::Arc;

use super::catalog::Catalog;
use crate::convert::schema;
use crate::proto::tfplugin6::get_resource_identity_schemas::{Request, Response};

pub(super) async fn answer(catalog: Arc<Catalog>, _: Request) -> Response {
    let identities = catalog.resources.iter().filter_map(|(name, known)| {
        let identity = known.identity.as_ref()?;
        Some(((*name).into(), schema::identity_to_proto(&identity.schema)))
    });
    Response {
        identity_schemas: identities.collect(),
        diagnostics: Vec::new(),
    }
}
