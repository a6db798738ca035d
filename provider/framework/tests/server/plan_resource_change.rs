use terraform_framework::proto::tfplugin6::ClientCapabilities;
use terraform_framework::proto::tfplugin6::deferred::Reason;
use terraform_framework::proto::tfplugin6::plan_resource_change::{Request, Response};
use terraform_framework::proto::tfplugin6::provider_server::Provider;
use terraform_framework::value::Refinement;
use terraform_framework::{Attr, Diagnostic, Path, Type, Value};

use crate::thing::{Thing, ThingModel, serve};
use crate::wire::{attribute, fine, null, object, only, spelled};

type Attributes<'a> = &'a [(&'a str, Value)];

async fn plan(
    thing: Thing,
    prior: Option<Attributes<'_>>,
    proposed: Option<Attributes<'_>>,
    config: Attributes<'_>,
) -> Response {
    let state =
        |attributes: Option<Attributes<'_>>| attributes.map_or_else(null, object::<ThingModel>);
    let request = Request {
        type_name: "trial_thing".into(),
        prior_state: Some(state(prior)),
        proposed_new_state: Some(state(proposed)),
        config: Some(if proposed.is_some() {
            object::<ThingModel>(config)
        } else {
            null()
        }),
        ..Request::default()
    };
    serve(thing)
        .plan_resource_change(tonic::Request::new(request))
        .await
        .unwrap()
        .into_inner()
}

fn planned(response: &Response, name: &str) -> Value {
    attribute::<ThingModel>(response.planned_state.as_ref(), name)
}

fn replaced(response: &Response) -> Vec<String> {
    response.requires_replace.iter().map(spelled).collect()
}

fn name(name: &str) -> (&'static str, Value) {
    ("name", name.into())
}

fn part(label: &str, weight: impl Into<Value>, serial: impl Into<Value>) -> Value {
    Value::object([
        ("label", Value::from(label)),
        ("weight", weight.into()),
        ("serial", serial.into()),
    ])
}

fn configured(label: &str) -> Value {
    part(label, Value::Null, Value::Null)
}

/// A state that a default thing would have, with more in it.
fn state(more: Attributes<'_>) -> Vec<(&'static str, Value)> {
    let mut state = vec![
        name("a"),
        ("size", 1.into()),
        ("id", "made".into()),
        ("status", "ready".into()),
    ];
    for (name, value) in more {
        let name: &'static str = match *name {
            "name" => "name",
            "size" => "size",
            "remark" => "remark",
            "labels" => "labels",
            "parts" => "parts",
            "shelves" => "shelves",
            "pins" => "pins",
            "anything" => "anything",
            "rule" => "rule",
            "seal" => "seal",
            "status" => "status",
            other => panic!("{other}"),
        };
        state.retain(|(known, _)| *known != name);
        state.push((name, value.clone()));
    }
    state
}

#[tokio::test]
async fn a_create_has_defaults_and_what_only_the_apply_will_tell() {
    let config = [name("a"), ("parts", Value::list([configured("x")]))];
    let response = plan(Thing::default(), None, Some(&config), &config).await;
    fine(&response.diagnostics);
    assert_eq!(planned(&response, "name"), "a".into());
    assert_eq!(planned(&response, "size"), 1.into());
    assert_eq!(planned(&response, "remark"), Value::Null);
    assert_eq!(planned(&response, "id"), Value::unknown());
    assert_eq!(planned(&response, "status"), Value::unknown());
    assert_eq!(
        planned(&response, "parts"),
        Value::list([part("x", 5, Value::unknown())])
    );
    assert_eq!(replaced(&response), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_differs_so_the_prior_state_comes_back_bit_for_bit() {
    let prior = state(&[("shelves", Value::map([("s", part("x", 5, "stamped"))]))]);
    let config = [name("a"), ("shelves", Value::map([("s", configured("x"))]))];
    let response = plan(Thing::default(), Some(&prior), Some(&prior), &config).await;
    fine(&response.diagnostics);
    assert_eq!(response.planned_state, Some(object::<ThingModel>(&prior)));
}

#[tokio::test]
async fn a_change_makes_computed_attributes_unknown_but_for_those_that_are_kept() {
    let prior = state(&[]);
    let proposed = state(&[("remark", "new".into())]);
    let response = plan(
        Thing::default(),
        Some(&prior),
        Some(&proposed),
        &[name("a"), ("remark", "new".into())],
    )
    .await;
    fine(&response.diagnostics);
    assert_eq!(planned(&response, "id"), "made".into());
    assert_eq!(planned(&response, "status"), Value::unknown());
    assert_eq!(replaced(&response), Vec::<String>::new());
}

#[tokio::test]
async fn taking_an_argument_away_brings_its_default_back() {
    let prior = state(&[("size", 4.into())]);
    let response = plan(Thing::default(), Some(&prior), Some(&prior), &[name("a")]).await;
    fine(&response.diagnostics);
    assert_eq!(planned(&response, "size"), 1.into());
}

#[tokio::test]
async fn only_a_changed_attribute_replaces() {
    let prior = state(&[("rule", Value::list([rule("get", 7)]))]);
    let proposed = state(&[
        ("name", "b".into()),
        ("rule", Value::list([rule("get", 7)])),
    ]);
    let config = [name("b"), ("rule", Value::list([rule("get", Value::Null)]))];
    let response = plan(Thing::default(), Some(&prior), Some(&proposed), &config).await;
    fine(&response.diagnostics);
    assert_eq!(replaced(&response), ["name"]);

    let proposed = state(&[("rule", Value::list([rule("put", 7)]))]);
    let config = [name("a"), ("rule", Value::list([rule("put", Value::Null)]))];
    let response = plan(Thing::default(), Some(&prior), Some(&proposed), &config).await;
    fine(&response.diagnostics);
    assert_eq!(replaced(&response), ["rule[0].verb"]);
    assert_eq!(
        planned(&response, "rule"),
        Value::list([rule("put", Value::unknown())])
    );
}

#[tokio::test]
async fn a_block_that_is_taken_away_replaces_where_its_model_says_so() {
    let seals = |number: usize| {
        let seal = Value::object([("colour", Value::from("red"))]);
        ("seal", Value::List(vec![seal; number]))
    };
    let prior = state(&[seals(1)]);
    for (number, expected) in [(1, &[][..]), (0, &["seal"]), (2, &["seal"])] {
        let proposed = state(&[seals(number), ("remark", "new".into())]);
        let config = [name("a"), seals(number), ("remark", "new".into())];
        let response = plan(Thing::default(), Some(&prior), Some(&proposed), &config).await;
        fine(&response.diagnostics);
        assert_eq!(replaced(&response), expected, "{number} of them");
    }
}

fn rule(verb: &str, number: impl Into<Value>) -> Value {
    Value::object([("verb", Value::from(verb)), ("number", number.into())])
}

#[tokio::test]
async fn any_part_of_a_configuration_may_be_unknown() {
    let thing = || Thing {
        plan: |change, _| {
            change.planned.as_mut().unwrap().status = Attr::Known("soon".into());
            terraform_framework::Diagnostics::new()
        },
        ..Thing::default()
    };
    let entry = Value::map([("a", Value::unknown()), ("b", "known".into())]);
    let mixed = Value::list([Value::unknown(), configured("x")]);
    for (attribute, value) in [
        ("labels", entry),
        ("parts", mixed),
        ("shelves", Value::map([("s", Value::unknown())])),
        ("pins", Value::set([Value::unknown(), configured("x")])),
        ("rule", Value::unknown()),
    ] {
        let config = [name("a"), (attribute, value)];
        let response = plan(thing(), None, Some(&config), &config).await;
        fine(&response.diagnostics);
        assert_eq!(planned(&response, "status"), "soon".into());
        assert!(!planned(&response, attribute).is_wholly_known());
    }
}

#[tokio::test]
async fn a_hook_can_give_values_to_elements_of_a_set_that_are_not_known() {
    let thing = || Thing {
        plan: |change, _| {
            for pin in change.planned.as_mut().unwrap().pins.known_mut().unwrap() {
                pin.known_mut().unwrap().serial = Attr::Known("stamped".into());
            }
            terraform_framework::Diagnostics::new()
        },
        ..Thing::default()
    };
    // What Terraform knows of "${x.id}-a" and "${x.id}-b".
    let label = |prefix: &str| {
        Value::from(Refinement {
            is_null: Some(false),
            prefix: Some(prefix.to_owned()),
            ..Refinement::default()
        })
    };
    let pin =
        |label, serial| Value::object([("label", label), ("weight", 5.into()), ("serial", serial)]);
    let one = Value::set([pin(label("a"), Value::Null)]);
    let config = [name("a"), ("pins", one)];
    let response = plan(thing(), None, Some(&config), &config).await;
    fine(&response.diagnostics);
    let expected = Value::set([pin(label("a"), "stamped".into())]);
    assert_eq!(planned(&response, "pins"), expected);

    let same = || pin(Value::unknown(), Value::Null);
    let two = Value::set([pin(label("a"), Value::Null), same(), same()]);
    let config = [name("a"), ("pins", two)];
    let response = plan(thing(), None, Some(&config), &config).await;
    fine(&response.diagnostics);
    let stamped = pin(Value::unknown(), "stamped".into());
    let expected = Value::set([stamped.clone(), stamped.clone(), stamped]);
    assert_eq!(
        planned(&response, "pins"),
        expected,
        "one may not be taken for another"
    );
}

#[tokio::test]
async fn elements_keep_what_is_theirs_by_index_by_key_and_by_value() {
    let prior = state(&[
        ("parts", Value::list([part("x", 5, "one")])),
        (
            "shelves",
            Value::map([("s", part("x", 5, "two")), ("t", part("y", 5, "three"))]),
        ),
        (
            "pins",
            Value::set([part("x", 5, "four"), part("y", 5, "five")]),
        ),
    ]);
    // As Terraform proposes it: computed values of elements that it finds again are the prior ones.
    let proposed = state(&[
        (
            "parts",
            Value::list([part("x", 5, "one"), configured("new")]),
        ),
        (
            "shelves",
            Value::map([("t", part("y", 5, "three")), ("u", configured("new"))]),
        ),
        (
            "pins",
            Value::set([part("y", 5, "five"), configured("new")]),
        ),
    ]);
    let config = [
        name("a"),
        ("parts", Value::list([configured("x"), configured("new")])),
        (
            "shelves",
            Value::map([("t", configured("y")), ("u", configured("new"))]),
        ),
        ("pins", Value::set([configured("y"), configured("new")])),
    ];
    let response = plan(Thing::default(), Some(&prior), Some(&proposed), &config).await;
    fine(&response.diagnostics);
    let new = part("new", 5, Value::unknown());
    assert_eq!(
        planned(&response, "parts"),
        Value::list([part("x", 5, "one"), new.clone()])
    );
    assert_eq!(
        planned(&response, "shelves"),
        Value::map([("t", part("y", 5, "three")), ("u", new.clone())])
    );
    assert_eq!(
        planned(&response, "pins"),
        Value::set([part("y", 5, "five"), new])
    );
}

#[tokio::test]
async fn a_write_only_value_is_not_in_the_plan_and_changes_nothing() {
    let prior = state(&[]);
    let mut proposed = prior.clone();
    proposed.push(("token", "secret".into()));
    let config = [name("a"), ("token", "secret".into())];
    let response = plan(Thing::default(), Some(&prior), Some(&proposed), &config).await;
    fine(&response.diagnostics);
    assert_eq!(response.planned_state, Some(object::<ThingModel>(&prior)));
}

#[tokio::test]
async fn a_hook_sees_the_configuration_with_its_write_only_values() {
    let thing = Thing {
        plan: |_, call| {
            let config: ThingModel = call.config().unwrap();
            Diagnostic::error(config.token.known().unwrap(), "").into()
        },
        ..Thing::default()
    };
    let config = [name("a"), ("token", "seen".into())];
    let response = plan(thing, None, Some(&config), &config).await;
    assert_eq!(only(&response.diagnostics), ": seen: ");
}

#[tokio::test]
async fn a_hook_can_begin_an_update_where_nothing_differs() {
    let thing = Thing {
        plan: |change, _| {
            change.planned.as_mut().unwrap().status = Attr::Unknown;
            terraform_framework::Diagnostics::new()
        },
        ..Thing::default()
    };
    let prior = state(&[("parts", Value::list([part("x", 5, "one")]))]);
    let config = [name("a"), ("parts", Value::list([configured("x")]))];
    let response = plan(thing, Some(&prior), Some(&prior), &config).await;
    fine(&response.diagnostics);
    assert_eq!(planned(&response, "status"), Value::unknown());
    assert_eq!(
        planned(&response, "id"),
        "made".into(),
        "only what the hook says is unknown"
    );
    assert_eq!(
        planned(&response, "parts"),
        Value::list([part("x", 5, "one")])
    );
}

#[tokio::test]
async fn a_hook_can_replace_only_by_what_changes() {
    let thing = || Thing {
        plan: |change, _| {
            change.replace(Path::attribute_name("remark"));
            change.replace(Path::attribute_name("size"));
            terraform_framework::Diagnostics::new()
        },
        ..Thing::default()
    };
    let proposed = state(&[("remark", "new".into())]);
    let config = [name("a"), ("remark", "new".into())];
    let response = plan(thing(), Some(&state(&[])), Some(&proposed), &config).await;
    fine(&response.diagnostics);
    assert_eq!(replaced(&response), ["remark"]);

    let wrong = Thing {
        plan: |change, _| {
            change.replace(Path::attribute_name("colour"));
            terraform_framework::Diagnostics::new()
        },
        ..Thing::default()
    };
    let response = plan(wrong, Some(&state(&[])), Some(&proposed), &config).await;
    assert!(only(&response.diagnostics).contains("Nothing is at colour"));
}

#[tokio::test]
async fn a_hook_replaces_nothing_by_what_is_inside_null_before_and_after() {
    let thing = || Thing {
        plan: |change, _| {
            let part = Path::attribute_name("shelves").key("s");
            change.replace(part.attribute("label"));
            terraform_framework::Diagnostics::new()
        },
        ..Thing::default()
    };
    let proposed = state(&[("remark", "new".into())]);
    let config = [name("a"), ("remark", "new".into())];
    let response = plan(thing(), Some(&state(&[])), Some(&proposed), &config).await;
    fine(&response.diagnostics);
    assert_eq!(replaced(&response), Vec::<String>::new());

    let shelves = |part| ("shelves", Value::map([("s", part)]));
    let proposed = state(&[shelves(configured("x"))]);
    let config = [name("a"), shelves(configured("x"))];
    let response = plan(thing(), Some(&state(&[])), Some(&proposed), &config).await;
    fine(&response.diagnostics);
    assert_eq!(replaced(&response), ["shelves[\"s\"].label"]);
}

#[tokio::test]
async fn what_a_model_cannot_hold_survives_the_hook() {
    let thing = Thing {
        plan: |change, _| {
            change.planned.as_mut().unwrap().status = Attr::Known("soon".into());
            terraform_framework::Diagnostics::new()
        },
        ..Thing::default()
    };
    let refined = Value::from(Refinement {
        is_null: Some(false),
        ..Refinement::default()
    });
    let dynamic = Value::Dynamic(Box::new(Type::String), Box::new("free".into()));
    let config = [
        name("a"),
        ("remark", refined.clone()),
        ("anything", dynamic.clone()),
    ];
    let response = plan(thing, None, Some(&config), &config).await;
    fine(&response.diagnostics);
    assert_eq!(planned(&response, "remark"), refined);
    assert_eq!(planned(&response, "anything"), dynamic);
    assert_eq!(planned(&response, "status"), "soon".into());
}

#[tokio::test]
async fn a_changed_configured_value_is_found_before_terraform_finds_it() {
    let thing = Thing {
        plan: |change, _| {
            change.planned.as_mut().unwrap().name = Attr::Known("other".into());
            terraform_framework::Diagnostics::new()
        },
        ..Thing::default()
    };
    let config = [name("a")];
    let response = plan(thing, None, Some(&config), &config).await;
    let found = only(&response.diagnostics);
    assert!(
        found.starts_with("name: ") && found.contains("A configured value must"),
        "{found}"
    );
}

#[tokio::test]
async fn a_computed_attribute_is_free_also_where_its_changes_are_ignored() {
    let prior = state(&[]);
    let proposed = state(&[("remark", "new".into())]);
    // Terraform copies what is in `ignore_changes` from the prior state into the configuration.
    let config = [
        name("a"),
        ("remark", "new".into()),
        ("status", "ready".into()),
    ];
    let response = plan(Thing::default(), Some(&prior), Some(&proposed), &config).await;
    fine(&response.diagnostics);
    assert_eq!(planned(&response, "status"), Value::unknown());
}

#[tokio::test]
async fn a_value_for_what_is_not_computed_is_found() {
    let thing = Thing {
        plan: |change, _| {
            change.planned.as_mut().unwrap().remark = Attr::Known("mine".into());
            terraform_framework::Diagnostics::new()
        },
        ..Thing::default()
    };
    let config = [name("a")];
    let response = plan(thing, None, Some(&config), &config).await;
    let found = only(&response.diagnostics);
    assert!(
        found.starts_with("remark: ") && found.contains("not computed"),
        "{found}"
    );
}

#[tokio::test]
async fn a_changed_element_is_found_by_its_path() {
    let thing = Thing {
        plan: |change, _| {
            if let Attr::Known(shelves) = &mut change.planned.as_mut().unwrap().shelves {
                let part = shelves.get_mut("s").unwrap().known_mut().unwrap();
                part.label = Attr::Known("other".into());
            }
            terraform_framework::Diagnostics::new()
        },
        ..Thing::default()
    };
    let config = [name("a"), ("shelves", Value::map([("s", configured("x"))]))];
    let response = plan(thing, None, Some(&config), &config).await;
    assert!(only(&response.diagnostics).starts_with("shelves[\"s\"].label: "));
}

#[tokio::test]
async fn a_changed_element_of_a_set_is_found() {
    let thing = Thing {
        plan: |change, _| {
            if let Attr::Known(pins) = &mut change.planned.as_mut().unwrap().pins {
                let pin = pins.iter_mut().next().unwrap();
                pin.known_mut().unwrap().label = Attr::Known("other".into());
            }
            terraform_framework::Diagnostics::new()
        },
        ..Thing::default()
    };
    let config = [
        name("a"),
        ("pins", Value::set([configured("x"), configured("y")])),
    ];
    let response = plan(thing, None, Some(&config), &config).await;
    assert!(only(&response.diagnostics).starts_with("pins: "));
}

#[tokio::test]
async fn a_write_only_value_in_the_plan_is_found_and_not_said() {
    let thing = Thing {
        plan: |change, call| {
            let config: ThingModel = call.config().unwrap();
            change.planned.as_mut().unwrap().token = config.token;
            terraform_framework::Diagnostics::new()
        },
        ..Thing::default()
    };
    let config = [name("a"), ("token", "secret".into())];
    let response = plan(thing, None, Some(&config), &config).await;
    let found = only(&response.diagnostics);
    assert!(
        found.starts_with("token: ") && found.contains("write-only"),
        "{found}"
    );
    assert!(!found.contains("secret"));
}

#[tokio::test]
async fn a_destroy_is_planned_as_null_and_can_be_refused() {
    let response = plan(Thing::default(), Some(&state(&[])), None, &[]).await;
    fine(&response.diagnostics);
    assert_eq!(response.planned_state, Some(null()));

    let protected = Thing {
        plan: |change, _| match change.planned {
            None => Diagnostic::error("Protected", "").into(),
            Some(_) => terraform_framework::Diagnostics::new(),
        },
        ..Thing::default()
    };
    let response = plan(protected, Some(&state(&[])), None, &[]).await;
    assert_eq!(only(&response.diagnostics), ": Protected: ");
}

#[tokio::test]
async fn a_panic_in_the_hook_is_a_diagnostic() {
    let thing = Thing {
        plan: |_, _| panic!("no idea"),
        ..Thing::default()
    };
    let config = [name("a")];
    let response = plan(thing, None, Some(&config), &config).await;
    let found = only(&response.diagnostics);
    assert!(
        found.contains("panicked while planning trial_thing; this is a bug"),
        "{found}"
    );
    assert!(found.contains("no idea"), "{found}");
}

#[tokio::test]
async fn a_deferral_needs_a_terraform_that_allows_it() {
    let thing = Thing {
        plan: |_, call| {
            call.defer(terraform_framework::Deferral::ProviderConfigUnknown);
            terraform_framework::Diagnostics::new()
        },
        ..Thing::default()
    };
    let config = [name("a")];
    let response = plan(thing, None, Some(&config), &config).await;
    assert!(only(&response.diagnostics).contains("cannot put off"));
}

#[tokio::test]
async fn a_plan_is_put_off_where_terraform_allows_it() {
    let thing = Thing {
        plan: |_, call| {
            assert!(call.deferral_allowed());
            call.defer(terraform_framework::Deferral::ResourceConfigUnknown);
            terraform_framework::Diagnostics::new()
        },
        ..Thing::default()
    };
    let config = object::<ThingModel>(&[name("a")]);
    let request = Request {
        type_name: "trial_thing".into(),
        prior_state: Some(null()),
        proposed_new_state: Some(config.clone()),
        config: Some(config),
        client_capabilities: Some(ClientCapabilities {
            deferral_allowed: true,
            ..ClientCapabilities::default()
        }),
        ..Request::default()
    };
    let server = serve(thing);
    let answer = server.plan_resource_change(tonic::Request::new(request));
    let response = answer.await.unwrap().into_inner();
    fine(&response.diagnostics);
    assert_eq!(
        response.deferred.unwrap().reason(),
        Reason::ResourceConfigUnknown
    );
}

#[tokio::test]
async fn a_panic_in_a_modifier_is_an_error_of_that_call() {
    let config = [name("a"), ("remark", "panic later".into())];
    let response = plan(Thing::default(), None, Some(&config), &config).await;
    let found = only(&response.diagnostics);
    assert!(
        found.contains("panicked while planning trial_thing") && found.contains("I am a modifier"),
        "{found}"
    );
}
