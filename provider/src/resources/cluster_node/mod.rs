//! `coe_cluster_node`: a node beside a cluster's own pool.

mod model;

use std::time::Duration;

use async_trait::async_trait;
use coe_engine::cluster::Node;
use coe_engine::engine::NodeRequest;
use coe_engine::error::Failure as EngineFailure;
use coe_engine::model::{ClusterId, Flavor, ImageName, NodeGroup, NodeName, Role};
use terraform_framework::timeouts::Operation as Kind;
use terraform_framework::{
    Attr, Call, Change, Diagnostic, Diagnostics, Failure, Identity, IdentitySchema, ImportTarget,
    ImportUse, Path, Resource,
};

use super::node_settings::{node_labels, taints};
use model::ClusterNodeModel;

use crate::diagnostics::{failed, failed_operation, findings};
use crate::operation::{LOOK_TIMEOUT, cluster_id, find_cluster, limit, look, operation};
use crate::provider::{EngineSlot, Reach};

/// A node joined to a cluster beside its own pool.
pub(crate) struct ClusterNode {
    pub(crate) engine: EngineSlot,
}

const CREATE_TIMEOUT: Duration = Duration::from_mins(10);
const READ_TIMEOUT: Duration = Duration::from_mins(2);
const UPDATE_TIMEOUT: Duration = Duration::from_mins(10);
const DELETE_TIMEOUT: Duration = Duration::from_mins(10);

#[async_trait]
impl Resource for ClusterNode {
    type Model = ClusterNodeModel;

    const NAME: &'static str = "coe_cluster_node";

    async fn create(
        &self,
        planned: Self::Model,
        call: &Call,
    ) -> Result<Self::Model, Failure<Self::Model>> {
        let engine = self.engine.configured()?;
        let cluster = cluster_id(&planned.cluster_id, "cluster_id")?;
        let request = request(&planned)?;
        let limit = limit(&planned.timeouts, Kind::Create, CREATE_TIMEOUT);
        match engine
            .add_node(cluster, &request, &operation(call, limit))
            .await
        {
            Ok(node) => Ok(planned.observed(cluster, &node)),
            Err(failure) => Err(failed_operation("The node could not be added", &failure).into()),
        }
    }

    async fn read(
        &self,
        state: Self::Model,
        call: &Call,
    ) -> Result<Option<Self::Model>, Diagnostics> {
        let engine = self.engine.configured()?;
        let cluster = cluster_id(&state.cluster_id, "cluster_id")?;
        let name = node_name(&state.name)?;
        let limit = limit(&state.timeouts, Kind::Read, READ_TIMEOUT);
        let read = async {
            let read = engine.read_node(cluster, &name).await;
            read.map_err(failed("The node could not be looked at"))
        };
        let node = look(call, limit, read).await?;
        Ok(node.map(|node| state.drifted(&node).observed(cluster, &node)))
    }

    async fn update(
        &self,
        prior: Self::Model,
        planned: Self::Model,
        call: &Call,
    ) -> Result<Self::Model, Failure<Self::Model>> {
        let engine = self.engine.configured()?;
        let cluster = cluster_id(&prior.cluster_id, "cluster_id")?;
        let request = request(&planned)?;
        if !planned.status.is_unknown() {
            // The plan was to change nothing of the node: what has happened to it since is the next plan's.
            return Ok(planned);
        }
        let limit = limit(&planned.timeouts, Kind::Update, UPDATE_TIMEOUT);
        match engine
            .update_node(cluster, &request, &operation(call, limit))
            .await
        {
            Ok(node) => Ok(planned.observed(cluster, &node)),
            Err(failure) => {
                let what = "The node could not be changed";
                Err(unfinished(what, prior, cluster, &request.name, failure))
            }
        }
    }

    async fn delete(&self, state: Self::Model, call: &Call) -> Result<(), Failure<Self::Model>> {
        let engine = self.engine.configured()?;
        let cluster = cluster_id(&state.cluster_id, "cluster_id")?;
        let name = node_name(&state.name)?;
        let limit = limit(&state.timeouts, Kind::Delete, DELETE_TIMEOUT);
        engine
            .remove_node(cluster, &name, &operation(call, limit))
            .await
            .map_err(|failure| {
                unfinished(
                    "The node could not be removed",
                    state,
                    cluster,
                    &name,
                    failure,
                )
            })
    }

    async fn plan(&self, change: &mut Change<Self::Model>, call: &Call) -> Diagnostics {
        let Some(planned) = &mut change.planned else {
            return Diagnostics::new();
        };
        if let Some(prior) = &change.prior {
            planned.announce(prior);
        }
        let stays =
            |prior: &ClusterNodeModel| prior.name == planned.name && prior.role == planned.role;
        let is_there = change.prior.as_ref().is_some_and(stays);
        let check = self.check(planned, is_there);
        let mut diagnostics = look(call, LOOK_TIMEOUT, check)
            .await
            .unwrap_or_else(|refused| refused);
        let before = change.prior.as_ref().map(request);
        if before.is_some_and(|before| before.is_ok() && before == request(planned)) {
            // Nobody asked for anything: what is in the way must not be in the way of a destroy, which plans this first.
            diagnostics = diagnostics
                .into_iter()
                .map(Diagnostic::into_warning)
                .collect();
        }
        let put_off = change.prior.as_ref();
        if let Some(warning) = put_off.and_then(|prior| planned.put_off(prior)) {
            diagnostics.push(warning);
        }
        diagnostics
    }

    async fn import(&self, target: ImportTarget, call: &Call) -> Result<Self::Model, Diagnostics> {
        let engine = self.engine.configured()?;
        let (cluster, node) = match target {
            ImportTarget::Id(wanted) => wanted
                .split_once('/')
                .map(|(cluster, node)| (cluster.to_owned(), node.to_owned()))
                .ok_or_else(|| wrong_import(&wanted))?,
            ImportTarget::Identity(identity) => (
                identity.get::<String>("cluster_id")?,
                identity.get::<String>("name")?,
            ),
        };
        let cluster = find_cluster(&engine, &cluster, call).await?;
        let name = node_name(&node.into())?;
        let found = engine
            .read_node(cluster.id(), &name)
            .await
            .map_err(failed("The node could not be looked up"))?;
        let Some(found) = found else {
            return Err(Diagnostic::error(
                format!("There is no node {name}"),
                "The cluster is there, and has no node of that name beside its pool.",
            )
            .into());
        };
        if let Some(refused) = counted_elsewhere(&found) {
            return Err(refused.into());
        }
        let asked_for = engine
            .request_of(&cluster, &found)
            .map_err(failed("The node could not be looked up"))?;
        Ok(ClusterNodeModel::unread(asked_for)
            .drifted(&found)
            .observed(cluster.id(), &found))
    }

    fn identity_schema(&self) -> Option<IdentitySchema> {
        let schema = IdentitySchema::new();
        let schema = schema.attribute::<String>(
            "cluster_id",
            ImportUse::Required,
            "The cluster that the node belongs to.",
        );
        Some(schema.attribute::<String>("name", ImportUse::Required, "The node's name."))
    }

    fn identity(&self, state: &Self::Model) -> Option<Identity> {
        let identity = Identity::new().with("cluster_id", state.cluster_id.known()?.clone());
        Some(identity.with("name", state.name.known()?.clone()))
    }
}

impl ClusterNode {
    /// What can be known to be wrong with the node before the apply, and what its reviewer should know.
    async fn check(
        &self,
        planned: &ClusterNodeModel,
        is_there: bool,
    ) -> Result<Diagnostics, Diagnostics> {
        let Reach::Configured(engine) = self.engine.reach() else {
            return Ok(Diagnostics::new());
        };
        if planned.has_unknown_arguments() {
            return Ok(Diagnostics::new());
        }
        let cluster = cluster_id(&planned.cluster_id, "cluster_id")?;
        let checked = engine
            .check_node(cluster, &request(planned)?, is_there)
            .await;
        let found = checked.map_err(failed("The node cannot be planned"))?;
        Ok(findings(found))
    }
}

/// Why a node is no resource of its own.
fn counted_elsewhere(found: &Node) -> Option<Diagnostic> {
    let name = &found.name;
    let (summary, counted) = match &found.group {
        NodeGroup::Beside => return None,
        NodeGroup::Pool => (
            format!("{name} is a node of the cluster's own pool"),
            "`control_plane_count` or `node_count` of its cluster",
        ),
        NodeGroup::Named(group) => (
            format!("{name} is a node of group {group}"),
            "`node_count` of its `coe_node_group`",
        ),
    };
    let detail = format!(
        "It is counted by {counted}, which makes, repairs and removes it. Only a node beside the pool and its groups is a \
         resource of its own."
    );
    Some(Diagnostic::error(summary, detail))
}

fn wrong_import(given: &str) -> Diagnostics {
    Diagnostic::error(
        "A node is imported as <cluster>/<node>",
        format!(
            "The cluster by its id or its name, the node by its name: demo/demo-extra-1, and not {given:?}."
        ),
    )
    .into()
}

fn node_name(name: &Attr<String>) -> Result<NodeName, Diagnostics> {
    let text = name.known().map(String::as_str).unwrap_or_default();
    text.parse().map_err(|invalid| {
        Diagnostic::error("Not a node's name", format!("{invalid}."))
            .at(Path::attribute_name("name"))
            .into()
    })
}

fn request(planned: &ClusterNodeModel) -> Result<NodeRequest, Diagnostics> {
    Ok(NodeRequest {
        name: node_name(&planned.name)?,
        role: match planned.role.known().map(String::as_str) {
            Some("control_plane") => Role::ControlPlane,
            _ => Role::Worker,
        },
        flavor: planned.flavor.known().cloned().map(Flavor),
        image: planned.image.known().cloned().map(ImageName),
        labels: node_labels(&planned.node_labels)?,
        taints: taints(&planned.taints),
        maintenance: planned.maintenance.known() == Some(&true),
    })
}

/// What is true after an operation that failed, and why it failed.
fn unfinished(
    what: &'static str,
    before: ClusterNodeModel,
    cluster: ClusterId,
    name: &NodeName,
    failure: EngineFailure,
) -> Failure<ClusterNodeModel> {
    let diagnostics = failed_operation(what, &failure);
    match failure
        .cluster
        .and_then(|observed| observed.nodes().remove(name))
    {
        Some(node) => {
            Failure::with_state(before.drifted(&node).observed(cluster, &node), diagnostics)
        }
        None => diagnostics.into(),
    }
}
