//! Creates, updates and deletes.
//!
//! Terraform saves the state that comes beside an error: as tainted after a create, as it is after an update. So an
//! error always comes with what is true now, and an update or a delete of which nothing is known leaves the state
//! that was there.

use std::sync::Arc;

use super::catalog::{Catalog, KnownResource, answered};
use super::conformance::{check_applied, settled};
use super::guard::guarded;
use super::resource_identity;
use crate::call::Private;
use crate::convert::value;
use crate::proto::tfplugin6::apply_resource_change::{Request, Response};
use crate::proto::tfplugin6::{DynamicValue, ResourceIdentityData};
use crate::{Call, Diagnostic, Diagnostics, Failure, Value};

pub(super) async fn answer(catalog: Arc<Catalog>, request: Request) -> Response {
    let mut call = catalog.call(None);
    let result = apply(&catalog, &request, &mut call).await;
    let (new_state, private, new_identity, diagnostics) = match result {
        Ok(applied) => {
            let private = call.private().to_bytes();
            (
                Some(applied.new_state),
                private,
                applied.new_identity,
                applied.diagnostics,
            )
        }
        // Nothing was done: the call could not be understood.
        Err(diagnostics) => {
            let identity = request.planned_identity;
            (
                request.prior_state,
                request.planned_private,
                identity,
                diagnostics,
            )
        }
    };
    Response {
        new_state,
        private,
        new_identity,
        diagnostics: answered(&call, diagnostics),
        legacy_type_system: false,
    }
}

struct Applied {
    new_state: DynamicValue,
    new_identity: Option<ResourceIdentityData>,
    diagnostics: Diagnostics,
}

/// What is there after an attempt, and what went wrong.
struct Outcome {
    state: Option<Value>,
    diagnostics: Diagnostics,
}

async fn apply(
    catalog: &Catalog,
    request: &Request,
    call: &mut Call,
) -> Result<Applied, Diagnostics> {
    let resource = catalog.resource(&request.type_name)?;
    let value_type = &resource.described.value_type;
    let prior = value::object_from_proto(request.prior_state.as_ref(), value_type)?;
    let planned = value::object_from_proto(request.planned_state.as_ref(), value_type)?;
    call.set_private(Private::from_bytes(&request.planned_private)?);
    call.set_config(value::from_proto(request.config.as_ref(), value_type)?);

    let Outcome {
        state,
        mut diagnostics,
    } = match (prior, planned) {
        (None, Some(planned)) => create(resource, planned, call).await,
        (Some(prior), Some(planned)) => update(resource, prior, planned, call).await,
        (Some(prior), None) => delete(resource, prior, call).await,
        (None, None) => Outcome {
            state: None,
            diagnostics: Diagnostics::new(),
        },
    };
    let Some(state) = state else {
        return Ok(Applied {
            new_state: value::null(),
            new_identity: None,
            diagnostics,
        });
    };
    let known_identity = request.planned_identity.as_ref();
    let new_identity = match resource_identity::of_state(resource, known_identity, &state).await {
        Ok(identity) => identity,
        Err(wrong) => {
            // A partial state may not tell an identity yet: that is no error of its own.
            if !diagnostics.has_error() {
                diagnostics.append(wrong);
            }
            request.planned_identity.clone()
        }
    };
    let new_state = match value::to_proto(&state, value_type) {
        Ok(new_state) => new_state,
        Err(unwritable) => {
            diagnostics.append(unwritable);
            request.prior_state.clone().unwrap_or_else(value::null)
        }
    };
    Ok(Applied {
        new_state,
        new_identity,
        diagnostics,
    })
}

async fn create(resource: &KnownResource, planned: Value, call: &Call) -> Outcome {
    let boxed = &resource.described.item.0;
    let doing = format!("creating {}", boxed.name());
    let created = guarded(&doing, boxed.create(planned.clone(), call)).await;
    outcome(resource, &planned, None, created, call)
}

async fn update(resource: &KnownResource, prior: Value, planned: Value, call: &Call) -> Outcome {
    let boxed = &resource.described.item.0;
    let doing = format!("updating {}", boxed.name());
    let updated = guarded(&doing, boxed.update(prior.clone(), planned.clone(), call)).await;
    outcome(resource, &planned, Some(prior), updated, call)
}

async fn delete(resource: &KnownResource, prior: Value, call: &Call) -> Outcome {
    let boxed = &resource.described.item.0;
    let doing = format!("deleting {}", boxed.name());
    match guarded(&doing, boxed.delete(prior.clone(), call)).await {
        Ok(Ok(())) => Outcome {
            state: None,
            diagnostics: Diagnostics::new(),
        },
        Ok(Err(failure)) => failed(resource, failure, Some(prior)),
        Err(panic) => failed(resource, panic.into(), Some(prior)),
    }
}

fn outcome(
    resource: &KnownResource,
    planned: &Value,
    prior: Option<Value>,
    applied: Result<Result<Value, Failure<Value>>, Diagnostic>,
    call: &Call,
) -> Outcome {
    match applied {
        Ok(Ok(new)) => {
            let members = resource.described.members();
            let diagnostics = check_applied(members, planned, &new);
            Outcome {
                state: Some(settled(members, new)),
                diagnostics,
            }
        }
        Ok(Err(failure)) => failed(resource, failure, prior),
        Err(panic) => {
            let failure = Failure {
                state: call.take_remembered().map(Box::new),
                diagnostics: panic.into(),
            };
            failed(resource, failure, prior)
        }
    }
}

fn failed(resource: &KnownResource, failure: Failure<Value>, prior: Option<Value>) -> Outcome {
    let Failure {
        state,
        mut diagnostics,
    } = failure;
    if !diagnostics.has_error() {
        // Without an error Terraform would take the failure for a success, and drop what a delete left.
        diagnostics.push(Diagnostic::error(
            format!(
                "{} failed, and did not say why",
                resource.described.item.name()
            ),
            "This is a bug in the provider.",
        ));
    }
    let state = state
        .map(|state| settled(resource.described.members(), *state))
        .or(prior);
    Outcome { state, diagnostics }
}
