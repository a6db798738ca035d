//! `#[derive(Model)]` of `terraform-framework`: a struct's fields become a schema and its values.
//!
//! A mistake in an attribute is a compile error at the word that is at fault; all mistakes of a struct are
//! reported at once.

mod documentation;
mod expand;
mod parse;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct a model: its fields are the attributes and blocks of a schema.
///
/// Doc comments become descriptions. On the struct: `#[model(version = 1, deprecated = "…")]`, optional.
/// On each field one of
/// - `#[attribute(…)]` with `required`, `optional`, `computed` or `optional, computed`, and any of
///   `sensitive`, `write_only`, `default = value`, `validate = [rule, …]`, `plan = [modifier, …]`,
///   `replace` (a change replaces the resource), `keep` (the prior value stays where none is planned),
///   `deprecated = "…"`, `rename = "name"`;
/// - `#[block(list | set | map | single)]` with any of `least = 0`, `most = 2`, `deprecated = "…"`,
///   `rename = "name"`.
#[proc_macro_derive(Model, attributes(model, attribute, block))]
pub fn derive_model(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    parse::model(&input)
        .map_or_else(
            |error| error.to_compile_error(),
            |model| expand::model(&model),
        )
        .into()
}
