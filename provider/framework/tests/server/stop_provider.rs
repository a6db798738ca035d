use terraform_framework::proto::tfplugin6::provider_server::Provider;
use terraform_framework::proto::tfplugin6::{
    apply_resource_change, configure_provider, stop_provider, validate_provider_config,
};
use terraform_framework::{Diagnostic, Diagnostics, Failure, ProviderServer, Value};

use crate::thing::{Thing, ThingModel, serve};
use crate::wire::{attribute, fine, null, object, only};

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

async fn stop(server: &ProviderServer) {
    let request = tonic::Request::new(stop_provider::Request::default());
    let stopped = server.stop_provider(request).await.unwrap();
    assert_eq!(stopped.into_inner().error, "");
}

async fn configure(server: &ProviderServer) {
    let request = configure_provider::Request {
        config: Some(object::<()>(&[])),
        ..Default::default()
    };
    let request = tonic::Request::new(request);
    let configured = server.configure_provider(request).await.unwrap();
    fine(&configured.into_inner().diagnostics);
}

async fn validate(server: &ProviderServer) {
    let request = validate_provider_config::Request {
        config: Some(object::<()>(&[])),
    };
    let request = tonic::Request::new(request);
    let validated = server.validate_provider_config(request).await.unwrap();
    fine(&validated.into_inner().diagnostics);
}

/// A thing whose creation fails where it is told to stop.
fn stoppable() -> Thing {
    Thing {
        create: |planned, call| {
            if call.cancellation().is_cancelled() {
                return Err(Diagnostic::error("Stopped", "").into());
            }
            Ok(crate::thing::made(planned))
        },
        ..Thing::default()
    }
}

async fn was_stopped(server: &ProviderServer) -> bool {
    let created = server.apply_resource_change(create()).await.unwrap();
    !created.into_inner().diagnostics.is_empty()
}

#[tokio::test]
async fn running_calls_are_told_to_stop_and_return_what_is_true_so_far() {
    let server = serve(Thing {
        waits: true,
        ..Thing::default()
    });
    let (created, ()) = tokio::join!(server.apply_resource_change(create()), stop(&server));
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
            Err(Failure::with_state(crate::thing::made(planned), stopped))
        },
        ..Thing::default()
    });
    stop(&server).await;
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

#[tokio::test]
async fn a_stop_is_over_with_the_run_that_it_stopped() {
    let server = serve(stoppable());
    configure(&server).await;
    assert!(!was_stopped(&server).await);
    stop(&server).await;
    assert!(was_stopped(&server).await);
    configure(&server).await;
    assert!(!was_stopped(&server).await);
    stop(&server).await;
    validate(&server).await;
    assert!(!was_stopped(&server).await);
}

#[tokio::test]
async fn no_run_begins_in_a_process_that_ends() {
    let server = serve(stoppable());
    server.cancellation().cancel();
    configure(&server).await;
    assert!(was_stopped(&server).await);
}
