//! Says which functions there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalog::Catalog;
use crate::convert;
use crate::proto::tfplugin6::Function;
use crate::proto::tfplugin6::get_functions::{Request, Response};

pub(super) async fn answer(catalog: Arc<Catalog>, _: Request) -> Response {
    Response {
        functions: functions(&catalog),
        diagnostics: Vec::new(),
    }
}

pub(super) fn functions(catalog: &Catalog) -> BTreeMap<String, Function> {
    let functions = catalog.functions.iter();
    functions
        .map(|(name, known)| {
            (
                (*name).into(),
                convert::function::to_proto(known.definition.clone()),
            )
        })
        .collect()
}
