//! `coe_container_clusters`: which clusters there are.

use std::collections::BTreeMap;

use async_trait::async_trait;
use coe_engine::cluster::Cluster;
use coe_engine::model::{CoeKind, DesiredState};
use regex_lite::Regex;
use terraform_framework::validators::one_of;
use terraform_framework::{Attr, Call, DataSource, Diagnostic, Diagnostics, Model, Path};

use crate::diagnostics::failed;
use crate::operation::{LOOK_TIMEOUT, look};
use crate::provider::EngineSlot;

/// The clusters on the platform.
pub(crate) struct ContainerClustersData {
    pub(crate) engine: EngineSlot,
}

/// The container clusters that the provider's configuration reaches, whoever made them, in the order of their names.
///
/// They are listed as their platform shows them, in one look whatever their number: none of them is asked how it
/// does. `coe_container_cluster` tells that of one. What an unfinished create has left is no cluster, and not listed.
#[derive(Model, Clone)]
pub(crate) struct ContainerClustersModel {
    /// Lists clusters alone whose name this regular expression finds something in: `"^prod-"`.
    #[attribute(optional)]
    name_regex: Attr<String>,
    /// Lists clusters of this container orchestration engine alone.
    #[attribute(optional, validate = [one_of(CoeKind::ALL.map(CoeKind::as_str))])]
    coe: Attr<String>,
    /// Their ids.
    #[attribute(computed)]
    ids: Attr<Vec<String>>,
    /// Their names.
    #[attribute(computed)]
    names: Attr<Vec<String>>,
    /// The clusters.
    #[attribute(computed)]
    clusters: Attr<Vec<ListedClusterModel>>,
}

/// A cluster as its platform shows it.
#[derive(Model, Clone)]
pub(crate) struct ListedClusterModel {
    /// Its id, a UUID.
    #[attribute(computed)]
    id: Attr<String>,
    /// Its name.
    #[attribute(computed)]
    name: Attr<String>,
    /// What it is for, in words.
    #[attribute(computed)]
    description: Attr<String>,
    /// Its container orchestration engine.
    #[attribute(computed)]
    coe: Attr<String>,
    /// The version of the COE that was asked for; null: what its image carries.
    #[attribute(computed)]
    cluster_version: Attr<String>,
    /// Settings of the COE.
    #[attribute(computed)]
    labels: Attr<BTreeMap<String, String>>,
    /// Number of control planes.
    #[attribute(computed)]
    control_plane_count: Attr<i64>,
    /// Number of workers in its own pool.
    #[attribute(computed)]
    node_count: Attr<i64>,
    /// `Running` or `Stopped`, as was asked for last.
    #[attribute(computed)]
    desired_state: Attr<String>,
    /// Where its API answers, over TLS.
    #[attribute(computed)]
    endpoint: Attr<String>,
    /// The platform's id of the network between its nodes.
    #[attribute(computed)]
    network_id: Attr<String>,
    /// When it was made, RFC 3339.
    #[attribute(computed)]
    created_at: Attr<String>,
}

#[async_trait]
impl DataSource for ContainerClustersData {
    type Model = ContainerClustersModel;

    const NAME: &'static str = "coe_container_clusters";

    async fn validate(&self, config: &Self::Model, _call: &Call) -> Diagnostics {
        name_filter(&config.name_regex).err().unwrap_or_default()
    }

    async fn read(&self, config: Self::Model, call: &Call) -> Result<Self::Model, Diagnostics> {
        let engine = self.engine.configured()?;
        let filter = name_filter(&config.name_regex)?;
        let list = async {
            let listed = engine.list().await;
            listed.map_err(failed("The clusters could not be listed"))
        };
        let mut clusters: Vec<ListedClusterModel> = look(call, LOOK_TIMEOUT, list)
            .await?
            .iter()
            .map(ListedClusterModel::of)
            .collect();
        let text = |attribute: &Attr<String>| attribute.known().cloned().unwrap_or_default();
        clusters.retain(|cluster| {
            let matches = |filter: &Regex| filter.is_match(&text(&cluster.name));
            filter.as_ref().is_none_or(matches)
                && (config.coe.is_null() || config.coe == cluster.coe)
        });
        clusters.sort_by_key(|cluster| text(&cluster.name));
        let all = |part: fn(&ListedClusterModel) -> &Attr<String>| {
            let parts = clusters.iter().map(part);
            Attr::Known(parts.map(text).collect())
        };
        Ok(ContainerClustersModel {
            ids: all(|cluster| &cluster.id),
            names: all(|cluster| &cluster.name),
            clusters: clusters.into(),
            ..config
        })
    }
}

impl ListedClusterModel {
    fn of(cluster: &Cluster) -> Self {
        let spec = cluster.spec();
        let network = cluster.observed.network.as_ref();
        let created_at = cluster.record().map(|record| record.created_at.to_string());
        let desired_state = |state| match state {
            DesiredState::Running => "Running".to_owned(),
            DesiredState::Stopped => "Stopped".to_owned(),
        };
        Self {
            id: cluster.id().to_string().into(),
            name: cluster.observed.owner.cluster_name.to_string().into(),
            description: spec.map(|spec| spec.description.clone()).into(),
            coe: spec.map(|spec| spec.coe.to_string()).into(),
            cluster_version: spec.and_then(|spec| spec.version.clone()).into(),
            labels: spec.map(|spec| spec.labels.clone()).into(),
            control_plane_count: spec.map(|spec| i64::from(spec.control_planes.get())).into(),
            node_count: spec.map(|spec| i64::from(spec.workers)).into(),
            desired_state: spec.map(|spec| desired_state(spec.desired_state)).into(),
            endpoint: cluster.endpoint().map(str::to_owned).into(),
            network_id: network.map(|network| network.id.clone()).into(),
            created_at: created_at.into(),
        }
    }
}

/// The filter of names, if one is given.
fn name_filter(given: &Attr<String>) -> Result<Option<Regex>, Diagnostics> {
    let Some(text) = given.known() else {
        return Ok(None);
    };
    Regex::new(text).map(Some).map_err(|error| {
        Diagnostic::error(
            "Not a regular expression",
            format!("{text:?} cannot be read as one: {error}."),
        )
        .at(Path::attribute_name("name_regex"))
        .into()
    })
}
