//! From what a struct says to the code that says it in Rust.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, ExprLit, Lit, LitInt, LitStr};

use crate::parse::{AttributeRules, BlockRules, Field, Model, Role, Source, bare};

/// The `AttributeType` and `Model` of the struct.
pub(crate) fn model(model: &Model) -> TokenStream {
    let Model {
        name, description, ..
    } = model;
    let (generics, arguments, bounds) = model.generics.split_for_impl();
    let version = model
        .version
        .as_ref()
        .map_or_else(|| quote!(0), |version| quote!(#version));
    let deprecation = optional_text(model.deprecation.as_ref());
    let idents: Vec<_> = model.fields.iter().map(|field| &field.ident).collect();
    let names: Vec<_> = model.fields.iter().map(|field| &field.name).collect();
    let attributes = model.fields.iter().filter_map(|field| match &field.role {
        Role::Attribute(rules) => Some(attribute(field, rules)),
        Role::Block(_) => None,
    });
    let blocks = model.fields.iter().filter_map(|field| match &field.role {
        Role::Block(rules) => Some(block(field, rules)),
        Role::Attribute(_) => None,
    });
    let known_only = model.fields.iter().map(known_only);
    quote! {
        #[automatically_derived]
        impl #generics ::terraform_framework::AttributeType for #name #arguments #bounds {
            fn kind() -> ::terraform_framework::AttributeKind {
                ::terraform_framework::AttributeKind::Nested(::terraform_framework::NestedObject {
                    mode: ::terraform_framework::Mode::Single,
                    attributes: <Self as ::terraform_framework::Model>::schema().block.attributes,
                })
            }

            fn from_value(
                value: ::terraform_framework::Value,
                path: &::terraform_framework::Path,
            ) -> ::core::result::Result<Self, ::terraform_framework::Diagnostics> {
                let mut fields = ::terraform_framework::Fields::of(value, path)?;
                ::core::result::Result::Ok(Self { #(#idents: fields.take(#names)?,)* })
            }

            fn into_value(self) -> ::terraform_framework::Value {
                ::terraform_framework::Value::object([
                    #((#names, ::terraform_framework::AttributeType::into_value(self.#idents)),)*
                ] as [(&str, ::terraform_framework::Value); _])
            }

            fn known_only(
                path: &::terraform_framework::Path,
            ) -> ::std::vec::Vec<::terraform_framework::Path> {
                let mut found = ::std::vec![path.clone()];
                #(found.extend(#known_only);)*
                found
            }
        }

        #[automatically_derived]
        impl #generics ::terraform_framework::Model for #name #arguments #bounds {
            fn schema() -> ::terraform_framework::Schema {
                ::terraform_framework::Schema {
                    version: #version,
                    block: ::terraform_framework::Block {
                        attributes: ::std::vec![#(#attributes),*],
                        blocks: ::std::vec![#(#blocks),*],
                        description: ::std::string::String::from(#description),
                        deprecation: #deprecation,
                    },
                }
            }
        }
    }
}

fn attribute(field: &Field, rules: &AttributeRules) -> TokenStream {
    let Field {
        content,
        name,
        description,
        ..
    } = field;
    let AttributeRules {
        sensitive,
        write_only,
        validators,
        ..
    } = rules;
    let source = source(rules.source);
    let deprecation = optional_text(field.deprecation.as_ref());
    let default = rules.default.as_ref().map_or_else(
        || quote!(::core::option::Option::None),
        |value| {
            let value = default(field, value);
            quote!(::core::option::Option::Some(#value))
        },
    );
    let keep = rules
        .keep
        .then(|| quote!(::terraform_framework::modifiers::use_state_for_unknown()));
    let plan_modifiers = keep
        .into_iter()
        .chain(own_modifiers(&rules.plan_modifiers, rules.replace));
    quote! {
        ::terraform_framework::Attribute {
            name: ::std::string::String::from(#name),
            kind: <#content as ::terraform_framework::AttributeType>::kind(),
            source: #source,
            sensitive: #sensitive,
            write_only: #write_only,
            description: ::std::string::String::from(#description),
            deprecation: #deprecation,
            default: #default,
            validators: ::std::vec![#(::std::sync::Arc::new(#validators)),*],
            plan_modifiers: ::std::vec![#(::std::sync::Arc::new(#plan_modifiers)),*],
        }
    }
}

fn source(source: Source) -> TokenStream {
    let source = match source {
        Source::Required => quote!(Required),
        Source::Optional => quote!(Optional),
        Source::OptionalComputed => quote!(OptionalComputed),
        Source::Computed => quote!(Computed),
    };
    quote!(::terraform_framework::schema::Source::#source)
}

/// Where the field has no place for what is not known, as an expression.
fn known_only(field: &Field) -> TokenStream {
    let Field { content, name, .. } = field;
    match &field.role {
        Role::Attribute(rules) => {
            let source = source(rules.source);
            quote! {
                ::terraform_framework::Fields::known_only::<#content>(&path.attribute(#name), #source)
            }
        }
        Role::Block(_) => quote! {
            ::terraform_framework::Fields::known_only_blocks::<#content>(&path.attribute(#name))
        },
    }
}

/// The author's own plan modifiers. `replace` comes last: it asks what the others made of the plan.
fn own_modifiers(own: &[Expr], replace: bool) -> impl Iterator<Item = TokenStream> {
    let replace = replace.then(|| quote!(::terraform_framework::modifiers::requires_replace()));
    own.iter().map(|modifier| quote!(#modifier)).chain(replace)
}

/// The default as a value: its expression is of the type inside `Attr` or `Option`.
fn default(field: &Field, value: &Expr) -> TokenStream {
    let content = bare(&field.content);
    // So that a text needs no `.to_owned()`.
    let value = match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => quote!(::core::convert::From::from(#text)),
        other => quote!(#other),
    };
    quote! {{
        let default: #content = #value;
        ::terraform_framework::AttributeType::into_value(default)
    }}
}

fn block(field: &Field, rules: &BlockRules) -> TokenStream {
    let Field {
        content,
        name,
        description,
        ..
    } = field;
    let deprecation = optional_text(field.deprecation.as_ref());
    let (least, most) = (count(rules.least.as_ref()), count(rules.most.as_ref()));
    let validators = &rules.validators;
    let plan_modifiers = own_modifiers(&rules.plan_modifiers, rules.replace);
    quote! {
        ::terraform_framework::schema::NestedBlock {
            name: ::std::string::String::from(#name),
            block: ::terraform_framework::Block {
                description: ::std::string::String::from(#description),
                deprecation: #deprecation,
                ..<#content as ::terraform_framework::BlockType>::block()
            },
            mode: <#content as ::terraform_framework::BlockType>::MODE,
            least: #least,
            most: #most,
            validators: ::std::vec![#(::std::sync::Arc::new(#validators)),*],
            plan_modifiers: ::std::vec![#(::std::sync::Arc::new(#plan_modifiers)),*],
        }
    }
}

fn count(bound: Option<&LitInt>) -> TokenStream {
    bound.map_or_else(|| quote!(0), |bound| quote!(#bound))
}

fn optional_text(text: Option<&LitStr>) -> TokenStream {
    text.map_or_else(
        || quote!(::core::option::Option::None),
        |text| quote!(::core::option::Option::Some(::std::string::String::from(#text))),
    )
}
