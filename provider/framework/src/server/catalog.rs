//! All that a provider offers, by name, with what Terraform is told of it.

use std::collections::BTreeMap;

use super::members::Members;
use super::runs::Runs;
use crate::convert;
use crate::function::FunctionDefinition;
use crate::proto::tfplugin6;
use crate::provider::ErasedProvider;
use crate::schema::SchemaOf;
use crate::{
    BoxedDataSource, BoxedEphemeral, BoxedFunction, BoxedResource, Call, Deferral, Diagnostic,
    Diagnostics, IdentitySchema, Path, Provider, Schema, Type,
};

/// Something with a schema.
pub(super) struct Described<T> {
    pub(super) item: T,
    pub(super) schema: Schema,
    pub(super) value_type: Type,
}

/// A resource, with its schema and its identity's.
pub(super) struct KnownResource {
    pub(super) described: Described<BoxedResource>,
    pub(super) identity: Option<KnownIdentity>,
}

pub(super) struct KnownIdentity {
    pub(super) schema: IdentitySchema,
    pub(super) value_type: Type,
}

pub(super) struct KnownFunction {
    pub(super) function: BoxedFunction,
    pub(super) parameters: Schema,
    pub(super) definition: FunctionDefinition,
}

/// What a provider offers.
pub(super) struct Catalog {
    pub(super) runs: Runs,
    pub(super) provider: Described<Box<dyn ErasedProvider>>,
    pub(super) resources: BTreeMap<&'static str, KnownResource>,
    pub(super) data_sources: BTreeMap<&'static str, Described<BoxedDataSource>>,
    pub(super) ephemeral_resources: BTreeMap<&'static str, Described<BoxedEphemeral>>,
    pub(super) functions: BTreeMap<&'static str, KnownFunction>,
    /// What an author did wrong in what the provider offers.
    pub(super) problems: Diagnostics,
}

impl<T> Described<T> {
    fn new(item: T, schema: Schema) -> Self {
        let value_type = schema.value_type();
        Self {
            item,
            schema,
            value_type,
        }
    }

    pub(super) fn members(&self) -> Members<'_> {
        (&self.schema.block).into()
    }
}

impl Catalog {
    pub(super) fn new(provider: impl Provider) -> Self {
        let mut problems = Diagnostics::new();
        let resources = provider.resources();
        let resources = by_name("resource", resources, BoxedResource::name, &mut problems);
        let data_sources = provider.data_sources();
        let data_sources = by_name(
            "data source",
            data_sources,
            BoxedDataSource::name,
            &mut problems,
        );
        let ephemeral = provider.ephemeral_resources();
        let ephemeral = by_name(
            "ephemeral resource",
            ephemeral,
            BoxedEphemeral::name,
            &mut problems,
        );
        let functions = provider.functions();
        let functions = by_name("function", functions, BoxedFunction::name, &mut problems);
        let provider: Box<dyn ErasedProvider> = Box::new(provider);

        let schema = provider.schema();
        report(
            &schema,
            SchemaOf::Provider,
            "the provider itself",
            &mut problems,
        );
        Self {
            runs: Runs::new(),
            provider: Described::new(provider, schema),
            resources: each(resources, |name, resource| {
                let schema = resource.schema();
                report(&schema, SchemaOf::Resource, name, &mut problems);
                report_known_only(&resource.0.known_only(), name, &mut problems);
                let identity = resource.0.identity_schema().map(|schema| {
                    report_all(schema.problems(), "identity schema", name, &mut problems);
                    KnownIdentity {
                        value_type: schema.value_type(),
                        schema,
                    }
                });
                KnownResource {
                    described: Described::new(resource, schema),
                    identity,
                }
            }),
            data_sources: each(data_sources, |name, data_source| {
                let schema = data_source.schema();
                report(&schema, SchemaOf::DataSource, name, &mut problems);
                Described::new(data_source, schema)
            }),
            ephemeral_resources: each(ephemeral, |name, ephemeral| {
                let schema = ephemeral.schema();
                report(&schema, SchemaOf::EphemeralResource, name, &mut problems);
                Described::new(ephemeral, schema)
            }),
            functions: each(functions, |name, function| {
                let (parameters, definition) = (function.0.parameters(), function.definition());
                report(&parameters, SchemaOf::Function, name, &mut problems);
                report_all(function.0.problems(), "definition", name, &mut problems);
                KnownFunction {
                    function,
                    parameters,
                    definition,
                }
            }),
            problems,
        }
    }

    /// A call of the current run: its token has fired already where that was stopped.
    pub(super) fn call(&self, client: Option<&tfplugin6::ClientCapabilities>) -> Call {
        Call::new(self.runs.call())
            .with_deferral_allowed(client.is_some_and(|client| client.deferral_allowed))
    }

    pub(super) fn resource(&self, name: &str) -> Result<&KnownResource, Diagnostics> {
        self.resources
            .get(name)
            .ok_or_else(|| unknown("resource", name))
    }

    pub(super) fn data_source(
        &self,
        name: &str,
    ) -> Result<&Described<BoxedDataSource>, Diagnostics> {
        self.data_sources
            .get(name)
            .ok_or_else(|| unknown("data source", name))
    }

    pub(super) fn ephemeral_resource(
        &self,
        name: &str,
    ) -> Result<&Described<BoxedEphemeral>, Diagnostics> {
        self.ephemeral_resources
            .get(name)
            .ok_or_else(|| unknown("ephemeral resource", name))
    }
}

/// What a call asked to be put off, as Terraform is told; an error where Terraform does not allow it.
pub(super) fn deferred(call: &Call) -> Result<Option<tfplugin6::Deferred>, Diagnostics> {
    use tfplugin6::deferred::Reason;
    let reason = match call.deferral() {
        None => return Ok(None),
        Some(Deferral::ResourceConfigUnknown) => Reason::ResourceConfigUnknown,
        Some(Deferral::ProviderConfigUnknown) => Reason::ProviderConfigUnknown,
        Some(Deferral::AbsentPrerequisite) => Reason::AbsentPrereq,
    };
    if !call.deferral_allowed() {
        return Err(Diagnostic::error(
            "The provider asked to put off what this Terraform cannot put off",
            "It needs values that are not known yet. Apply what they come from first, with -target. \
             That the provider asked all the same is a bug in it.",
        )
        .into());
    }
    Ok(Some(tfplugin6::Deferred {
        reason: reason.into(),
    }))
}

/// `diagnostics` as an answer has them, after the warnings of its call.
pub(super) fn answered(call: &Call, diagnostics: Diagnostics) -> Vec<tfplugin6::Diagnostic> {
    let mut all = call.take_warnings();
    all.append(diagnostics);
    convert::diagnostic::to_proto(all)
}

fn unknown(kind: &str, name: &str) -> Diagnostics {
    Diagnostic::error(
        format!("The provider has no {kind} {name}"),
        "Terraform asked for it all the same. A newer version of the provider may have it.",
    )
    .into()
}

fn by_name<T>(
    kind: &str,
    items: Vec<T>,
    name: fn(&T) -> &'static str,
    problems: &mut Diagnostics,
) -> BTreeMap<&'static str, T> {
    let mut named = BTreeMap::new();
    for item in items {
        let name = name(&item);
        if named.insert(name, item).is_some() {
            problems.push(Diagnostic::error(
                format!("The provider has two of the {kind} {name}"),
                "Terraform knows them by their names. This is a bug in the provider.",
            ));
        }
    }
    named
}

fn each<T, U>(
    items: BTreeMap<&'static str, T>,
    mut known: impl FnMut(&str, T) -> U,
) -> BTreeMap<&'static str, U> {
    items
        .into_iter()
        .map(|(name, item)| (name, known(name, item)))
        .collect()
}

/// Adds what is wrong with `schema`, which is `of` something of that `name`.
fn report(schema: &Schema, of: SchemaOf, name: &str, problems: &mut Diagnostics) {
    report_all(schema.problems(of), "schema", name, problems);
}

fn report_all(found: Vec<String>, of: &str, name: &str, problems: &mut Diagnostics) {
    for problem in found {
        problems.push(Diagnostic::error(
            format!("The {of} of {name} is wrong"),
            format!("{problem} This is a bug in the provider."),
        ));
    }
}

/// Adds the places where the model of the resource of that `name` refuses what is not known before apply.
fn report_known_only(places: &[Path], name: &str, problems: &mut Diagnostics) {
    for place in places {
        problems.push(Diagnostic::error(
            format!("The model of {name} is wrong"),
            format!(
                "`{place}` has no place for a value that is not known before apply, which every configuration may \
                 have: hold it in `Attr`. This is a bug in the provider."
            ),
        ));
    }
}
