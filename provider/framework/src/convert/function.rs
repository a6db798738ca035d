//! Functions, as Terraform reads them.

use super::schema::type_to_proto;
use crate::function::{FunctionDefinition, Parameter};
use crate::proto::tfplugin6::{self, StringKind};

pub(crate) fn to_proto(definition: FunctionDefinition) -> tfplugin6::Function {
    tfplugin6::Function {
        parameters: definition
            .parameters
            .into_iter()
            .map(parameter_to_proto)
            .collect(),
        variadic_parameter: definition.variadic.map(parameter_to_proto),
        r#return: Some(tfplugin6::function::Return {
            r#type: type_to_proto(&definition.output),
        }),
        summary: definition.summary,
        description: definition.description,
        description_kind: StringKind::Markdown.into(),
        deprecation_message: definition.deprecation.unwrap_or_default(),
    }
}

fn parameter_to_proto(parameter: Parameter) -> tfplugin6::function::Parameter {
    tfplugin6::function::Parameter {
        name: parameter.name,
        r#type: type_to_proto(&parameter.value_type),
        allow_null_value: parameter.nullable,
        // Terraform itself answers "unknown" for a function whose arguments are not known yet.
        allow_unknown_values: false,
        description: parameter.description,
        description_kind: StringKind::Markdown.into(),
    }
}
