use terraform_framework::proto::tfplugin6::ClientCapabilities;
use terraform_framework::proto::tfplugin6::provider_server::Provider;
use terraform_framework::proto::tfplugin6::validate_resource_config::{Request, Response};
use terraform_framework::{Diagnostic, Value};

use crate::thing::{Thing, ThingModel, serve};
use crate::wire::{fine, lines, object, only};

async fn validate(thing: Thing, config: &[(&str, Value)], write_only: bool) -> Response {
    let request = Request {
        type_name: "trial_thing".into(),
        config: Some(object::<ThingModel>(config)),
        client_capabilities: Some(ClientCapabilities {
            write_only_attributes_allowed: write_only,
            ..ClientCapabilities::default()
        }),
    };
    serve(thing)
        .validate_resource_config(tonic::Request::new(request))
        .await
        .unwrap()
        .into_inner()
}

fn part(label: impl Into<Value>, weight: impl Into<Value>) -> Value {
    Value::object([
        ("label", label.into()),
        ("weight", weight.into()),
        ("serial", Value::Null),
    ])
}

#[tokio::test]
async fn validators_see_known_values_at_every_depth() {
    let config = [
        ("name", "a".into()),
        ("size", 11.into()),
        ("parts", Value::list([part("x", 1), part("y", 10)])),
        ("shelves", Value::map([("s", part(Value::unknown(), 0))])),
    ];
    let found = lines(&validate(Thing::default(), &config, true).await.diagnostics);
    let places: Vec<_> = found
        .iter()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(places, ["size", "parts[1].weight", "shelves[\"s\"].weight"]);
}

#[tokio::test]
async fn what_is_unknown_is_not_judged() {
    let config = [
        ("name", Value::unknown()),
        ("size", Value::unknown()),
        (
            "parts",
            Value::list([part(Value::unknown(), Value::unknown())]),
        ),
        ("shelves", Value::unknown()),
    ];
    fine(&validate(Thing::default(), &config, true).await.diagnostics);
}

#[tokio::test]
async fn a_nested_attribute_that_is_required_must_be_there() {
    let config = [
        ("name", "a".into()),
        ("parts", Value::list([part(Value::Null, 1)])),
    ];
    let found = only(&validate(Thing::default(), &config, true).await.diagnostics);
    assert!(
        found.starts_with("parts[0].label: parts[0].label is missing"),
        "{found}"
    );
}

#[tokio::test]
async fn a_computed_attribute_cannot_be_set() {
    let config = [("name", "a".into()), ("status", "mine".into())];
    let found = only(&validate(Thing::default(), &config, true).await.diagnostics);
    assert!(found.starts_with("status: status cannot be set"), "{found}");
}

#[tokio::test]
async fn a_write_only_attribute_needs_a_terraform_that_knows_them() {
    let config = [("name", "a".into()), ("token", "secret".into())];
    fine(&validate(Thing::default(), &config, true).await.diagnostics);
    let found = only(&validate(Thing::default(), &config, false).await.diagnostics);
    assert!(
        found.starts_with("token: ") && found.contains("1.11"),
        "{found}"
    );
}

#[tokio::test]
async fn the_whole_is_judged_when_its_parts_are_right() {
    let strict = || Thing {
        validate: |_| Diagnostic::error("Never right", "").into(),
        ..Thing::default()
    };
    let response = validate(strict(), &[("name", "a".into())], true).await;
    assert_eq!(only(&response.diagnostics), ": Never right: ");
    let response = validate(strict(), &[("name", "a".into()), ("size", 11.into())], true).await;
    assert!(only(&response.diagnostics).starts_with("size: "));
    let panics = Thing {
        validate: |_| panic!("no idea"),
        ..Thing::default()
    };
    let response = validate(panics, &[("name", "a".into())], true).await;
    assert!(only(&response.diagnostics).contains("panicked"));
}

#[tokio::test]
async fn a_panic_in_a_rule_is_an_error_of_that_call() {
    let config = [("name", "a".into()), ("remark", "panic at once".into())];
    let found = only(&validate(Thing::default(), &config, true).await.diagnostics);
    assert!(
        found.contains("panicked while validating") && found.contains("I am a rule"),
        "{found}"
    );
}

#[tokio::test]
async fn what_is_inside_a_hidden_value_is_not_repeated() {
    let config = [
        ("name", "a".into()),
        ("vault", Value::list([part("x", 4711)])),
    ];
    let found = only(&validate(Thing::default(), &config, true).await.diagnostics);
    assert!(
        found.starts_with("vault[0].weight: Invalid value") && !found.contains("4711"),
        "{found}"
    );
}

#[tokio::test]
async fn all_blocks_of_a_name_have_rules_together() {
    let seal = Value::object([("colour", Value::Null)]);
    for (number, expected) in [(2, 0), (3, 1)] {
        let seals = Value::List(vec![seal.clone(); number]);
        let config = [("name", "a".into()), ("seal", seals)];
        let found = lines(&validate(Thing::default(), &config, true).await.diagnostics);
        assert_eq!(found.len(), expected, "{found:?}");
        assert!(found.iter().all(|found| found.starts_with("seal: ")));
    }
}
