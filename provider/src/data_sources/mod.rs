//! The data sources, one file a noun.

pub(crate) mod cluster_ca_certificate;
pub(crate) mod cluster_kubeconfig;
pub(crate) mod cluster_nodes;
pub(crate) mod container_cluster;
pub(crate) mod container_clusters;
pub(crate) mod platform;

use terraform_framework::{Attr, Diagnostic, Diagnostics, Path};

/// A cluster is asked for by its id or by its name.
fn refuse_unless_one(id: &Attr<String>, name: &Attr<String>) -> Diagnostics {
    let (summary, detail) = match (id, name) {
        (Attr::Null, Attr::Null) => ("Which cluster?", "Give the cluster's `id` or its `name`."),
        (Attr::Known(_), Attr::Known(_)) => (
            "A cluster is found by its id or by its name",
            "Give one of `id` and `name`, not both.",
        ),
        _ => return Diagnostics::new(),
    };
    Diagnostic::error(summary, detail)
        .at(Path::attribute_name("name"))
        .into()
}

/// The one of the two that is given.
fn wanted<'a>(id: &'a Attr<String>, name: &'a Attr<String>) -> &'a str {
    id.known()
        .or(name.known())
        .map(String::as_str)
        .unwrap_or_default()
}
