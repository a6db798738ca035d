//! `coe_container_cluster`: a cluster of nodes that runs one container orchestration engine.

mod baseline;
mod model;
mod observed;
mod plan;
mod spec;

use std::time::Duration;

use async_trait::async_trait;
use coe_engine::cluster::Cluster;
use coe_engine::error::Failure as EngineFailure;
use coe_engine::model::{ClusterSpec, OnCreateFailure};
use terraform_framework::timeouts::Operation as Kind;
use terraform_framework::{
    Call, Change, Diagnostic, Diagnostics, Failure, Identity, IdentitySchema, ImportTarget,
    ImportUse, Resource,
};

use model::ContainerClusterModel;
pub(crate) use model::NodeModel;
pub(crate) use observed::node_models;
use spec::Request;

use crate::diagnostics::{failed, failed_operation, sentence};
use crate::known_clusters::KnownClusters;
use crate::operation::{LOOK_TIMEOUT, cluster_id, find_cluster, limit, look, operation};
use crate::provider::EngineSlot;

/// A cluster of nodes that runs one container orchestration engine.
pub(crate) struct ContainerCluster {
    pub(crate) engine: EngineSlot,
    pub(crate) known: KnownClusters,
}

const NOT_MADE: &str = "The cluster could not be made";

/// How long an operation may take where `timeouts` does not say.
mod default_timeout {
    use super::Duration;

    pub(super) const CREATE: Duration = Duration::from_mins(20);
    pub(super) const READ: Duration = Duration::from_mins(2);
    pub(super) const UPDATE: Duration = Duration::from_mins(30);
    pub(super) const DELETE: Duration = Duration::from_mins(10);
}

#[async_trait]
impl Resource for ContainerCluster {
    type Model = ContainerClusterModel;

    const NAME: &'static str = "coe_container_cluster";

    async fn validate(&self, config: &Self::Model, _call: &Call) -> Diagnostics {
        plan::validate(config)
    }

    async fn plan(&self, change: &mut Change<Self::Model>, call: &Call) -> Diagnostics {
        look(call, LOOK_TIMEOUT, self.plan_change(change, call))
            .await
            .unwrap_or_else(|refused| refused)
    }

    async fn create(
        &self,
        planned: Self::Model,
        call: &Call,
    ) -> Result<Self::Model, Failure<Self::Model>> {
        let engine = self.engine.configured()?;
        let spec = known(&planned)?;
        let on_failure = planned.on_failure();
        let limit = limit(&planned.timeouts, Kind::Create, default_timeout::CREATE);
        match engine
            .create(&spec, on_failure, &operation(call, limit))
            .await
        {
            Ok(cluster) => Ok(observed(planned, &cluster, call)),
            Err(failed) if on_failure == OnCreateFailure::Keep => {
                kept(planned, &failed, call).map_err(Failure::from)
            }
            Err(failed) => Err(unfinished(NOT_MADE, planned, failed, call)),
        }
    }

    async fn read(
        &self,
        state: Self::Model,
        call: &Call,
    ) -> Result<Option<Self::Model>, Diagnostics> {
        let engine = self.engine.configured()?;
        let id = cluster_id(&state.id, "id")?;
        self.known.insert(id);
        let limit = limit(&state.timeouts, Kind::Read, default_timeout::READ);
        let read = async {
            let read = engine.read(id).await;
            read.map_err(failed("The cluster could not be looked at"))
        };
        let found = look(call, limit, read).await?;
        Ok(found.map(|cluster| refreshed(state, &cluster, call)))
    }

    async fn update(
        &self,
        prior: Self::Model,
        planned: Self::Model,
        call: &Call,
    ) -> Result<Self::Model, Failure<Self::Model>> {
        let engine = self.engine.configured()?;
        let id = cluster_id(&prior.id, "id")?;
        let spec = known(&planned)?;
        if !planned.nodes.is_unknown() {
            // The plan was to change nothing of the cluster: what has happened to it since is the next plan's.
            return Ok(planned);
        }
        let limit = limit(&planned.timeouts, Kind::Update, default_timeout::UPDATE);
        match engine.update(id, &spec, &operation(call, limit)).await {
            Ok(cluster) => Ok(observed(planned, &cluster, call)),
            // The arguments stay as they were before: the next plan shows them again, and carries on.
            Err(failed) => Err(unfinished(
                "The cluster could not be changed",
                prior,
                failed,
                call,
            )),
        }
    }

    async fn delete(&self, state: Self::Model, call: &Call) -> Result<(), Failure<Self::Model>> {
        plan::refuse_if_protected(&state)?;
        let engine = self.engine.configured()?;
        let id = cluster_id(&state.id, "id")?;
        let limit = limit(&state.timeouts, Kind::Delete, default_timeout::DELETE);
        engine
            .delete(id, &operation(call, limit))
            .await
            .map_err(|failed| unfinished("The cluster could not be destroyed", state, failed, call))
    }

    async fn import(&self, target: ImportTarget, call: &Call) -> Result<Self::Model, Diagnostics> {
        let engine = self.engine.configured()?;
        let wanted = match target {
            ImportTarget::Id(wanted) => wanted,
            ImportTarget::Identity(identity) => identity.get::<String>("id")?,
        };
        let cluster = find_cluster(&engine, &wanted, call).await?;
        self.known.insert(cluster.id());
        Ok(refreshed(ContainerClusterModel::unread(), &cluster, call))
    }

    fn identity_schema(&self) -> Option<IdentitySchema> {
        Some(IdentitySchema::new().attribute::<String>(
            "id",
            ImportUse::Required,
            "The cluster's id, a UUID.",
        ))
    }

    fn identity(&self, state: &Self::Model) -> Option<Identity> {
        Some(Identity::new().with("id", state.id.known()?.clone()))
    }
}

/// What was planned, which is known in full by the time of apply.
fn known(planned: &ContainerClusterModel) -> Result<ClusterSpec, Diagnostics> {
    match planned.request()? {
        Request::Known(spec) => Ok(*spec),
        Request::NotYet => Err(Diagnostic::error(
            "A value of the cluster is not known",
            "Terraform asked to apply a cluster of which a value is still unknown. This is a bug in the \
             provider or in Terraform.",
        )
        .into()),
    }
}

/// The arguments with what `cluster` shows, which is also kept as the baseline of the next plan.
fn observed(
    arguments: ContainerClusterModel,
    cluster: &Cluster,
    call: &Call,
) -> ContainerClusterModel {
    baseline::keep(call.private(), &cluster.observed);
    arguments.observed(cluster)
}

/// The state with what `cluster` shows, its arguments included.
fn refreshed(
    state: ContainerClusterModel,
    cluster: &Cluster,
    call: &Call,
) -> ContainerClusterModel {
    let state = match cluster.spec() {
        Some(recorded) => state.recorded(recorded),
        None => state,
    };
    observed(state, cluster, call)
}

/// A create that failed half-way, of a cluster that is to be kept.
fn kept(
    planned: ContainerClusterModel,
    failed: &EngineFailure,
    call: &Call,
) -> Result<ContainerClusterModel, Diagnostics> {
    let Some(cluster) = failed.cluster.as_ref() else {
        return Err(failed_operation(NOT_MADE, failed));
    };
    call.warn(Diagnostic::warning(
        "The cluster was made in part and is kept",
        format!(
            "{}\nWhat works is kept, because on_create_failure is \"keep\". The next apply carries on where \
             this one stopped.",
            sentence(&failed.error)
        ),
    ));
    Ok(observed(planned, cluster, call))
}

/// What is true after an operation that failed, and why it failed.
fn unfinished(
    what: &'static str,
    before: ContainerClusterModel,
    failed: EngineFailure,
    call: &Call,
) -> Failure<ContainerClusterModel> {
    let diagnostics = failed_operation(what, &failed);
    match failed.cluster {
        Some(cluster) => Failure::with_state(observed(before, &cluster, call), diagnostics),
        None => diagnostics.into(),
    }
}
