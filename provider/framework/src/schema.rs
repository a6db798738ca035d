//! What a resource's data looks like, and the rules of each attribute.

mod problems;

use std::{collections::BTreeMap, sync::Arc};

pub(crate) use problems::SchemaOf;

use crate::{AttributeType, Diagnostic, Diagnostics, Path, Type, Value};

/// The data of a resource, a data source, an ephemeral resource or the provider itself.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// Raised when state of the old shape has to be upgraded.
    pub version: i64,
    /// The attributes and blocks.
    pub block: Block,
}

/// A set of attributes and nested blocks.
#[derive(Debug, Clone, Default)]
pub struct Block {
    /// In the order in which the author wrote them.
    pub attributes: Vec<Attribute>,
    /// In the order in which the author wrote them.
    pub blocks: Vec<NestedBlock>,
    /// Markdown.
    pub description: String,
    /// Why it should not be used any more, and what instead.
    pub deprecation: Option<String>,
}

/// A block inside a block. New schemas use nested attributes instead.
#[derive(Debug, Clone)]
pub struct NestedBlock {
    /// Its keyword in the configuration.
    pub name: String,
    /// What is in it.
    pub block: Block,
    /// How often it may stand, and what it becomes.
    pub mode: Mode,
    /// The least number of blocks (list and set).
    pub least: u32,
    /// The greatest number of blocks (list and set); 0: any.
    pub most: u32,
    /// Rules that all blocks of this name together must meet; run at validate time on known values, also on a
    /// collection of none.
    pub validators: Vec<Arc<dyn Validator>>,
    /// What becomes of all blocks of this name together in a plan; run in order.
    pub plan_modifiers: Vec<Arc<dyn PlanModifier>>,
}

/// How nested objects are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One object, or none.
    Single,
    /// In order.
    List,
    /// Without an order.
    Set,
    /// By key.
    Map,
}

/// What an attribute holds.
#[derive(Debug, Clone)]
pub enum AttributeKind {
    /// A value of a type.
    Plain(Type),
    /// Objects with a schema of their own.
    Nested(NestedObject),
}

/// Objects inside an attribute (`name = { … }`, `name = [{ … }]`).
#[derive(Debug, Clone)]
pub struct NestedObject {
    /// How they are held.
    pub mode: Mode,
    /// The attributes of each.
    pub attributes: Vec<Attribute>,
}

/// Who gives an attribute its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The configuration, always.
    Required,
    /// The configuration, or it is null.
    Optional,
    /// The configuration, or else the provider.
    OptionalComputed,
    /// The provider alone.
    Computed,
}

/// One attribute with its rules.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// As in the configuration.
    pub name: String,
    /// What it holds.
    pub kind: AttributeKind,
    /// Who gives it its value.
    pub source: Source,
    /// Hidden in what Terraform prints.
    pub sensitive: bool,
    /// In the configuration only; never in a plan or in state.
    pub write_only: bool,
    /// Markdown.
    pub description: String,
    /// Why it should not be used any more, and what instead.
    pub deprecation: Option<String>,
    /// What it is when the configuration leaves it null.
    pub default: Option<Value>,
    /// Rules that a configured value must meet; run at validate time on known values.
    pub validators: Vec<Arc<dyn Validator>>,
    /// What becomes of it in a plan; run in order.
    pub plan_modifiers: Vec<Arc<dyn PlanModifier>>,
}

impl Schema {
    /// The type of the values that it describes.
    pub fn value_type(&self) -> Type {
        self.block.value_type()
    }
}

impl Block {
    /// The type of the objects that it describes: an attribute or a block each is an attribute of it.
    pub fn value_type(&self) -> Type {
        let mut types = attribute_types(&self.attributes);
        types.extend(
            self.blocks
                .iter()
                .map(|block| (block.name.clone(), block.value_type())),
        );
        Type::Object(types)
    }

    /// The attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
    }
}

impl NestedBlock {
    /// The type of all blocks of this name together.
    pub fn value_type(&self) -> Type {
        self.mode.of(self.block.value_type())
    }

    /// What the rules of these blocks together say of `value`, which is known and not null, and inside objects of the
    /// secrecy `around` it.
    pub fn check(&self, value: &Value, path: &Path, around: Secrecy) -> Diagnostics {
        check(&self.validators, value, path, around)
    }
}

impl NestedObject {
    /// The type of the attribute that holds the objects.
    pub fn value_type(&self) -> Type {
        self.mode
            .of(Type::Object(attribute_types(&self.attributes)))
    }
}

impl AttributeKind {
    /// The type of the attribute's value.
    pub fn value_type(&self) -> Type {
        match self {
            Self::Plain(plain) => plain.clone(),
            Self::Nested(nested) => nested.value_type(),
        }
    }
}

impl Mode {
    /// The type of `objects` held like this.
    fn of(self, objects: Type) -> Type {
        match self {
            Self::Single => objects,
            Self::List => Type::list(objects),
            Self::Set => Type::set(objects),
            Self::Map => Type::map(objects),
        }
    }
}

fn attribute_types(attributes: &[Attribute]) -> BTreeMap<String, Type> {
    attributes
        .iter()
        .map(|attribute| (attribute.name.clone(), attribute.value_type()))
        .collect()
}

impl Source {
    /// Whether the configuration may set it.
    pub fn is_configurable(self) -> bool {
        self != Self::Computed
    }

    /// Whether the provider may set it where the configuration does not.
    pub fn is_computed(self) -> bool {
        matches!(self, Self::OptionalComputed | Self::Computed)
    }
}

impl Attribute {
    /// An attribute without further rules.
    pub fn new(name: impl Into<String>, kind: AttributeKind, source: Source) -> Self {
        Self {
            name: name.into(),
            kind,
            source,
            sensitive: false,
            write_only: false,
            description: String::new(),
            deprecation: None,
            default: None,
            validators: Vec::new(),
            plan_modifiers: Vec::new(),
        }
    }

    /// An attribute that holds a `T`, without further rules.
    pub fn of<T: AttributeType>(name: impl Into<String>, source: Source) -> Self {
        Self::new(name, T::kind(), source)
    }

    /// The type of its value.
    pub fn value_type(&self) -> Type {
        self.kind.value_type()
    }

    /// What the attribute's own rules say of `value`, which is known and not null, and inside objects of the secrecy
    /// `around` it.
    ///
    /// A value that is to stay hidden is not repeated, whatever the rules themselves say: diagnostics are
    /// shown and logged.
    pub fn check(&self, value: &Value, path: &Path, around: Secrecy) -> Diagnostics {
        check(&self.validators, value, path, self.secrecy(around))
    }

    /// Whether what is in it may be shown, where it is inside objects of the secrecy `around` it.
    pub fn secrecy(&self, around: Secrecy) -> Secrecy {
        if self.sensitive || self.write_only {
            Secrecy::Hidden
        } else {
            around
        }
    }

    /// With a description, in Markdown.
    #[must_use]
    pub fn describe(self, description: impl Into<String>) -> Self {
        Self {
            description: description.into(),
            ..self
        }
    }

    /// Hidden in what Terraform prints.
    #[must_use]
    pub fn sensitive(self) -> Self {
        Self {
            sensitive: true,
            ..self
        }
    }

    /// In the configuration only.
    #[must_use]
    pub fn write_only(self) -> Self {
        Self {
            write_only: true,
            ..self
        }
    }

    /// With a value for when the configuration leaves it null.
    #[must_use]
    pub fn default_to(self, value: impl Into<Value>) -> Self {
        Self {
            default: Some(value.into()),
            ..self
        }
    }

    /// With a rule for its value.
    #[must_use]
    pub fn validate(mut self, validator: impl Validator + 'static) -> Self {
        self.validators.push(Arc::new(validator));
        self
    }

    /// With something that becomes of it in a plan.
    #[must_use]
    pub fn plan(mut self, modifier: impl PlanModifier + 'static) -> Self {
        self.plan_modifiers.push(Arc::new(modifier));
        self
    }
}

/// What `rules` say of `value`, which is repeated only where it may be shown.
fn check(
    rules: &[Arc<dyn Validator>],
    value: &Value,
    path: &Path,
    secrecy: Secrecy,
) -> Diagnostics {
    let mut all = Diagnostics::new();
    for rule in rules {
        let found = rule.validate(value, path);
        if secrecy == Secrecy::Shown {
            all.append(found);
        } else if let Some(severity) = found.iter().map(|found| found.severity).next() {
            let detail = format!("`{path}` {}.", rule.description());
            let hidden = Diagnostic::error("Invalid value", detail).at(path.clone());
            all.push(Diagnostic { severity, ..hidden });
        }
    }
    all
}

/// Whether a value may be shown in diagnostics and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// It may.
    Shown,
    /// It may not: it is sensitive or write-only, or inside what is.
    Hidden,
}

/// A rule for one value. Never called with an unknown value or with null.
pub trait Validator: std::fmt::Debug + Send + Sync {
    /// For the documentation: `must be 1, 3, 5 or 7`.
    fn description(&self) -> String;

    /// What is wrong with `value`, if anything.
    fn validate(&self, value: &Value, path: &Path) -> Diagnostics;
}

/// What the plan of one attribute starts from, and what becomes of it.
#[derive(Debug)]
pub struct AttributePlan<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// In the configuration.
    pub config: &'a Value,
    /// In the state before; `None`: the resource is created.
    pub prior: Option<&'a Value>,
    /// As planned so far; a modifier may change it where the configuration is null.
    pub planned: Value,
    /// Set: a change of this attribute replaces the resource.
    pub requires_replace: bool,
}

/// Changes the plan of one attribute.
pub trait PlanModifier: std::fmt::Debug + Send + Sync {
    /// For the documentation: `a change replaces the resource`.
    fn description(&self) -> String;

    /// Changes `plan`.
    fn modify(&self, plan: &mut AttributePlan<'_>) -> Diagnostics;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::one_of;

    #[test]
    fn a_hidden_value_is_not_repeated() {
        let token = Attribute::of::<String>("token", Source::Optional).validate(one_of(["a"]));
        let path = Path::attribute_name("token");
        let shown = token.check(&"hunter2".into(), &path, Secrecy::Shown);
        assert!(shown.to_string().contains("hunter2"));
        let inside = token.check(&"hunter2".into(), &path, Secrecy::Hidden);
        assert!(inside.has_error() && !inside.to_string().contains("hunter2"));
        for hidden in [token.clone().sensitive(), token.write_only()] {
            let found = hidden.check(&"hunter2".into(), &path, Secrecy::Shown);
            assert!(found.has_error());
            assert!(!found.to_string().contains("hunter2"));
            assert!(found.to_string().contains("`token` must be \"a\"."));
            assert!(hidden.check(&"a".into(), &path, Secrecy::Shown).is_empty());
        }
    }
}
