//! Calls a function.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalog::{Catalog, KnownFunction};
use super::guard::{guarded, guarded_now};
use super::validation::{WriteOnly, check_config};
use crate::convert::value;
use crate::function::{FunctionFailure, Parameter};
use crate::proto::tfplugin6;
use crate::proto::tfplugin6::call_function::{Request, Response};
use crate::{Diagnostic, Diagnostics, FunctionError, Path, Severity, Step, Value};

pub(super) async fn answer(catalog: Arc<Catalog>, request: Request) -> Response {
    match call(&catalog, &request).await {
        Ok(result) => Response {
            result: Some(result),
            error: None,
        },
        Err(error) => Response {
            result: None,
            error: Some(tfplugin6::FunctionError {
                text: error.text,
                function_argument: error.argument.and_then(|position| position.try_into().ok()),
            }),
        },
    }
}

async fn call(
    catalog: &Catalog,
    request: &Request,
) -> Result<tfplugin6::DynamicValue, FunctionError> {
    let known = catalog
        .functions
        .get(request.name.as_str())
        .ok_or_else(|| {
            FunctionError::new(format!("The provider has no function {}.", request.name))
        })?;
    let arguments = arguments(known, request)?;
    let members = (&known.parameters.block).into();
    let doing = format!("calling the function {}", request.name);
    let check = || check_config(members, &arguments, WriteOnly::NotAllowed);
    let found = guarded_now(&doing, check).unwrap_or_else(Diagnostics::from);
    if found.has_error() {
        return Err(in_argument(known, &found));
    }
    let call = catalog.call(None);
    let output = guarded(&doing, known.function.0.call(arguments, &call))
        .await
        .map_err(|panic| FunctionError::new(text(&panic)))?
        .map_err(|failure| match failure {
            FunctionFailure::Arguments(found) => in_argument(known, &found),
            FunctionFailure::Error(error) => error,
        })?;
    value::to_proto(&output, &known.definition.output)
        .map_err(|unwritable| in_argument(known, &unwritable))
}

/// The arguments as one object: each under its parameter's name, those of a variadic one as a list.
fn arguments(known: &KnownFunction, request: &Request) -> Result<Value, FunctionError> {
    let definition = &known.definition;
    let mut wire = request.arguments.iter().enumerate();
    let mut arguments = BTreeMap::new();
    for parameter in &definition.parameters {
        let (position, argument) = wire.next().ok_or_else(|| {
            FunctionError::new(format!("The argument {} is missing.", parameter.name))
        })?;
        arguments.insert(
            parameter.name.clone(),
            decode(position, argument, parameter)?,
        );
    }
    match &definition.variadic {
        Some(parameter) => {
            let further: Result<Vec<_>, _> = wire
                .map(|(position, argument)| decode(position, argument, parameter))
                .collect();
            arguments.insert(parameter.name.clone(), Value::List(further?));
        }
        None => {
            if let Some((position, _)) = wire.next() {
                return Err(FunctionError::in_argument(
                    position,
                    format!("There are only {} parameters.", definition.parameters.len()),
                ));
            }
        }
    }
    Ok(Value::Object(arguments))
}

fn decode(
    position: usize,
    argument: &tfplugin6::DynamicValue,
    parameter: &Parameter,
) -> Result<Value, FunctionError> {
    value::from_proto(Some(argument), &parameter.value_type).map_err(|unreadable| {
        let texts: Vec<_> = unreadable.iter().map(text).collect();
        FunctionError::in_argument(position, texts.join("\n"))
    })
}

/// What was found in the object of all arguments, as an error about the argument that it was found in.
fn in_argument(known: &KnownFunction, found: &Diagnostics) -> FunctionError {
    let errors = || {
        found
            .iter()
            .filter(|found| found.severity == Severity::Error)
    };
    let texts: Vec<_> = errors().map(text).collect();
    FunctionError {
        text: texts.join("\n"),
        argument: errors().find_map(|found| position(known, found.path.as_ref()?)),
    }
}

fn position(known: &KnownFunction, path: &Path) -> Option<usize> {
    let mut steps = path.steps().iter();
    let Some(Step::Attribute(name)) = steps.next() else {
        return None;
    };
    let attributes = &known.parameters.block.attributes;
    let position = attributes
        .iter()
        .position(|attribute| attribute.name == *name)?;
    match steps.next() {
        Some(Step::Index(index)) if position == known.definition.parameters.len() => {
            Some(position + usize::try_from(*index).ok()?)
        }
        _ => Some(position),
    }
}

fn text(diagnostic: &Diagnostic) -> String {
    if diagnostic.detail.is_empty() {
        diagnostic.summary.clone()
    } else {
        format!("{}: {}", diagnostic.summary, diagnostic.detail)
    }
}
