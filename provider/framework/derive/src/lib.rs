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
/// Doc comments become descriptions, in Markdown. Each field has one `#[attribute(…)]` or one `#[block(…)]`:
///
/// | Where | Word | What it says |
/// | --- | --- | --- |
/// | `#[model(…)]`, on the struct | `version = 1` | The version of stored state; 0 where it is not said. |
/// | | `deprecated = "…"` | Why it should not be used any more, and what instead. |
/// | `#[attribute(…)]` | `required` | The configuration sets it, always. |
/// | | `optional` | The configuration sets it, or it is null. |
/// | | `computed` | The provider sets it. |
/// | | `optional, computed` | The configuration sets it, or else the provider. |
/// | | `default = value` | What the provider sets, already in the plan. Needs `optional, computed`. |
/// | | `sensitive` | Hidden in what Terraform prints; it is in the state all the same. |
/// | | `write_only` | In the configuration only, never in a plan or in state. Not with `computed`. |
/// | | `keep` | The prior value stays where none is planned. Needs `computed`. |
/// | `#[block(…)]` | `list`, `set`, `map` or `single` | How the blocks are held: `Vec`, `Set`, `BTreeMap` or one model, inside `Attr` in a resource: what a `dynamic` block makes may be unknown. |
/// | | `least = 1`, `most = 2` | How many there may be, for `list` and `set`. |
/// | both | `validate = [rule, …]` | Rules for a configured value that is known; for all blocks of the name together. |
/// | | `replace` | A change replaces the resource; of blocks, also one that is added or taken away. |
/// | | `plan = [modifier, …]` | What else becomes of it in a plan, in order. |
/// | | `rename = "name"` | The name in the configuration, where it is not the field's. |
/// | | `deprecated = "…"` | Why it should not be used any more, and what instead. |
///
/// A configuration may refer to another resource anywhere, and its value is unknown in the plan then. What a resource's
/// configuration sets is therefore held in `Attr`, and so are the elements of its collections: `Attr<Vec<Attr<String>>>`,
/// `Attr<BTreeMap<String, Attr<Part>>>`. A server names each field of a resource that has no place for it.
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
