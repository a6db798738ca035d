//! The example provider: what is configured, read, opened and called.

use std::fs;

use terraform_framework::codec::msgpack;
use terraform_framework::proto::tfplugin6::provider_server::Provider;
use terraform_framework::proto::tfplugin6::{
    call_function, close_ephemeral_resource, configure_provider, open_ephemeral_resource,
    read_data_source, renew_ephemeral_resource, validate_data_resource_config,
};
use terraform_framework::{ProviderServer, Type, Value};
use tonic::Request;

use crate::notes::{FoundNoteModel, GlanceModel, Notes, NotesModel};
use crate::wire::{attribute, encode, fine, lines, object, only};

async fn configured(folder: &std::path::Path) -> ProviderServer {
    let server = ProviderServer::new(Notes::default());
    configure(&server, folder).await;
    server
}

async fn configure(server: &ProviderServer, folder: &std::path::Path) {
    let folder = folder.display().to_string();
    let request = configure_provider::Request {
        config: Some(object::<NotesModel>(&[("folder", folder.into())])),
        ..Default::default()
    };
    let answer = server
        .configure_provider(Request::new(request))
        .await
        .unwrap()
        .into_inner();
    fine(&answer.diagnostics);
}

#[tokio::test]
async fn the_last_configuration_holds() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let server = configured(folders[0].path()).await;
    configure(&server, folders[1].path()).await;
    fs::write(folders[1].path().join("a.txt"), "milk").unwrap();
    let request = read_data_source::Request {
        type_name: "notes_note".into(),
        config: Some(object::<FoundNoteModel>(&[("name", "a".into())])),
        ..Default::default()
    };
    let answer = server.read_data_source(Request::new(request)).await;
    fine(&answer.unwrap().into_inner().diagnostics);
}

#[tokio::test]
async fn a_configuration_that_is_wrong_is_refused_at_its_attribute() {
    let folder = tempfile::tempdir().unwrap();
    let server = ProviderServer::new(Notes::default());
    let missing = folder.path().join("missing").display().to_string();
    let request = configure_provider::Request {
        config: Some(object::<NotesModel>(&[("folder", missing.into())])),
        ..Default::default()
    };
    let answer = server
        .configure_provider(Request::new(request))
        .await
        .unwrap()
        .into_inner();
    assert!(only(&answer.diagnostics).starts_with("folder: There is no folder"));
}

#[tokio::test]
async fn a_configuration_may_be_unknown() {
    let server = ProviderServer::new(Notes::default());
    let request = configure_provider::Request {
        config: Some(object::<NotesModel>(&[("folder", Value::unknown())])),
        ..Default::default()
    };
    let answer = server
        .configure_provider(Request::new(request))
        .await
        .unwrap()
        .into_inner();
    fine(&answer.diagnostics);
}

#[tokio::test]
async fn a_data_source_is_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "milk").unwrap();
    let server = configured(folder.path()).await;
    let request = |name: &str| {
        Request::new(read_data_source::Request {
            type_name: "notes_note".into(),
            config: Some(object::<FoundNoteModel>(&[("name", name.into())])),
            ..Default::default()
        })
    };
    let answer = server
        .read_data_source(request("a"))
        .await
        .unwrap()
        .into_inner();
    fine(&answer.diagnostics);
    assert_eq!(
        attribute::<FoundNoteModel>(answer.state.as_ref(), "text"),
        "milk".into()
    );
    let answer = server
        .read_data_source(request("b"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(only(&answer.diagnostics), "name: There is no note b: ");
}

#[tokio::test]
async fn what_a_data_source_needs_is_validated() {
    let server = ProviderServer::new(Notes::default());
    for (name, expected) in [(Value::Null, 1), (Value::unknown(), 0), ("a".into(), 0)] {
        let request = validate_data_resource_config::Request {
            type_name: "notes_note".into(),
            config: Some(object::<FoundNoteModel>(&[("name", name)])),
        };
        let answer = server.validate_data_resource_config(Request::new(request));
        let found = lines(&answer.await.unwrap().into_inner().diagnostics);
        assert_eq!(found.len(), expected, "{found:?}");
        assert!(
            found
                .iter()
                .all(|found| found.starts_with("name: name is missing"))
        );
    }
}

#[tokio::test]
async fn an_ephemeral_resource_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "milk").unwrap();
    let server = configured(folder.path()).await;
    let request = open_ephemeral_resource::Request {
        type_name: "notes_glance".into(),
        config: Some(object::<GlanceModel>(&[("name", "a".into())])),
        ..Default::default()
    };
    let answer = server
        .open_ephemeral_resource(Request::new(request))
        .await
        .unwrap()
        .into_inner();
    fine(&answer.diagnostics);
    assert_eq!(
        attribute::<GlanceModel>(answer.result.as_ref(), "text"),
        "milk".into()
    );
    assert_eq!(answer.private, Some(Vec::new()));
}

fn texts(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| Value::from(*text)).collect()
}

#[tokio::test]
async fn a_function_takes_any_number_of_arguments() {
    let request = |arguments: &[Value]| {
        let arguments: Vec<_> = arguments
            .iter()
            .map(|value| encode(value, &Type::String))
            .collect();
        Request::new(call_function::Request {
            name: "title".into(),
            arguments,
        })
    };
    let server = ProviderServer::new(Notes::default());
    let answer = server
        .call_function(request(&texts(&["-", "big", "list"])))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.error, None);
    let result = msgpack::decode(&answer.result.unwrap().msgpack, &Type::String).unwrap();
    assert_eq!(result, "Big-List".into());

    let answer = server
        .call_function(request(&texts(&["-", "big", ""])))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        answer.error.unwrap().function_argument,
        Some(2),
        "the second word"
    );
}

#[tokio::test]
async fn an_ephemeral_resource_lives_on_and_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let server = configured(folder.path()).await;
    let request = renew_ephemeral_resource::Request {
        type_name: "notes_glance".into(),
        private: Some(b"lease".to_vec()),
    };
    let answer = server
        .renew_ephemeral_resource(Request::new(request))
        .await
        .unwrap()
        .into_inner();
    fine(&answer.diagnostics);
    assert_eq!(
        (answer.renew_at, answer.private),
        (None, Some(b"lease".to_vec()))
    );
    let request = close_ephemeral_resource::Request {
        type_name: "notes_shout".into(),
        private: Some(b"lease".to_vec()),
    };
    let answer = server
        .close_ephemeral_resource(Request::new(request))
        .await
        .unwrap()
        .into_inner();
    assert!(only(&answer.diagnostics).contains("has no ephemeral resource notes_shout"));
}
