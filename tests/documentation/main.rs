//! The pages of `docs/` in the layout of Terraform's registry, rendered from the provider's schema and from
//! `examples/`; and the examples themselves.

mod examples;
mod page;
mod pages;
mod schema;

use std::fs;

use coe_tests::provider::repository;

#[test]
fn the_pages_say_what_the_schema_and_the_examples_say() {
    let docs = repository().join("docs");
    let pages = pages::all();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        for (path, text) in &pages {
            let path = docs.join(path);
            fs::create_dir_all(path.parent().expect("a page is in a folder")).expect("a folder");
            fs::write(&path, text).expect("the folder takes files");
        }
    }
    let stale: Vec<_> = pages
        .iter()
        .filter(|(path, text)| fs::read_to_string(docs.join(path)).ok().as_ref() != Some(text))
        .map(|(path, _)| format!("\n  docs/{path}"))
        .collect();
    assert!(
        stale.is_empty(),
        "these pages are stale; `UPDATE_DOCS=1 cargo test -p coe-tests --test documentation` writes \
         them:{}",
        stale.concat()
    );
}

#[test]
fn there_is_no_page_of_something_that_the_provider_does_not_have() {
    let docs = repository().join("docs");
    let pages = pages::all();
    for folder in [
        "resources",
        "data-sources",
        "ephemeral-resources",
        "functions",
    ] {
        let Ok(entries) = fs::read_dir(docs.join(folder)) else {
            continue;
        };
        for entry in entries {
            let name = entry.expect("the folder can be read").file_name();
            let path = format!("{folder}/{}", name.to_string_lossy());
            assert!(
                pages.iter().any(|(page, _)| *page == path),
                "docs/{path} is about nothing that the provider has: delete it"
            );
        }
    }
}
