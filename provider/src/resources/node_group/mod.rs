//! `coe_node_group`: a group of nodes beside a cluster's own pool.

mod model;
mod spec;

use std::time::Duration;

use async_trait::async_trait;
use coe_engine::engine::Engine;
use coe_engine::error::Failure as EngineFailure;
use coe_engine::model::{ClusterId, GroupName, NodeGroupSpec};
use terraform_framework::timeouts::Operation as Kind;
use terraform_framework::{
    Attr, Call, Change, Diagnostic, Diagnostics, Failure, Identity, IdentitySchema, ImportTarget,
    ImportUse, Resource,
};

use super::arguments::Missing;
use model::NodeGroupModel;
use spec::{Request, group_name};

use crate::diagnostics::{failed, failed_operation, findings};
use crate::operation::{LOOK_TIMEOUT, cluster_id, find_cluster, limit, look, operation};
use crate::provider::{EngineSlot, Reach};

/// A group of nodes beside a cluster's own pool.
pub(crate) struct NodeGroup {
    pub(crate) engine: EngineSlot,
}

const CREATE_TIMEOUT: Duration = Duration::from_mins(20);
const READ_TIMEOUT: Duration = Duration::from_mins(2);
const UPDATE_TIMEOUT: Duration = Duration::from_mins(30);
const DELETE_TIMEOUT: Duration = Duration::from_mins(15);

#[async_trait]
impl Resource for NodeGroup {
    type Model = NodeGroupModel;

    const NAME: &'static str = "coe_node_group";

    async fn validate(&self, config: &Self::Model, _call: &Call) -> Diagnostics {
        let mut found: Diagnostics = config.check_bounds().into_iter().collect();
        match config.request() {
            Ok(Request::Known(_) | Request::NotYet) => {}
            Err(wrong) => found.append(wrong),
        }
        if let Ok(name) = group_name(&config.name) {
            let wrong = Engine::check_group_name(&name);
            found.append(findings(wrong.into_iter().collect()));
        }
        found
    }

    async fn create(
        &self,
        planned: Self::Model,
        call: &Call,
    ) -> Result<Self::Model, Failure<Self::Model>> {
        let engine = self.engine.configured()?;
        let cluster = cluster_id(&planned.cluster_id, "cluster_id")?;
        let spec = known(&planned)?;
        let limit = limit(&planned.timeouts, Kind::Create, CREATE_TIMEOUT);
        match engine
            .add_group(cluster, &spec, &operation(call, limit))
            .await
        {
            Ok(seen) => Ok(planned.observed(cluster, &spec.name, &seen)),
            Err(failure) => {
                let what = "The group of nodes could not be added";
                Err(failed_operation(what, &failure).into())
            }
        }
    }

    async fn read(
        &self,
        state: Self::Model,
        call: &Call,
    ) -> Result<Option<Self::Model>, Diagnostics> {
        let engine = self.engine.configured()?;
        let cluster = cluster_id(&state.cluster_id, "cluster_id")?;
        let name = name_in_state(&state.name)?;
        let limit = limit(&state.timeouts, Kind::Read, READ_TIMEOUT);
        let read = async {
            let read = engine.read_group(cluster, &name).await;
            read.map_err(failed("The group of nodes could not be looked at"))
        };
        let seen = look(call, limit, read).await?;
        Ok(seen.map(|seen| state.drifted(&seen).observed(cluster, &name, &seen)))
    }

    async fn update(
        &self,
        prior: Self::Model,
        planned: Self::Model,
        call: &Call,
    ) -> Result<Self::Model, Failure<Self::Model>> {
        let engine = self.engine.configured()?;
        let cluster = cluster_id(&prior.cluster_id, "cluster_id")?;
        let spec = known(&planned)?;
        if !planned.status.is_unknown() {
            // The plan was to change nothing of the group: what has happened to it since is the next plan's.
            return Ok(planned);
        }
        let limit = limit(&planned.timeouts, Kind::Update, UPDATE_TIMEOUT);
        match engine
            .update_group(cluster, &spec, &operation(call, limit))
            .await
        {
            Ok(seen) => Ok(planned.observed(cluster, &spec.name, &seen)),
            Err(failure) => {
                let what = "The group of nodes could not be changed";
                Err(unfinished(
                    &engine, what, prior, cluster, &spec.name, failure,
                ))
            }
        }
    }

    async fn delete(&self, state: Self::Model, call: &Call) -> Result<(), Failure<Self::Model>> {
        let engine = self.engine.configured()?;
        let cluster = cluster_id(&state.cluster_id, "cluster_id")?;
        let name = name_in_state(&state.name)?;
        let limit = limit(&state.timeouts, Kind::Delete, DELETE_TIMEOUT);
        engine
            .remove_group(cluster, &name, &operation(call, limit))
            .await
            .map_err(|failure| {
                let what = "The group of nodes could not be removed";
                unfinished(&engine, what, state, cluster, &name, failure)
            })
    }

    async fn plan(&self, change: &mut Change<Self::Model>, call: &Call) -> Diagnostics {
        let Some(planned) = &mut change.planned else {
            return Diagnostics::new();
        };
        let config = change.config.as_ref();
        if config.is_some_and(|config| config.node_count.is_null()) {
            planned.choose_count(change.prior.as_ref());
        }
        if let Some(prior) = &change.prior {
            planned.announce(prior);
        }
        let check = self.check(planned);
        let mut diagnostics = look(call, LOOK_TIMEOUT, check)
            .await
            .unwrap_or_else(|refused| refused);
        if let Some(prior) = &change.prior {
            if planned.wants_the_same_as(prior) {
                // Nobody asked for anything: what is in the way must not be in the way of a destroy, which plans this
                // first.
                diagnostics = diagnostics
                    .into_iter()
                    .map(Diagnostic::into_warning)
                    .collect();
            }
            diagnostics.append(planned.put_off(prior).into_iter().collect());
        }
        diagnostics.append(planned.check_bounds().into_iter().collect());
        diagnostics
    }

    async fn import(&self, target: ImportTarget, call: &Call) -> Result<Self::Model, Diagnostics> {
        let engine = self.engine.configured()?;
        let (cluster, name) = match target {
            ImportTarget::Id(wanted) => wanted
                .split_once('/')
                .map(|(cluster, name)| (cluster.to_owned(), name.to_owned()))
                .ok_or_else(|| wrong_import(&wanted))?,
            ImportTarget::Identity(identity) => (
                identity.get::<String>("cluster_id")?,
                identity.get::<String>("name")?,
            ),
        };
        let cluster = find_cluster(&engine, &cluster, call).await?;
        let group = name_in_state(&name.clone().into())?;
        let seen = engine
            .group_in(&cluster, &group)
            .map_err(failed("The group of nodes could not be looked up"))?;
        let Some(seen) = seen.filter(|seen| seen.spec.is_some()) else {
            return Err(Diagnostic::error(
                format!("There is no group {name}"),
                "The cluster is there, and has no group of nodes of that name that was ever finished.",
            )
            .into());
        };
        Ok(NodeGroupModel::unread(&name)
            .drifted(&seen)
            .observed(cluster.id(), &group, &seen))
    }

    fn identity_schema(&self) -> Option<IdentitySchema> {
        let schema = IdentitySchema::new();
        let schema = schema.attribute::<String>(
            "cluster_id",
            ImportUse::Required,
            "The cluster that the group belongs to.",
        );
        Some(schema.attribute::<String>("name", ImportUse::Required, "The group's name."))
    }

    fn identity(&self, state: &Self::Model) -> Option<Identity> {
        let identity = Identity::new().with("cluster_id", state.cluster_id.known()?.clone());
        Some(identity.with("name", state.name.known()?.clone()))
    }
}

impl NodeGroup {
    /// What can be known to be wrong with the group before the apply.
    async fn check(&self, planned: &NodeGroupModel) -> Result<Diagnostics, Diagnostics> {
        let Reach::Configured(engine) = self.engine.reach() else {
            return Ok(Diagnostics::new());
        };
        let Request::Known(spec) = planned.request()? else {
            return Ok(Diagnostics::new());
        };
        if planned.cluster_id.is_unknown() {
            return Ok(Diagnostics::new());
        }
        let cluster = cluster_id(&planned.cluster_id, "cluster_id")?;
        let checked = engine.check_group(cluster, &spec).await;
        let found = checked.map_err(failed("The group of nodes cannot be planned"))?;
        Ok(findings(found))
    }
}

fn wrong_import(given: &str) -> Diagnostics {
    Diagnostic::error(
        "A group of nodes is imported as <cluster>/<group>",
        format!("The cluster by its id or its name, the group by its name: demo/large, and not {given:?}."),
    )
    .into()
}

fn name_in_state(name: &Attr<String>) -> Result<GroupName, Diagnostics> {
    group_name(name).map_err(|missing| match missing {
        Missing::Wrong(diagnostics) => diagnostics,
        Missing::NotYet => not_known(),
    })
}

/// What was planned, which is known in full by the time of apply.
fn known(planned: &NodeGroupModel) -> Result<NodeGroupSpec, Diagnostics> {
    match planned.request()? {
        Request::Known(spec) => Ok(*spec),
        Request::NotYet => Err(not_known()),
    }
}

fn not_known() -> Diagnostics {
    Diagnostic::error(
        "A value of the group is not known",
        "Terraform asked to apply a group of nodes of which a value is still unknown. This is a bug in the provider or \
         in Terraform.",
    )
    .into()
}

/// What is true after an operation that failed, and why it failed.
fn unfinished(
    engine: &Engine,
    what: &'static str,
    before: NodeGroupModel,
    cluster: ClusterId,
    name: &GroupName,
    failure: EngineFailure,
) -> Failure<NodeGroupModel> {
    let diagnostics = failed_operation(what, &failure);
    let seen = failure
        .cluster
        .and_then(|observed| engine.group_in(&observed, name).ok().flatten());
    match seen {
        Some(seen) => {
            let state = before.drifted(&seen).observed(cluster, name, &seen);
            Failure::with_state(state, diagnostics)
        }
        None => diagnostics.into(),
    }
}
