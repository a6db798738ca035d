use terraform_framework::proto::tfplugin6::ResourceIdentityData;
use terraform_framework::proto::tfplugin6::import_resource_state::{Request, Response};
use terraform_framework::proto::tfplugin6::provider_server::Provider;
use terraform_framework::{Type, Value};

use crate::thing::{Thing, ThingModel, serve};
use crate::wire::{attribute, encode, fine, only};

async fn import(request: Request) -> Response {
    let request = Request {
        type_name: "trial_thing".into(),
        ..request
    };
    let server = serve(Thing::default());
    server
        .import_resource_state(tonic::Request::new(request))
        .await
        .unwrap()
        .into_inner()
}

fn identity(id: &str) -> ResourceIdentityData {
    let value = Value::object([("id", id)]);
    ResourceIdentityData {
        identity_data: Some(encode(&value, &Type::object([("id", Type::String)]))),
    }
}

#[tokio::test]
async fn an_id_and_an_identity_find_the_same() {
    let by_id = import(Request {
        id: "x".into(),
        ..Request::default()
    })
    .await;
    let by_identity = import(Request {
        identity: Some(identity("x")),
        ..Request::default()
    })
    .await;
    fine(&by_id.diagnostics);
    assert_eq!(by_id, by_identity);
    let found = &by_id.imported_resources[0];
    assert_eq!(
        attribute::<ThingModel>(found.state.as_ref(), "id"),
        "x".into()
    );
    assert_eq!(found.identity, Some(identity("x")));
}

#[tokio::test]
async fn an_import_that_says_nothing_is_refused() {
    let response = import(Request::default()).await;
    assert!(only(&response.diagnostics).contains("cannot be imported without an id"));
}
