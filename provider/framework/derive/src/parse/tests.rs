use syn::parse_quote;

use super::*;

fn mistakes(input: &DeriveInput) -> Vec<String> {
    model(input)
        .err()
        .unwrap()
        .into_iter()
        .map(|mistake| mistake.to_string())
        .collect()
}

fn rules(field: &Field) -> &AttributeRules {
    match &field.role {
        Role::Attribute(rules) => rules,
        Role::Block(_) => panic!("{} is a block", field.name),
    }
}

#[test]
fn every_word_is_heard() {
    let model = model(&parse_quote! {
        /// A note.
        #[model(version = 3, deprecated = "Use a pen.")]
        struct Note {
            /// What it is called.
            #[attribute(required, replace, validate = [length(1..=9), other()], rename = "name")]
            title: Attr<String>,
            #[attribute(optional, computed, default = 1, sensitive)]
            copies: Attr<i64>,
            #[attribute(optional, write_only, deprecated = "No more.", plan = [mine()])]
            r#type: Attr<Vec<Option<String>>>,
            #[attribute(computed, keep)]
            id: Attr<String>,
            #[block(list, least = 1, most = 2)]
            rule: Vec<Rule>,
        }
    })
    .unwrap();
    assert_eq!(model.description, "A note.");
    assert_eq!(model.version.unwrap().base10_digits(), "3");
    assert_eq!(model.deprecation.unwrap().value(), "Use a pen.");
    let names: Vec<_> = model
        .fields
        .iter()
        .map(|field| field.name.as_str())
        .collect();
    assert_eq!(names, ["name", "copies", "type", "id", "rule"]);

    let [title, copies, kind, id, rule] = &model.fields[..] else {
        panic!()
    };
    assert_eq!(title.description, "What it is called.");
    assert_eq!(rules(title).source, Source::Required);
    assert!(rules(title).replace);
    assert_eq!(rules(title).validators.len(), 2);
    assert_eq!(rules(copies).source, Source::OptionalComputed);
    assert!(rules(copies).sensitive && rules(copies).default.is_some());
    assert_eq!(rules(kind).source, Source::Optional);
    assert!(rules(kind).write_only);
    assert_eq!(rules(kind).plan_modifiers.len(), 1);
    assert_eq!(kind.deprecation.as_ref().unwrap().value(), "No more.");
    assert_eq!(rules(id).source, Source::Computed);
    assert!(rules(id).keep);
    assert!(matches!(
        &rule.role,
        Role::Block(rules) if rules.least.is_some() && rules.most.is_some()
    ));
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let found = mistakes(&parse_quote! {
        struct Note {
            bare: Attr<String>,
            #[attribute(sensitive)]
            nobody: Attr<String>,
            #[attribute(required, computed)]
            both: Attr<String>,
            #[attribute(optional, default = 1)]
            default: Attr<i64>,
            #[attribute(optional, computed, write_only)]
            write_only: Attr<i64>,
            #[attribute(optional, keep)]
            keep: Attr<i64>,
            #[attribute(computed, validate = [positive()])]
            rule: Attr<i64>,
            #[attribute(optional, obsolete)]
            word: Attr<i64>,
            #[attribute(optional, optional)]
            twice: Attr<i64>,
            #[attribute(optional, rename = "Not-a-name")]
            name: Attr<i64>,
        }
    });
    for (mistake, beginning) in found.iter().zip([
        "what is this field?",
        "who sets it?",
        "what is `required`",
        "a default is the provider's value",
        "what is `write_only`",
        "`keep` is for what the provider sets",
        "rules are for configured values",
        "expected `required`",
        "said twice",
        "a name is lower-case",
    ]) {
        assert!(
            mistake.starts_with(beginning),
            "{mistake:?} does not begin with {beginning:?}"
        );
    }
    assert_eq!(found.len(), 10, "{found:#?}");
}

#[test]
fn a_block_is_held_as_its_type_holds_it() {
    for (input, beginning) in [
        (
            parse_quote!(
                struct N {
                    #[block]
                    a: Vec<R>,
                }
            ),
            "expected attribute arguments",
        ),
        (
            parse_quote!(
                struct N {
                    #[block(most = 1)]
                    a: Vec<R>,
                }
            ),
            "how are the blocks held?",
        ),
        (
            parse_quote!(
                struct N {
                    #[block(set)]
                    a: Vec<R>,
                }
            ),
            "blocks that are held as `set`",
        ),
        (
            parse_quote!(
                struct N {
                    #[block(single)]
                    a: Attr<Vec<R>>,
                }
            ),
            "blocks that are held as",
        ),
        (
            parse_quote!(
                struct N {
                    #[block(single, most = 1)]
                    a: Attr<R>,
                }
            ),
            "only `list` and `set`",
        ),
        (
            parse_quote!(
                struct N {
                    #[block(list)]
                    #[attribute(required)]
                    a: Vec<R>,
                }
            ),
            "a field has",
        ),
    ] {
        let found = mistakes(&input);
        assert!(found[0].starts_with(beginning), "{found:?}");
    }
    for fitting in [
        parse_quote!(
            struct N {
                #[block(list)]
                a: Attr<Vec<R>>,
            }
        ),
        parse_quote!(
            struct N {
                #[block(set)]
                a: terraform_framework::Set<R>,
            }
        ),
        parse_quote!(
            struct N {
                #[block(map)]
                a: BTreeMap<String, R>,
            }
        ),
        parse_quote!(
            struct N {
                #[block(single)]
                a: Option<R>,
            }
        ),
    ] {
        model(&fitting).unwrap();
    }
}

#[test]
fn only_a_struct_with_named_fields_is_a_model() {
    for input in [
        parse_quote!(
            enum N {
                A,
            }
        ),
        parse_quote!(
            struct N(u8);
        ),
        parse_quote!(
            struct N;
        ),
    ] {
        assert_eq!(mistakes(&input), ["a model is a struct with named fields"]);
    }
    let twice = mistakes(&parse_quote! {
        struct N {
            #[attribute(required)] a: Attr<i64>,
            #[attribute(required, rename = "a")] b: Attr<i64>,
        }
    });
    assert_eq!(twice, ["a second attribute or block of the name `a`"]);
}
