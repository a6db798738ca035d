//! What there is: GetMetadata, GetProviderSchema, GetResourceIdentitySchemas, GetFunctions, and what
//! should not be there.

use std::collections::BTreeMap;

use async_trait::async_trait;
use terraform_framework::proto::tfplugin6::provider_server::Provider;
use terraform_framework::proto::tfplugin6::schema::object::NestingMode;
use terraform_framework::proto::tfplugin6::{
    get_functions, get_metadata, get_provider_schema, get_resource_identity_schemas,
};
use terraform_framework::schema::Source;
use terraform_framework::{
    Attr, Attribute, AttributeKind, AttributeType, Block, BoxedFunction, BoxedResource, Call,
    Diagnostics, Failure, Function, FunctionError, Model, Path, ProviderServer, Resource, Schema,
    Set, Value, function, resource,
};
use tonic::Request;

use crate::notes::Notes;
use crate::thing::{Thing, serve};
use crate::wire::{fine, lines};

#[tokio::test]
async fn metadata_name_all_that_there_is() {
    let server = ProviderServer::new(Notes::default());
    let request = Request::new(get_metadata::Request::default());
    let metadata = server.get_metadata(request).await.unwrap().into_inner();
    fine(&metadata.diagnostics);
    assert_eq!(metadata.resources[0].type_name, "notes_note");
    assert_eq!(metadata.data_sources[0].type_name, "notes_note");
    assert_eq!(metadata.ephemeral_resources[0].type_name, "notes_glance");
    assert_eq!(metadata.functions[0].name, "title");
    assert!(metadata.list_resources.is_empty() && metadata.actions.is_empty());
    let capabilities = metadata.server_capabilities.unwrap();
    assert!(capabilities.plan_destroy && capabilities.get_provider_schema_optional);
    assert!(capabilities.move_resource_state && !capabilities.generate_resource_config);
}

#[tokio::test]
async fn schemas_say_what_the_models_say() {
    let server = serve(Thing::default());
    let request = Request::new(get_provider_schema::Request::default());
    let answer = server
        .get_provider_schema(request)
        .await
        .unwrap()
        .into_inner();
    fine(&answer.diagnostics);
    let schema = &answer.resource_schemas["trial_thing"];
    assert_eq!(schema.version, 2);
    let block = schema.block.as_ref().unwrap();
    let attribute = |name: &str| block.attributes.iter().find(|it| it.name == name).unwrap();
    assert!(attribute("name").required && attribute("name").r#type == br#""string""#);
    assert!(attribute("size").optional && attribute("size").computed);
    assert!(attribute("token").write_only && attribute("token").sensitive);
    assert_eq!(attribute("anything").r#type, br#""dynamic""#);
    for (name, nesting) in [
        ("parts", NestingMode::List),
        ("shelves", NestingMode::Map),
        ("pins", NestingMode::Set),
    ] {
        let nested = attribute(name).nested_type.as_ref().unwrap();
        assert_eq!(nested.nesting(), nesting);
        assert!(
            attribute(name).r#type.is_empty(),
            "Terraform takes a type or a nested type"
        );
    }
    assert_eq!(block.block_types[0].type_name, "rule");
}

#[tokio::test]
async fn descriptions_are_the_comments_of_the_model() {
    let server = ProviderServer::new(Notes::default());
    let request = Request::new(get_provider_schema::Request::default());
    let answer = server
        .get_provider_schema(request)
        .await
        .unwrap()
        .into_inner();
    let block = answer.resource_schemas["notes_note"].block.clone().unwrap();
    assert_eq!(block.description, "A text that is kept in a file.");
    let name = block
        .attributes
        .iter()
        .find(|it| it.name == "name")
        .unwrap();
    assert_eq!(
        name.description,
        "What the note is called. Another name makes another note."
    );
}

#[tokio::test]
async fn identities_and_functions_are_described() {
    let server = ProviderServer::new(Notes::default());
    let request = Request::new(get_resource_identity_schemas::Request::default());
    let answer = server
        .get_resource_identity_schemas(request)
        .await
        .unwrap()
        .into_inner();
    let attribute = &answer.identity_schemas["notes_note"].identity_attributes[0];
    assert!(attribute.name == "name" && attribute.required_for_import);

    let request = Request::new(get_functions::Request::default());
    let answer = server.get_functions(request).await.unwrap().into_inner();
    let title = &answer.functions["title"];
    assert_eq!(title.parameters[0].name, "mark");
    assert_eq!(
        title.variadic_parameter.as_ref().unwrap().r#type,
        br#""string""#
    );
    assert_eq!(title.r#return.as_ref().unwrap().r#type, br#""string""#);
    assert_eq!(title.summary, "Makes a title of words.");
}

/// A provider with two resources of one name, one with a model that takes only what is known, and with a schema that
/// no macro has seen.
struct Mistaken;

#[derive(Debug, Clone, Model)]
struct KnownOnly {
    #[attribute(required)]
    name: String,
    #[attribute(optional)]
    labels: Attr<BTreeMap<String, String>>,
    #[attribute(optional)]
    ports: Option<Vec<Attr<Side>>>,
    #[attribute(computed)]
    nodes: Attr<Vec<Side>>,
    #[block(list)]
    rule: Vec<Side>,
    #[block(set)]
    exception: Attr<Set<Side>>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Model)]
struct Side {
    #[attribute(optional)]
    number: Option<i64>,
}

struct OfKnownOnly;

#[async_trait]
impl Resource for OfKnownOnly {
    type Model = KnownOnly;

    const NAME: &'static str = "trial_known_only";

    async fn create(&self, planned: KnownOnly, _: &Call) -> Result<KnownOnly, Failure<KnownOnly>> {
        Ok(planned)
    }

    async fn read(&self, state: KnownOnly, _: &Call) -> Result<Option<KnownOnly>, Diagnostics> {
        Ok(Some(state))
    }

    async fn update(
        &self,
        _: KnownOnly,
        planned: KnownOnly,
        _: &Call,
    ) -> Result<KnownOnly, Failure<KnownOnly>> {
        Ok(planned)
    }

    async fn delete(&self, _: KnownOnly, _: &Call) -> Result<(), Failure<KnownOnly>> {
        Ok(())
    }
}

struct MistakenConfig;

impl AttributeType for MistakenConfig {
    fn kind() -> AttributeKind {
        <()>::kind()
    }

    fn from_value(_: Value, _: &Path) -> Result<Self, Diagnostics> {
        Ok(Self)
    }

    fn into_value(self) -> Value {
        Value::Null
    }
}

impl Model for MistakenConfig {
    fn schema() -> Schema {
        let attributes = vec![Attribute::of::<String>("alias", Source::Required)];
        let block = Block {
            attributes,
            ..Block::default()
        };
        Schema { version: 0, block }
    }
}

/// Takes any number of arguments, and has no list for them.
struct Sum;

#[derive(Debug, Clone, Model)]
struct Summands {
    #[attribute(required)]
    first: i64,
}

#[async_trait]
impl Function for Sum {
    type Arguments = Summands;
    type Output = i64;

    const NAME: &'static str = "sum";
    const SUMMARY: &'static str = "Adds.";
    const VARIADIC: bool = true;

    async fn call(&self, summands: Summands, _: &Call) -> Result<i64, FunctionError> {
        Ok(summands.first)
    }
}

#[async_trait]
impl terraform_framework::Provider for Mistaken {
    type Model = MistakenConfig;

    async fn configure(&self, _: MistakenConfig, _: &Call) -> Result<(), Diagnostics> {
        Ok(())
    }

    fn resources(&self) -> Vec<BoxedResource> {
        vec![
            resource(Thing::default()),
            resource(Thing::default()),
            resource(OfKnownOnly),
        ]
    }

    fn functions(&self) -> Vec<BoxedFunction> {
        vec![function(Sum)]
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_offer_is_said_with_the_schemas() {
    let server = ProviderServer::new(Mistaken);
    let request = Request::new(get_provider_schema::Request::default());
    let answer = server.get_provider_schema(request).await.unwrap();
    let said = lines(&answer.into_inner().diagnostics);
    assert!(said[0].contains("two of the resource trial_thing"));
    assert!(said[1].contains("The schema of the provider itself is wrong: `alias` is a name that"));
    assert!(
        said.last()
            .unwrap()
            .starts_with(": The definition of sum is wrong: It takes any")
    );
    let known_only = said[2..said.len() - 1].iter().map(|said| {
        let said = said.strip_prefix(": The model of trial_known_only is wrong: `");
        said.and_then(|said| said.split_once("` has no place"))
            .expect("a place")
            .0
    });
    assert_eq!(
        known_only.collect::<Vec<_>>(),
        [
            "name",
            "labels[\"…\"]",
            "ports",
            "ports[0].number",
            "rule",
            "rule[0].number",
            "exception[…].number",
        ]
    );
    assert!(server.problems().has_error());
    assert!(serve(Thing::default()).problems().is_empty());
}
