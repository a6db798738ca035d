//! Which pages there are: one for everything that the provider has.

use std::fs;

use coe_tests::provider::repository;
use terraform_framework::{Model, Provider};
use terraform_provider_coe::CoeProvider;

use crate::page::{Kind, Page};

/// Each page by its path in `docs/`.
pub(crate) fn all() -> Vec<(String, String)> {
    let provider = CoeProvider::default();
    let mut pages = vec![(
        "index.md".to_owned(),
        Page {
            kind: Kind::Provider,
            name: "coe",
            schema: <CoeProvider as Provider>::Model::schema(),
            example: example("provider/provider.tf"),
            import: None,
        }
        .render(),
    )];
    let mut add = |kind: Kind, name: &str, schema| {
        let folder = format!("{}/{name}", kind.folder());
        let page = Page {
            kind,
            name,
            schema,
            example: example(&format!("{folder}/{}.tf", kind.example())),
            import: (kind == Kind::Resource).then(|| example(&format!("{folder}/import.sh"))),
        };
        let short = name
            .strip_prefix("coe_")
            .expect("names begin with the provider's");
        pages.push((format!("{}/{short}.md", kind.folder()), page.render()));
    };
    for resource in provider.resources() {
        add(Kind::Resource, resource.name(), resource.schema());
    }
    for data_source in provider.data_sources() {
        add(Kind::DataSource, data_source.name(), data_source.schema());
    }
    for ephemeral in provider.ephemeral_resources() {
        add(Kind::Ephemeral, ephemeral.name(), ephemeral.schema());
    }
    pages
}

fn example(path: &str) -> String {
    fs::read_to_string(repository().join("examples").join(path))
        .unwrap_or_else(|error| panic!("examples/{path} is wanted for its page: {error}"))
}
