//! A function: `provider::notes::title("…")` in a configuration.

use async_trait::async_trait;

use crate::schema::Source;
use crate::{Attribute, AttributeType, Call, Diagnostics, Model, Path, Schema, Type, Value};

/// A function that depends on its arguments alone.
#[async_trait]
pub trait Function: Send + Sync + 'static {
    /// The parameters: each attribute is one, in order, with its description and its validators. `optional` lets an
    /// argument be null. The description of the whole is the function's.
    type Arguments: Model + Send + 'static;

    /// What it returns.
    type Output: AttributeType + Send + 'static;

    /// As in the configuration, after `provider::<name>::`.
    const NAME: &'static str;

    /// One line: what it is good for.
    const SUMMARY: &'static str;

    /// Whether the last parameter, which is a list then, takes each further argument as an element.
    const VARIADIC: bool = false;

    /// Why it should not be used any more, and what instead.
    const DEPRECATION: Option<&'static str> = None;

    /// Its value. Must be the same for the same arguments, and do nothing else.
    async fn call(
        &self,
        arguments: Self::Arguments,
        call: &Call,
    ) -> Result<Self::Output, FunctionError>;
}

/// Why a function has no value for its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// What is wrong.
    pub text: String,
    /// The argument that is wrong, from 0.
    pub argument: Option<usize>,
}

impl FunctionError {
    /// An error that is about no argument in particular.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            argument: None,
        }
    }

    /// An error about the argument at `position`, from 0.
    pub fn in_argument(position: usize, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            argument: Some(position),
        }
    }
}

/// What Terraform is told of a function.
#[derive(Debug, Clone)]
pub struct FunctionDefinition {
    /// The parameters that have a place each.
    pub parameters: Vec<Parameter>,
    /// The parameter that takes all further arguments.
    pub variadic: Option<Parameter>,
    /// The type of the result.
    pub output: Type,
    /// One line.
    pub summary: String,
    /// Markdown.
    pub description: String,
    /// Why it should not be used any more, and what instead.
    pub deprecation: Option<String>,
}

/// One parameter of a function.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// For the documentation: arguments have no names.
    pub name: String,
    /// What an argument must be.
    pub value_type: Type,
    /// Whether an argument may be null.
    pub nullable: bool,
    /// Markdown.
    pub description: String,
}

/// A function among others; made by [`function`].
pub struct BoxedFunction(pub(crate) Box<dyn ErasedFunction>);

/// Puts a function among others.
pub fn function(function: impl Function) -> BoxedFunction {
    BoxedFunction(Box::new(function))
}

impl BoxedFunction {
    /// As in the configuration.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// What Terraform is told of it.
    pub fn definition(&self) -> FunctionDefinition {
        self.0.definition()
    }
}

impl std::fmt::Debug for BoxedFunction {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("BoxedFunction")
            .field(&self.name())
            .finish()
    }
}

/// [`Function`], from values to values.
#[async_trait]
pub(crate) trait ErasedFunction: Send + Sync {
    fn name(&self) -> &'static str;
    fn parameters(&self) -> Schema;
    fn definition(&self) -> FunctionDefinition;
    /// A sentence for each thing that is wrong with it, beside what is wrong with its parameters' schema.
    fn problems(&self) -> Vec<String>;
    async fn call(&self, arguments: Value, call: &Call) -> Result<Value, FunctionFailure>;
}

/// Why a function could not be called, or returned no value.
pub(crate) enum FunctionFailure {
    Arguments(Diagnostics),
    Error(FunctionError),
}

#[async_trait]
impl<F: Function> ErasedFunction for F {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn parameters(&self) -> Schema {
        F::Arguments::schema()
    }

    fn definition(&self) -> FunctionDefinition {
        let schema = F::Arguments::schema();
        let mut parameters: Vec<_> = schema
            .block
            .attributes
            .iter()
            .map(|attribute| Parameter {
                name: attribute.name.clone(),
                value_type: attribute.kind.value_type(),
                nullable: attribute.source == Source::Optional,
                description: attribute.description.clone(),
            })
            .collect();
        let variadic = if F::VARIADIC { parameters.pop() } else { None };
        FunctionDefinition {
            parameters,
            variadic: variadic.map(element_parameter),
            output: F::Output::kind().value_type(),
            summary: F::SUMMARY.into(),
            description: schema.block.description,
            deprecation: F::DEPRECATION.map(Into::into),
        }
    }

    fn problems(&self) -> Vec<String> {
        let parameters = F::Arguments::schema().block.attributes;
        let last = parameters.last().map(Attribute::value_type);
        match last {
            Some(Type::List(_)) => Vec::new(),
            _ if !F::VARIADIC => Vec::new(),
            _ => vec![
                "It takes any number of arguments, and its last parameter is no list of them."
                    .into(),
            ],
        }
    }

    async fn call(&self, arguments: Value, call: &Call) -> Result<Value, FunctionFailure> {
        let arguments = F::Arguments::from_value(arguments, &Path::root())
            .map_err(FunctionFailure::Arguments)?;
        let output = Function::call(self, arguments, call)
            .await
            .map_err(FunctionFailure::Error)?;
        Ok(output.into_value())
    }
}

/// The parameter that each element of `list` is an argument for.
fn element_parameter(list: Parameter) -> Parameter {
    let value_type = match list.value_type {
        Type::List(element) => *element,
        other => other,
    };
    Parameter { value_type, ..list }
}
