use terraform_framework::proto::tfplugin6::apply_resource_change::{Request, Response};
use terraform_framework::proto::tfplugin6::provider_server::Provider;
use terraform_framework::{Attr, Diagnostic, Diagnostics, Failure, Value};

use crate::thing::{Thing, ThingModel, made, serve, settle};
use crate::wire::{attribute, decode, fine, lines, null, object, only};

async fn apply(
    thing: Thing,
    prior: Option<&[(&str, Value)]>,
    planned: Option<&[(&str, Value)]>,
) -> Response {
    let state = |attributes: Option<&[(&str, Value)]>| {
        Some(attributes.map_or_else(null, object::<ThingModel>))
    };
    let request = Request {
        type_name: "trial_thing".into(),
        prior_state: state(prior),
        planned_state: state(planned),
        config: state(planned),
        planned_private: br#"{"planned":1}"#.to_vec(),
        ..Request::default()
    };
    serve(thing)
        .apply_resource_change(tonic::Request::new(request))
        .await
        .unwrap()
        .into_inner()
}

fn planned() -> Vec<(&'static str, Value)> {
    vec![
        ("name", "a".into()),
        ("size", 1.into()),
        ("id", Value::unknown()),
        ("status", Value::unknown()),
    ]
}

fn prior() -> Vec<(&'static str, Value)> {
    vec![
        ("name", "a".into()),
        ("size", 1.into()),
        ("id", "made".into()),
        ("status", "ready".into()),
    ]
}

fn new(response: &Response, name: &str) -> Value {
    attribute::<ThingModel>(response.new_state.as_ref(), name)
}

fn gone(response: &Response) -> bool {
    decode::<ThingModel>(response.new_state.as_ref()).is_null()
}

#[tokio::test]
async fn a_create_returns_state_identity_and_private_state() {
    let thing = Thing {
        create: |planned, call| {
            assert_eq!(call.private().get("planned"), Some(1.into()));
            call.private().set("made", "yes".into());
            Ok(made(planned))
        },
        ..Thing::default()
    };
    let response = apply(thing, None, Some(&planned())).await;
    fine(&response.diagnostics);
    assert_eq!(new(&response, "id"), "made".into());
    assert_eq!(response.private, br#"{"made":"yes","planned":1}"#);
    assert!(response.new_identity.is_some());
}

#[tokio::test]
async fn a_create_that_fails_without_state_leaves_none() {
    let thing = Thing {
        create: |_, _| Err(Diagnostic::error("No", "").into()),
        ..Thing::default()
    };
    let response = apply(thing, None, Some(&planned())).await;
    assert_eq!(only(&response.diagnostics), ": No: ");
    assert!(gone(&response));
}

#[tokio::test]
async fn a_create_that_fails_half_way_keeps_what_is_there() {
    let thing = Thing {
        create: |planned, _| {
            let state = ThingModel {
                id: Attr::Known("half".into()),
                ..planned
            };
            Err(Failure::with_state(state, Diagnostic::error("No", "")))
        },
        ..Thing::default()
    };
    let response = apply(thing, None, Some(&planned())).await;
    assert_eq!(only(&response.diagnostics), ": No: ");
    assert_eq!(new(&response, "id"), "half".into());
    assert_eq!(
        new(&response, "status"),
        Value::Null,
        "what is not known yet is null"
    );
}

#[tokio::test]
async fn a_failed_update_keeps_the_prior_state() {
    let thing = Thing {
        update: |_, _| Err(Diagnostic::error("No", "").into()),
        ..Thing::default()
    };
    let response = apply(thing, Some(&prior()), Some(&planned())).await;
    assert_eq!(only(&response.diagnostics), ": No: ");
    assert_eq!(response.new_state, Some(object::<ThingModel>(&prior())));
}

#[tokio::test]
async fn a_failed_delete_never_drops_the_state() {
    for failure in [
        Diagnostics::from(Diagnostic::error("No", "")),
        Diagnostics::new(),
    ] {
        let silent = failure.is_empty();
        let thing = if silent {
            Thing {
                delete: |_| Err(Diagnostics::new().into()),
                ..Thing::default()
            }
        } else {
            Thing {
                delete: |_| Err(Diagnostic::error("No", "").into()),
                ..Thing::default()
            }
        };
        let response = apply(thing, Some(&prior()), None).await;
        assert_eq!(response.diagnostics.len(), 1, "a failure is never silent");
        assert_eq!(response.new_state, Some(object::<ThingModel>(&prior())));
    }
}

#[tokio::test]
async fn a_delete_leaves_nothing() {
    let response = apply(Thing::default(), Some(&prior()), None).await;
    fine(&response.diagnostics);
    assert!(gone(&response));
}

#[tokio::test]
async fn a_panic_is_a_diagnostic_and_the_prior_state_stays() {
    let panics = || Thing {
        create: |_, _| panic!("no idea"),
        update: |_, _| panic!("no idea"),
        delete: |_| panic!("no idea"),
        ..Thing::default()
    };
    let response = apply(panics(), None, Some(&planned())).await;
    assert!(only(&response.diagnostics).contains("panicked while creating trial_thing"));
    assert!(gone(&response));
    let response = apply(panics(), Some(&prior()), Some(&planned())).await;
    assert!(only(&response.diagnostics).contains("panicked while updating trial_thing"));
    assert_eq!(response.new_state, Some(object::<ThingModel>(&prior())));
    let response = apply(panics(), Some(&prior()), None).await;
    assert!(only(&response.diagnostics).contains("panicked while deleting trial_thing"));
    assert_eq!(response.new_state, Some(object::<ThingModel>(&prior())));
}

#[tokio::test]
async fn what_was_remembered_is_the_state_after_a_panic_alone() {
    let panics = Thing {
        create: |planned, call| {
            call.remember(ThingModel {
                id: Attr::Known("half".into()),
                ..planned
            });
            panic!("no idea")
        },
        ..Thing::default()
    };
    let response = apply(panics, None, Some(&planned())).await;
    assert!(only(&response.diagnostics).contains("panicked while creating trial_thing"));
    assert_eq!(new(&response, "id"), "half".into());
    assert_eq!(new(&response, "status"), Value::Null, "nobody knows it");

    let fails = Thing {
        create: |planned, call| {
            call.remember(made(planned));
            Err(Diagnostic::error("Made and removed again", "").into())
        },
        ..Thing::default()
    };
    let response = apply(fails, None, Some(&planned())).await;
    assert!(gone(&response));
}

#[tokio::test]
async fn what_the_plan_did_not_promise_is_found() {
    let thing = Thing {
        create: |planned, _| {
            Ok(ThingModel {
                size: Attr::Known(2),
                ..made(planned)
            })
        },
        ..Thing::default()
    };
    let response = apply(thing, None, Some(&planned())).await;
    let found = only(&response.diagnostics);
    assert!(
        found.starts_with("size: ") && found.contains("not what the plan promised"),
        "{found}"
    );
    assert_eq!(
        new(&response, "size"),
        2.into(),
        "what is there is kept all the same"
    );
}

#[tokio::test]
async fn what_is_still_unknown_is_found_and_null() {
    let thing = Thing {
        create: |planned, _| Ok(planned),
        ..Thing::default()
    };
    let response = apply(thing, None, Some(&planned())).await;
    let found = lines(&response.diagnostics);
    assert!(
        found[0].starts_with("id: ") && found[0].contains("still unknown"),
        "{found:#?}"
    );
    assert!(found[1].starts_with("status: "), "{found:#?}");
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(new(&response, "id"), Value::Null);
}

#[tokio::test]
async fn a_write_only_value_never_reaches_the_state() {
    let thing = Thing {
        create: |planned, _| {
            Ok(ThingModel {
                token: Attr::Known("secret".into()),
                ..made(planned)
            })
        },
        ..Thing::default()
    };
    let response = apply(thing, None, Some(&planned())).await;
    let found = only(&response.diagnostics);
    assert!(
        found.starts_with("token: ") && !found.contains("secret"),
        "{found}"
    );
    assert_eq!(new(&response, "token"), Value::Null);
}

#[tokio::test]
async fn an_identity_that_changes_is_found() {
    let server = serve(Thing {
        update: |_, planned| {
            Ok(ThingModel {
                id: Attr::Known("other".into()),
                ..made(planned)
            })
        },
        ..Thing::default()
    });
    let created = Request {
        type_name: "trial_thing".into(),
        prior_state: Some(null()),
        planned_state: Some(object::<ThingModel>(&planned())),
        ..Request::default()
    };
    let created = server
        .apply_resource_change(tonic::Request::new(created))
        .await
        .unwrap();
    let updated = Request {
        type_name: "trial_thing".into(),
        prior_state: created.get_ref().new_state.clone(),
        planned_state: Some(object::<ThingModel>(&planned())),
        planned_identity: created.get_ref().new_identity.clone(),
        ..Request::default()
    };
    let updated = server
        .apply_resource_change(tonic::Request::new(updated))
        .await
        .unwrap();
    assert!(only(&updated.get_ref().diagnostics).contains("identity, which may not change"));
    assert_eq!(
        updated.get_ref().new_identity,
        created.get_ref().new_identity
    );
}

#[tokio::test]
async fn a_plan_that_cannot_be_read_changes_nothing() {
    let mut request = Request {
        type_name: "trial_thing".into(),
        prior_state: Some(object::<ThingModel>(&prior())),
        planned_state: Some(object::<ThingModel>(&prior())),
        ..Request::default()
    };
    request.planned_state.as_mut().unwrap().msgpack = vec![0x93, 0x01];
    let server = serve(Thing::default());
    let response = server
        .apply_resource_change(tonic::Request::new(request))
        .await
        .unwrap();
    assert_eq!(response.get_ref().diagnostics.len(), 1);
    assert_eq!(
        response.get_ref().new_state,
        Some(object::<ThingModel>(&prior()))
    );
}

#[tokio::test]
async fn a_set_that_grew_in_the_apply_is_found() {
    let thing = Thing {
        create: |planned, _| {
            let mut made = made(planned);
            let pins = made.pins.known_mut().unwrap();
            let mut second = pins.iter().next().unwrap().clone();
            second.known_mut().unwrap().label = Attr::Known("y".into());
            pins.insert(second);
            for pin in pins {
                settle(&mut pin.known_mut().unwrap().label, "x");
            }
            Ok(made)
        },
        ..Thing::default()
    };
    let pin = Value::object([
        ("label", Value::unknown()),
        ("weight", 5.into()),
        ("serial", Value::unknown()),
    ]);
    let mut planned = planned();
    planned.push(("pins", Value::set([pin])));
    let response = apply(thing, None, Some(&planned)).await;
    let found = only(&response.diagnostics);
    assert!(found.starts_with("pins: ") && found.contains("not what the plan promised"));
}
