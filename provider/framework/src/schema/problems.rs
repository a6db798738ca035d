//! What is wrong with a schema itself: what Terraform refuses (with the whole provider), and what could never have an
//! effect.
//!
//! The derive macro finds most of it at compile time. Here it is found also in a schema that was written by hand, or
//! that is only wrong as a whole.

use std::collections::BTreeSet;

use super::{Attribute, AttributeKind, Block, Mode, NestedBlock, Schema};
use crate::resource::IdentityAttribute;
use crate::{IdentitySchema, Path, Type};

/// What a schema is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SchemaOf {
    Provider,
    Resource,
    DataSource,
    EphemeralResource,
    Function,
}

impl SchemaOf {
    /// The names that Terraform takes for itself at the top of a block.
    fn reserved(self) -> &'static [&'static str] {
        match self {
            Self::Provider => &[
                "alias",
                "count",
                "depends_on",
                "for_each",
                "lifecycle",
                "locals",
                "source",
                "version",
            ],
            Self::Resource | Self::DataSource | Self::EphemeralResource => &[
                "connection",
                "count",
                "depends_on",
                "for_each",
                "lifecycle",
                "provider",
                "provisioner",
            ],
            // An argument has a place and no name.
            Self::Function => &[],
        }
    }
}

impl Schema {
    /// A sentence for each thing that is wrong, with the path of what it is about.
    pub(crate) fn problems(&self, of: SchemaOf) -> Vec<String> {
        let mut search = Search {
            of,
            found: Vec::new(),
        };
        search.block(&self.block, &Path::root(), Around::default());
        search.found
    }
}

impl IdentitySchema {
    /// A sentence for each thing that is wrong.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for IdentityAttribute {
            name, value_type, ..
        } in &self.attributes
        {
            if !seen.insert(name) {
                found.push(format!("`{name}` stands there twice."));
            }
            if !is_valid_name(name) {
                found.push(format!("`{name}` {NO_NAME}."));
            }
            let element = match value_type {
                Type::List(element) => element,
                other => other,
            };
            if !matches!(element, Type::Bool | Type::Number | Type::String) {
                found.push(format!(
                    "`{name}` is no bool, number or string, and no list of one of them."
                ));
            }
        }
        found
    }
}

const NO_NAME: &str =
    "is no name: a name is lower-case letters, digits and `_`, and begins with no digit";

struct Search {
    of: SchemaOf,
    found: Vec<String>,
}

/// What surrounds an attribute, however far out.
#[derive(Debug, Clone, Copy, Default)]
struct Around {
    set: bool,
    computed: bool,
}

impl Around {
    fn within(self, mode: Mode) -> Self {
        Self {
            set: self.set || mode == Mode::Set,
            ..self
        }
    }
}

impl Search {
    fn block(&mut self, block: &Block, path: &Path, around: Around) {
        self.attributes(&block.attributes, path, around);
        self.names(block, path);
        for nested in &block.blocks {
            let path = path.attribute(&nested.name);
            self.bounds(nested, &path);
            // Terraform types such blocks one by one then, and not as a collection.
            if matches!(nested.mode, Mode::List | Mode::Map)
                && has_dynamic(&nested.block.value_type())
            {
                let what =
                    "holds blocks with an attribute of any type, which only `single` ones may have";
                self.found(&path, what);
            }
            self.block(&nested.block, &path, around.within(nested.mode));
        }
    }

    fn names(&mut self, block: &Block, path: &Path) {
        let blocks = block.blocks.iter().map(|block| &block.name);
        let attributes = block.attributes.iter().map(|attribute| &attribute.name);
        self.distinct_names(attributes.chain(blocks), path);
    }

    fn distinct_names<'a>(&mut self, names: impl Iterator<Item = &'a String>, path: &Path) {
        let mut seen = BTreeSet::new();
        for name in names {
            let place = path.attribute(name);
            if !seen.insert(name) {
                self.found(&place, "stands there twice");
            }
            if !is_valid_name(name) {
                self.found(&place, NO_NAME);
            }
            if path.steps().is_empty() && self.of.reserved().contains(&name.as_str()) {
                self.found(&place, "is a name that Terraform keeps for itself here");
            }
        }
    }

    fn attributes(&mut self, attributes: &[Attribute], path: &Path, around: Around) {
        for attribute in attributes {
            self.attribute(attribute, &path.attribute(&attribute.name), around);
        }
    }

    fn attribute(&mut self, attribute: &Attribute, path: &Path, around: Around) {
        let computed = attribute.source.is_computed();
        if attribute.default.is_some() && !computed {
            self.found(
                path,
                "has a default, which is the provider's value, and is not computed",
            );
        }
        if attribute.write_only {
            self.write_only(path, around, computed);
        }
        match &attribute.kind {
            AttributeKind::Plain(plain) => {
                if around.set && has_dynamic(plain) {
                    self.found(path, "may be of any type, and is inside a set");
                }
            }
            AttributeKind::Nested(object) => {
                if object.attributes.is_empty() {
                    self.found(path, "holds objects, and these have no attributes");
                }
                let names = object.attributes.iter().map(|attribute| &attribute.name);
                self.distinct_names(names, path);
                let around = Around {
                    computed: around.computed || computed,
                    ..around
                };
                self.attributes(&object.attributes, path, around.within(object.mode));
            }
        }
    }

    /// A write-only value is in the configuration of a resource and nowhere else.
    fn write_only(&mut self, path: &Path, around: Around, computed: bool) {
        if self.of != SchemaOf::Resource {
            self.found(path, "is write-only, which only resources have");
        }
        if computed {
            self.found(path, "is write-only and computed, and cannot be both");
        }
        if around.computed {
            self.found(path, "is write-only, and inside what is computed");
        }
        if around.set {
            self.found(path, "is write-only, and inside a set");
        }
    }

    fn bounds(&mut self, block: &NestedBlock, path: &Path) {
        if block.most != 0 && block.least > block.most {
            self.found(path, "must stand more often than it may");
        }
        if !matches!(block.mode, Mode::List | Mode::Set) && (block.least, block.most) != (0, 0) {
            self.found(path, "is counted, which only `list` and `set` blocks are");
        }
    }

    fn found(&mut self, path: &Path, what: &str) {
        self.found.push(format!("`{path}` {what}."));
    }
}

fn is_valid_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

fn has_dynamic(plain: &Type) -> bool {
    match plain {
        Type::Dynamic => true,
        Type::Bool | Type::Number | Type::String => false,
        Type::List(inside) | Type::Set(inside) | Type::Map(inside) => has_dynamic(inside),
        Type::Tuple(elements) => elements.iter().any(has_dynamic),
        Type::Object(attributes) => attributes.values().any(has_dynamic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;
    use crate::schema::{NestedObject, Source};

    fn text(name: &str, source: Source) -> Attribute {
        Attribute::of::<String>(name, source)
    }

    fn nested(name: &str, mode: Mode, source: Source, attributes: Vec<Attribute>) -> Attribute {
        let kind = AttributeKind::Nested(NestedObject { mode, attributes });
        Attribute::new(name, kind, source)
    }

    fn problems(of: SchemaOf, attributes: Vec<Attribute>, blocks: Vec<NestedBlock>) -> Vec<String> {
        let block = Block {
            attributes,
            blocks,
            ..Block::default()
        };
        Schema { version: 0, block }.problems(of)
    }

    #[track_caller]
    fn only(of: SchemaOf, attribute: Attribute, expected: &str) {
        assert_eq!(problems(of, vec![attribute], Vec::new()), [expected]);
    }

    #[test]
    fn what_is_right_is_fine() {
        let attributes = vec![
            text("name", Source::Required),
            text("size_2", Source::OptionalComputed).default_to("1"),
            text("token", Source::Optional).write_only(),
            nested(
                "parts",
                Mode::Set,
                Source::Optional,
                vec![text("count", Source::Computed)],
            ),
        ];
        let found = problems(SchemaOf::Resource, attributes, Vec::new());
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn names_that_are_none_that_are_taken_and_that_stand_twice_are_found() {
        for name in ["Name", "a-b", "", "1st"] {
            let wrong = text(name, Source::Required);
            let found = problems(SchemaOf::DataSource, vec![wrong], Vec::new());
            assert!(found[0].contains("is no name"), "{found:?}");
        }
        let taken = " is a name that Terraform keeps for itself here.";
        let (count, alias) = (
            text("count", Source::Required),
            text("alias", Source::Required),
        );
        only(
            SchemaOf::EphemeralResource,
            count.clone(),
            &format!("`count`{taken}"),
        );
        only(
            SchemaOf::Provider,
            alias.clone(),
            &format!("`alias`{taken}"),
        );
        let free = problems(SchemaOf::Function, vec![count], Vec::new());
        assert_eq!(free, Vec::<String>::new());
        let block = NestedBlock {
            name: "alias".into(),
            block: Block::default(),
            mode: Mode::List,
            least: 2,
            most: 1,
            validators: Vec::new(),
            plan_modifiers: Vec::new(),
        };
        assert_eq!(
            problems(SchemaOf::Resource, vec![alias], vec![block]),
            [
                "`alias` stands there twice.",
                "`alias` must stand more often than it may."
            ]
        );
    }

    #[test]
    fn a_default_of_what_the_provider_does_not_set_is_found() {
        only(
            SchemaOf::Resource,
            text("size", Source::Optional).default_to("1"),
            "`size` has a default, which is the provider's value, and is not computed.",
        );
    }

    #[test]
    fn what_cannot_be_write_only_is_found() {
        let token = |source| text("token", source).write_only();
        only(
            SchemaOf::Provider,
            token(Source::Optional),
            "`token` is write-only, which only resources have.",
        );
        only(
            SchemaOf::Resource,
            token(Source::OptionalComputed),
            "`token` is write-only and computed, and cannot be both.",
        );
        let deep = |mode, source| {
            let inner = nested(
                "inner",
                Mode::Single,
                Source::Optional,
                vec![token(Source::Optional)],
            );
            nested("outer", mode, source, vec![inner])
        };
        only(
            SchemaOf::Resource,
            deep(Mode::Set, Source::Optional),
            "`outer.inner.token` is write-only, and inside a set.",
        );
        only(
            SchemaOf::Resource,
            deep(Mode::List, Source::OptionalComputed),
            "`outer.inner.token` is write-only, and inside what is computed.",
        );
    }

    #[test]
    fn blocks_that_terraform_would_read_otherwise_are_found() {
        let block = |mode, least, attribute| NestedBlock {
            name: "part".into(),
            block: Block {
                attributes: vec![attribute],
                ..Block::default()
            },
            mode,
            least,
            most: 0,
            validators: Vec::new(),
            plan_modifiers: Vec::new(),
        };
        let anything = || Attribute::of::<Value>("anything", Source::Optional);
        let found = |block| problems(SchemaOf::Resource, Vec::new(), vec![block]);
        for mode in [Mode::List, Mode::Map] {
            assert_eq!(
                found(block(mode, 0, anything())),
                [
                    "`part` holds blocks with an attribute of any type, which only `single` ones may have."
                ]
            );
        }
        assert!(found(block(Mode::Single, 0, anything())).is_empty());
        for mode in [Mode::Single, Mode::Map] {
            assert_eq!(
                found(block(mode, 1, text("label", Source::Optional))),
                ["`part` is counted, which only `list` and `set` blocks are."]
            );
        }
    }

    #[test]
    fn identities_that_terraform_refuses_are_found() {
        let attribute = |schema: IdentitySchema, name: &str| {
            schema.attribute::<Vec<String>>(name, crate::ImportUse::Required, "")
        };
        let right = attribute(IdentitySchema::new(), "ids");
        assert!(right.problems().is_empty());
        let wrong = attribute(attribute(right, "ids"), "No").attribute::<Vec<Vec<bool>>>(
            "deep",
            crate::ImportUse::Optional,
            "",
        );
        let found = wrong.problems();
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[0], "`ids` stands there twice.");
        assert!(found[1].starts_with("`No` is no name"));
        assert!(found[2].starts_with("`deep` is no bool"));
    }

    #[test]
    fn objects_without_attributes_and_any_type_in_a_set_are_found() {
        only(
            SchemaOf::Resource,
            nested("parts", Mode::List, Source::Optional, Vec::new()),
            "`parts` holds objects, and these have no attributes.",
        );
        let anything = Attribute::of::<Vec<Value>>("anything", Source::Optional);
        only(
            SchemaOf::Resource,
            nested("parts", Mode::Set, Source::Optional, vec![anything]),
            "`parts.anything` may be of any type, and is inside a set.",
        );
    }
}
