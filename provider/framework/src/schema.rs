//! What a resource's data looks like, and the rules of each attribute.

use std::sync::Arc;

use crate::{Diagnostics, Path, Type, Value};

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
    /// For the documentation: `a change replaces the cluster`.
    fn description(&self) -> String;

    /// Changes `plan`.
    fn modify(&self, plan: &mut AttributePlan<'_>) -> Diagnostics;
}
