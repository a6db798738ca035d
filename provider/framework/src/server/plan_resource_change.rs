//! Plans a create, an update or a destroy. Does nothing else, and plans the same when asked again.

use std::sync::Arc;

use super::catalog::{Catalog, KnownResource, answered, deferred};
use super::conformance::{Rule, check_planned};
use super::guard::{guarded, guarded_now};
use super::planning::{draft, replaced_paths};
use crate::call::Private;
use crate::convert::{self, path, value};
use crate::proto::tfplugin6::plan_resource_change::{Request, Response};
use crate::proto::tfplugin6::{AttributePath, DynamicValue};
use crate::{Call, Change, Diagnostics, Path, Value};

pub(super) async fn answer(catalog: Arc<Catalog>, request: Request) -> Response {
    let mut call = catalog.call(request.client_capabilities.as_ref());
    let result = plan(&catalog, &request, &mut call).await;
    let mut response = Response {
        planned_private: call.private().to_bytes(),
        planned_identity: request.prior_identity,
        ..Default::default()
    };
    let diagnostics = match result {
        Ok(plan) => {
            response.planned_state = Some(plan.planned_state);
            response.requires_replace = plan.requires_replace;
            plan.diagnostics
        }
        Err(diagnostics) => {
            response.planned_state = request.prior_state;
            diagnostics
        }
    };
    match deferred(&call) {
        Ok(deferred) => response.deferred = deferred,
        Err(not_allowed) => response.diagnostics = convert::diagnostic::to_proto(not_allowed),
    }
    response.diagnostics.extend(answered(&call, diagnostics));
    response
}

struct Plan {
    planned_state: DynamicValue,
    requires_replace: Vec<AttributePath>,
    diagnostics: Diagnostics,
}

async fn plan(catalog: &Catalog, request: &Request, call: &mut Call) -> Result<Plan, Diagnostics> {
    let resource = catalog.resource(&request.type_name)?;
    let value_type = &resource.described.value_type;
    let prior = value::object_from_proto(request.prior_state.as_ref(), value_type)?;
    let proposed = value::object_from_proto(request.proposed_new_state.as_ref(), value_type)?;
    let config = value::from_proto(request.config.as_ref(), value_type)?;
    call.set_private(Private::from_bytes(&request.prior_private)?);
    call.set_config(config.clone());
    match proposed {
        None => plan_destroy(resource, prior, call).await,
        Some(proposed) => {
            let kept = request
                .prior_state
                .as_ref()
                .filter(|state| !state.msgpack.is_empty());
            plan_state(resource, &config, prior, proposed, kept, call).await
        }
    }
}

async fn plan_destroy(
    resource: &KnownResource,
    prior: Option<Value>,
    call: &Call,
) -> Result<Plan, Diagnostics> {
    let mut change = Change::new(prior, None, None);
    let diagnostics = run_hook(resource, &mut change, call).await?;
    if change.planned.is_some() {
        return Err(Rule::PlannedInDestroy.broken_at(&Path::root()).into());
    }
    Ok(Plan {
        planned_state: value::null(),
        requires_replace: Vec::new(),
        diagnostics,
    })
}

/// `kept` is the prior state as it came: the answer where the plan is empty.
async fn plan_state(
    resource: &KnownResource,
    config: &Value,
    prior: Option<Value>,
    proposed: Value,
    kept: Option<&DynamicValue>,
    call: &Call,
) -> Result<Plan, Diagnostics> {
    let members = resource.described.members();
    let doing = planning(resource);
    let draft = guarded_now(&doing, || draft(members, config, prior.as_ref(), proposed))?;
    let mut diagnostics = draft.diagnostics.into_result()?;
    let mut change = Change::new(prior, Some(draft.planned), Some(config.clone()));
    for path in draft.replaced_by {
        change.replace(path);
    }
    diagnostics.append(run_hook(resource, &mut change, call).await?);

    let replaced_by = change.replaced_by().to_vec();
    let (prior, Some(planned)) = (change.prior, change.planned) else {
        return Err(Rule::DestroyedInPlan.broken_at(&Path::root()).into());
    };
    check_planned(members, config, prior.as_ref(), &planned).into_result()?;
    let requires_replace = match &prior {
        Some(prior) => replaced_paths(&replaced_by, prior, &planned)?,
        None => Vec::new(),
    };
    let planned_state = match kept {
        Some(kept) if prior.as_ref() == Some(&planned) => kept.clone(),
        _ => value::to_proto(&planned, &resource.described.value_type)?,
    };
    Ok(Plan {
        planned_state,
        requires_replace: requires_replace.iter().map(path::to_proto).collect(),
        diagnostics,
    })
}

async fn run_hook(
    resource: &KnownResource,
    change: &mut Change<Value>,
    call: &Call,
) -> Result<Diagnostics, Diagnostics> {
    let boxed = &resource.described.item.0;
    guarded(&planning(resource), boxed.plan(change, call))
        .await?
        .into_result()
}

/// What the provider is doing, for when it panics.
fn planning(resource: &KnownResource) -> String {
    format!("planning {}", resource.described.item.0.name())
}
