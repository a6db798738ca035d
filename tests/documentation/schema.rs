//! The part of a page that lists the attributes, nested ones each under a heading of their own.

use std::collections::BTreeMap;

use terraform_framework::schema::{Attribute, Block, NestedBlock, Source};
use terraform_framework::{AttributeKind, Mode, Type, Value};

/// The attributes of a page's subject.
pub(crate) fn render(block: &Block) -> String {
    let mut sections = groups(&block.attributes, &block.blocks, "", "### ");
    nested(&block.attributes, &block.blocks, "", &mut sections);
    sections.join("\n\n")
}

/// Required, optional and read-only attributes, those of a kind in order of their names.
fn groups(
    attributes: &[Attribute],
    blocks: &[NestedBlock],
    path: &str,
    heading: &str,
) -> Vec<String> {
    let group =
        |title: &str, belongs: fn(Source) -> bool, with_blocks: fn(&NestedBlock) -> bool| {
            let mut lines: BTreeMap<&str, String> = attributes
                .iter()
                .filter(|attribute| belongs(attribute.source))
                .map(|attribute| (attribute.name.as_str(), line(attribute, path)))
                .collect();
            lines.extend(
                blocks
                    .iter()
                    .filter(|block| with_blocks(block))
                    .map(|block| (block.name.as_str(), block_line(block, path))),
            );
            let lines: Vec<_> = lines.into_values().collect();
            let ending = if heading.is_empty() { ":" } else { "" };
            (!lines.is_empty()).then(|| format!("{heading}{title}{ending}\n\n{}", lines.join("\n")))
        };
    [
        group(
            "Required",
            |source| source == Source::Required,
            |block| block.least > 0,
        ),
        group(
            "Optional",
            |source| matches!(source, Source::Optional | Source::OptionalComputed),
            |block| block.least == 0,
        ),
        group("Read-Only", |source| source == Source::Computed, |_| false),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A section for each attribute that holds objects, and for those inside it.
fn nested(
    attributes: &[Attribute],
    blocks: &[NestedBlock],
    path: &str,
    sections: &mut Vec<String>,
) {
    let mut inner: Vec<(&str, &[Attribute], &[NestedBlock])> = attributes
        .iter()
        .filter_map(|attribute| match &attribute.kind {
            AttributeKind::Nested(object) => Some((
                attribute.name.as_str(),
                object.attributes.as_slice(),
                [].as_slice(),
            )),
            AttributeKind::Plain(_) => None,
        })
        .chain(blocks.iter().map(|block| {
            (
                block.name.as_str(),
                block.block.attributes.as_slice(),
                block.block.blocks.as_slice(),
            )
        }))
        .collect();
    inner.sort_unstable_by_key(|(name, ..)| *name);
    for (name, attributes, blocks) in inner {
        let path = join(path, name);
        sections.push(format!(
            "<a id=\"{}\"></a>\n### Nested Schema for `{path}`\n\n{}",
            anchor(&path),
            groups(attributes, blocks, &path, "").join("\n\n")
        ));
        nested(attributes, blocks, &path, sections);
    }
}

fn line(attribute: &Attribute, path: &str) -> String {
    let mut kind = vec![type_of(&attribute.kind)];
    kind.extend(attribute.sensitive.then(|| "Sensitive".to_owned()));
    kind.extend(attribute.write_only.then(|| "Write-only".to_owned()));
    kind.extend(
        attribute
            .deprecation
            .as_ref()
            .map(|_| "Deprecated".to_owned()),
    );
    let mut sentences = vec![attribute.description.clone()];
    sentences.extend(rules(attribute));
    sentences.extend(
        attribute
            .deprecation
            .as_ref()
            .map(|why| format!("**Deprecated**: {why}")),
    );
    if let AttributeKind::Nested(_) = attribute.kind {
        let path = join(path, &attribute.name);
        sentences.push(format!(
            "(see [below for nested schema](#{}))",
            anchor(&path)
        ));
    }
    sentences.retain(|sentence| !sentence.is_empty());
    // A list's item is one paragraph here: what the author set apart follows on.
    let text = sentences.join(" ").replace("\n\n", " ").replace('\n', " ");
    format!("- `{}` ({}) {text}", attribute.name, kind.join(", "))
}

fn block_line(block: &NestedBlock, path: &str) -> String {
    let path = join(path, &block.name);
    let kind = match block.mode {
        Mode::Single => "Block",
        Mode::List => "Block List",
        Mode::Set => "Block Set",
        Mode::Map => "Block Map",
    };
    let description = block.block.description.replace("\n\n", " ");
    format!(
        "- `{}` ({kind}) {description} (see [below for nested schema](#{}))",
        block.name,
        anchor(&path)
    )
}

/// What the schema knows of an attribute and its description does not say already.
fn rules(attribute: &Attribute) -> Vec<String> {
    let said = attribute.description.to_lowercase();
    let mut rules: Vec<String> = attribute
        .validators
        .iter()
        .map(|validator| validator.description())
        .filter(|rule| !is_said(rule, &attribute.description))
        .map(|rule| sentence(&rule))
        .collect();
    if let Some(default) = attribute.default.as_ref().map(value) {
        let stated = said
            .replace('`', "")
            .contains(&format!("default: {}", default.to_lowercase()));
        rules.extend((!stated).then(|| format!("Default: `{default}`.")));
    }
    // A plan modifier that keeps a value is about computed ones, and says nothing of what a person writes.
    if attribute.source.is_configurable() {
        for modifier in &attribute.plan_modifiers {
            let what = modifier.description();
            if !(what.contains("replaces") && said.contains("replaces")) {
                rules.push(sentence(&what));
            }
        }
    }
    rules
}

/// Whether a description says a rule: in the same words, or by naming every choice that the rule quotes.
fn is_said(rule: &str, description: &str) -> bool {
    let choices: Vec<&str> = rule.split('"').skip(1).step_by(2).collect();
    let names_all = choices
        .iter()
        .all(|choice| description.contains(&format!("`{choice}`")));
    let what = rule.strip_prefix("must be ").unwrap_or(rule);
    (!choices.is_empty() && names_all) || description.contains(what)
}

/// A default as a person writes it.
fn value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}

fn type_of(kind: &AttributeKind) -> String {
    match kind {
        AttributeKind::Plain(plain) => plain_type(plain),
        AttributeKind::Nested(object) => match object.mode {
            Mode::Single => "Attributes",
            Mode::List => "Attributes List",
            Mode::Set => "Attributes Set",
            Mode::Map => "Attributes Map",
        }
        .to_owned(),
    }
}

fn plain_type(plain: &Type) -> String {
    match plain {
        Type::Bool => "Boolean".to_owned(),
        Type::Number => "Number".to_owned(),
        Type::String => "String".to_owned(),
        Type::Dynamic => "Dynamic".to_owned(),
        Type::List(elements) => format!("List of {}", plain_type(elements)),
        Type::Set(elements) => format!("Set of {}", plain_type(elements)),
        Type::Map(elements) => format!("Map of {}", plain_type(elements)),
        Type::Tuple(_) => "Tuple".to_owned(),
        Type::Object(_) => "Object".to_owned(),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// As the registry's own tool names them, so that links from elsewhere hold.
fn anchor(path: &str) -> String {
    format!("nestedatt--{}", path.replace('.', "--"))
}

#[test]
fn a_rule_is_left_out_where_the_description_has_it() {
    let rule = "must be \"tcp\" or \"udp\"";
    assert!(is_said(rule, "`tcp` or `udp`, which is rare."));
    assert!(!is_said(rule, "`tcp`, as a rule."));
    assert!(is_said("must be 1, 3 or 5", "How many: 1, 3 or 5."));
    assert!(!is_said("must be at least 1", "How many."));
}
