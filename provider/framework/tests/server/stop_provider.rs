use terraform_framework::proto::tfplugin6::provider_server::Provider;
use terraform_framework::proto::tfplugin6::{apply_resource_change, stop_provider};
use terraform_framework::{Diagnostics, Value};

use crate::thing::{Thing, ThingModel, serve};
use crate::wire::{attribute, null, object, only};

fn create() -> tonic::Request<apply_resource_change::Request> {
    let planned = [
        ("name", "a".into()),
        ("id", Value::unknown()),
        ("status", Value::unknown()),
    ];
    tonic::Request::new(apply_resource_change::Request {
        type_name: "trial_thing".into(),
        prior_state: Some(null()),
        planned_state: Some(object::<ThingModel>(&planned)),
        ..Default::default()
    })
}

#[tokio::test]
async fn running_calls_are_told_to_stop_and_return_what_is_true_so_far() {
    let server = serve(Thing {
        waits: true,
        ..Thing::default()
    });
    let stop = async {
        let request = tonic::Request::new(stop_provider::Request::default());
        assert_eq!(
            server
                .stop_provider(request)
                .await
                .unwrap()
                .into_inner()
                .error,
            ""
        );
    };
    let (created, ()) = tokio::join!(server.apply_resource_change(create()), stop);
    let created = created.unwrap().into_inner();
    assert_eq!(only(&created.diagnostics), ": Stopped: ");
    assert_eq!(
        attribute::<ThingModel>(created.new_state.as_ref(), "id"),
        "half".into()
    );
}

#[tokio::test]
async fn a_call_that_starts_after_the_stop_knows_at_once() {
    let server = serve(Thing {
        create: |planned, call| {
            assert!(call.cancellation().is_cancelled());
            let stopped = Diagnostics::new();
            Err(terraform_framework::Failure::with_state(
                crate::thing::made(planned),
                stopped,
            ))
        },
        ..Thing::default()
    });
    server.cancellation().cancel();
    let created = server
        .apply_resource_change(create())
        .await
        .unwrap()
        .into_inner();
    assert!(only(&created.diagnostics).contains("did not say why"));
    assert_eq!(
        attribute::<ThingModel>(created.new_state.as_ref(), "id"),
        "made".into()
    );
}
