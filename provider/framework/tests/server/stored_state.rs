//! State and identities that were stored: UpgradeResourceState, UpgradeResourceIdentity, MoveResourceState.

use terraform_framework::codec::msgpack;
use terraform_framework::proto::tfplugin6::provider_server::Provider;
use terraform_framework::proto::tfplugin6::{
    RawState, move_resource_state, upgrade_resource_identity, upgrade_resource_state,
};
use terraform_framework::{Type, Value};

use crate::thing::{Thing, ThingModel, serve};
use crate::wire::{attribute, fine, only};

fn raw(json: &str) -> RawState {
    RawState {
        json: json.as_bytes().to_vec(),
        ..RawState::default()
    }
}

async fn upgrade(version: i64, raw_state: RawState) -> upgrade_resource_state::Response {
    let request = upgrade_resource_state::Request {
        type_name: "trial_thing".into(),
        version,
        raw_state: Some(raw_state),
    };
    let server = serve(Thing::default());
    server
        .upgrade_resource_state(tonic::Request::new(request))
        .await
        .unwrap()
        .into_inner()
}

#[tokio::test]
async fn what_the_schema_no_longer_has_is_dropped() {
    let response = upgrade(2, raw(r#"{"name":"a","colour":"red"}"#)).await;
    fine(&response.diagnostics);
    let state = |name| attribute::<ThingModel>(response.upgraded_state.as_ref(), name);
    assert_eq!(state("name"), "a".into());
    assert_eq!(
        state("rule"),
        Value::List(Vec::new()),
        "no block is an empty list"
    );
}

#[tokio::test]
async fn old_state_goes_through_each_upgrader_in_turn() {
    let response = upgrade(0, raw(r#"{"title":"a"}"#)).await;
    fine(&response.diagnostics);
    let name = attribute::<ThingModel>(response.upgraded_state.as_ref(), "name");
    assert_eq!(name, "a".into());
}

#[tokio::test]
async fn an_upgrade_loses_no_digit() {
    let number = |text: &str| Value::Number(text.parse().unwrap());
    for digits in ["18446744073709551617", "0.12345678901234567890", "0.1"] {
        let json = format!(
            r#"{{"label":"a","anything":{{"type":"number","value":{digits}}},"exact":{digits}}}"#
        );
        let response = upgrade(1, raw(&json)).await;
        fine(&response.diagnostics);
        let state = |name| attribute::<ThingModel>(response.upgraded_state.as_ref(), name);
        assert_eq!(state("exact"), number(digits));
        assert_eq!(
            state("anything"),
            Value::Dynamic(Box::new(Type::Number), Box::new(number(digits)))
        );
    }
}

#[tokio::test]
async fn a_version_without_upgrader_a_newer_one_and_a_very_old_form_are_refused() {
    let response = upgrade(-1, raw("{}")).await;
    assert!(only(&response.diagnostics).contains("cannot upgrade the state of trial_thing"));
    let response = upgrade(3, raw("{}")).await;
    assert!(only(&response.diagnostics).contains("Use a newer version of the provider"));
    let flatmap = [("name".to_owned(), "a".to_owned())].into_iter().collect();
    let response = upgrade(
        2,
        RawState {
            flatmap,
            ..RawState::default()
        },
    )
    .await;
    assert!(only(&response.diagnostics).contains("Terraform 0.11 or older"));
    let response = upgrade(0, raw("{")).await;
    assert!(only(&response.diagnostics).contains("should be JSON"));
}

#[tokio::test]
async fn an_old_identity_is_upgraded() {
    let request = upgrade_resource_identity::Request {
        type_name: "trial_thing".into(),
        version: 0,
        raw_identity: Some(raw(r#"{"key":"x"}"#)),
    };
    let server = serve(Thing::default());
    let response = server
        .upgrade_resource_identity(tonic::Request::new(request))
        .await
        .unwrap();
    fine(&response.get_ref().diagnostics);
    let identity = response
        .into_inner()
        .upgraded_identity
        .unwrap()
        .identity_data
        .unwrap();
    let identity = msgpack::decode(&identity.msgpack, &Type::object([("id", Type::String)]));
    assert_eq!(identity.unwrap(), Value::object([("id", "x")]));
}

async fn moved(from: &str) -> move_resource_state::Response {
    let request = move_resource_state::Request {
        source_type_name: from.into(),
        source_provider_address: "example.com/other/other".into(),
        source_state: Some(raw(r#"{"key":"x"}"#)),
        target_type_name: "trial_thing".into(),
        ..Default::default()
    };
    let server = serve(Thing::default());
    server
        .move_resource_state(tonic::Request::new(request))
        .await
        .unwrap()
        .into_inner()
}

#[tokio::test]
async fn a_resource_can_become_another() {
    let response = moved("other_thing").await;
    fine(&response.diagnostics);
    let id = attribute::<ThingModel>(response.target_state.as_ref(), "id");
    assert_eq!(id, "x".into());
    assert!(response.target_identity.is_some());
}

#[tokio::test]
async fn not_every_resource_can_become_another() {
    let response = moved("strange_thing").await;
    assert!(only(&response.diagnostics).contains("strange_thing cannot become trial_thing"));
}
