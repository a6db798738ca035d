//! What there is: GetMetadata, GetProviderSchema, GetResourceIdentitySchemas, GetFunctions, and what there is not.

use terraform_framework::ProviderServer;
use terraform_framework::proto::tfplugin6::provider_server::Provider;
use terraform_framework::proto::tfplugin6::schema::object::NestingMode;
use terraform_framework::proto::tfplugin6::{
    get_functions, get_metadata, get_provider_schema, get_resource_identity_schemas, get_states,
    plan_action,
};
use tonic::{Code, Request};

use crate::notes::Notes;
use crate::thing::{Thing, serve};
use crate::wire::fine;

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

#[tokio::test]
async fn what_is_not_offered_is_unimplemented() {
    let server = serve(Thing::default());
    let actions = server
        .plan_action(Request::new(plan_action::Request::default()))
        .await;
    assert_eq!(actions.unwrap_err().code(), Code::Unimplemented);
    let states = server
        .get_states(Request::new(get_states::Request::default()))
        .await;
    assert_eq!(states.unwrap_err().code(), Code::Unimplemented);
}
