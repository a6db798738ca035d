use terraform_framework::proto::tfplugin6::provider_server::Provider;
use terraform_framework::proto::tfplugin6::read_resource::{Request, Response};
use terraform_framework::{Attr, Diagnostic, Value};

use crate::thing::{Thing, ThingModel, serve};
use crate::wire::{attribute, decode, fine, object, only};

fn state() -> Vec<(&'static str, Value)> {
    vec![
        ("name", "a".into()),
        ("id", "made".into()),
        ("status", "ready".into()),
    ]
}

async fn read(thing: Thing) -> Response {
    let request = Request {
        type_name: "trial_thing".into(),
        current_state: Some(object::<ThingModel>(&state())),
        private: br#"{"seen":1}"#.to_vec(),
        ..Request::default()
    };
    serve(thing)
        .read_resource(tonic::Request::new(request))
        .await
        .unwrap()
        .into_inner()
}

#[tokio::test]
async fn a_read_returns_what_is_true_now() {
    let thing = Thing {
        read: |state, call| {
            let seen = call.private().get("seen").unwrap().as_i64().unwrap();
            call.private().set("seen", (seen + 1).into());
            call.warn(Diagnostic::error("Slow", ""));
            Ok(Some(ThingModel {
                status: Attr::Known("down".into()),
                ..state
            }))
        },
        ..Thing::default()
    };
    let response = read(thing).await;
    assert_eq!(response.private, br#"{"seen":2}"#);
    assert_eq!(only(&response.diagnostics), ": Slow: ");
    let warning = terraform_framework::proto::tfplugin6::diagnostic::Severity::Warning;
    assert_eq!(
        response.diagnostics[0].severity(),
        warning,
        "a warning stays one"
    );
    assert_eq!(
        attribute::<ThingModel>(response.new_state.as_ref(), "status"),
        "down".into()
    );
    assert!(response.new_identity.is_some());
}

#[tokio::test]
async fn what_is_gone_is_null() {
    let response = read(Thing {
        read: |_, _| Ok(None),
        ..Thing::default()
    })
    .await;
    fine(&response.diagnostics);
    assert!(decode::<ThingModel>(response.new_state.as_ref()).is_null());
}

#[tokio::test]
async fn an_error_or_a_panic_keeps_state_and_private_state() {
    let fails = Thing {
        read: |_, _| Err(Diagnostic::error("No", "").into()),
        ..Thing::default()
    };
    let panics = Thing {
        read: |_, _| panic!("no idea"),
        ..Thing::default()
    };
    for thing in [fails, panics] {
        let response = read(thing).await;
        assert_eq!(response.diagnostics.len(), 1);
        assert_eq!(response.new_state, Some(object::<ThingModel>(&state())));
        assert_eq!(response.private, br#"{"seen":1}"#);
    }
}

#[tokio::test]
async fn what_is_unknown_after_a_read_is_found() {
    let thing = Thing {
        read: |state, _| {
            Ok(Some(ThingModel {
                status: Attr::Unknown,
                ..state
            }))
        },
        ..Thing::default()
    };
    let response = read(thing).await;
    assert!(only(&response.diagnostics).starts_with("status: "));
    assert_eq!(response.new_state, Some(object::<ThingModel>(&state())));
}
