//! `coe_container_cluster` as a data source: a cluster that another configuration made.

use std::collections::BTreeMap;

use async_trait::async_trait;
use terraform_framework::{Attr, Call, DataSource, Diagnostics, Model};

use super::{refuse_unless_one, wanted};
use crate::operation::find_cluster;
use crate::provider::EngineSlot;
use crate::resources::container_cluster::{NodeModel, node_models};

/// A cluster that exists on the platform, by its id or its name.
pub(crate) struct ContainerClusterData {
    pub(crate) engine: EngineSlot,
}

/// A container cluster that exists on the platform, whoever made it: this configuration, another one, or
/// another person's.
#[derive(Model, Clone)]
pub(crate) struct ContainerClusterDataModel {
    /// The cluster's id. Give it or `name`.
    #[attribute(optional, computed)]
    id: Attr<String>,
    /// The cluster's name. Give it or `id`.
    #[attribute(optional, computed)]
    name: Attr<String>,
    /// What the cluster is for, in words.
    #[attribute(computed)]
    description: Attr<String>,
    /// The container orchestration engine.
    #[attribute(computed)]
    coe: Attr<String>,
    /// Settings of the COE.
    #[attribute(computed)]
    labels: Attr<BTreeMap<String, String>>,
    /// Number of control planes.
    #[attribute(computed)]
    control_plane_count: Attr<i64>,
    /// Number of workers in the cluster's own pool.
    #[attribute(computed)]
    node_count: Attr<i64>,
    /// `Running` and `Stopped` where all is as it should be, `Alert` where something is not: the next apply repairs it.
    /// `Starting` while it is being made, `Error` where its create failed and left what could not be removed, and
    /// `Destroying` where its destruction was cut off.
    #[attribute(computed)]
    status: Attr<String>,
    /// `HEALTHY`, `DEGRADED` (it works, and a node does not), `UNHEALTHY` (it does not work: too few control planes
    /// run, or they answer that they cannot serve), or `UNKNOWN` (it could not be asked: it is stopped, or its machines
    /// run and no control plane answers).
    #[attribute(computed)]
    health: Attr<String>,
    /// Where the cluster's API answers, over TLS.
    #[attribute(computed)]
    endpoint: Attr<String>,
    /// Certificate of the cluster's own CA, PEM.
    #[attribute(computed)]
    cluster_ca_certificate: Attr<String>,
    /// The platform's id of the network between the nodes.
    #[attribute(computed)]
    network_id: Attr<String>,
    /// Version of the COE that the control planes run.
    #[attribute(computed)]
    coe_version: Attr<String>,
    /// The nodes by name, those beside the pool included.
    #[attribute(computed)]
    nodes: Attr<BTreeMap<String, NodeModel>>,
    /// When the cluster was made, RFC 3339.
    #[attribute(computed)]
    created_at: Attr<String>,
}

#[async_trait]
impl DataSource for ContainerClusterData {
    type Model = ContainerClusterDataModel;

    const NAME: &'static str = "coe_container_cluster";

    async fn validate(&self, config: &Self::Model, _call: &Call) -> Diagnostics {
        refuse_unless_one(&config.id, &config.name)
    }

    async fn read(&self, config: Self::Model, call: &Call) -> Result<Self::Model, Diagnostics> {
        let engine = self.engine.configured()?;
        let cluster = find_cluster(&engine, wanted(&config.id, &config.name), call).await?;
        let spec = cluster.spec();
        Ok(ContainerClusterDataModel {
            id: cluster.id().to_string().into(),
            name: spec.map(|spec| spec.name.to_string()).into(),
            description: spec.map(|spec| spec.description.clone()).into(),
            coe: spec.map(|spec| spec.coe.to_string()).into(),
            labels: spec.map(|spec| spec.labels.clone()).into(),
            control_plane_count: spec.map(|spec| i64::from(spec.control_planes.get())).into(),
            node_count: spec.map(|spec| i64::from(spec.workers)).into(),
            status: cluster.status().to_string().into(),
            health: cluster.health().as_str().to_owned().into(),
            endpoint: cluster.endpoint().map(str::to_owned).into(),
            cluster_ca_certificate: cluster.ca_certificate().map(str::to_owned).into(),
            network_id: cluster
                .observed
                .network
                .as_ref()
                .map(|network| network.id.clone())
                .into(),
            coe_version: cluster.coe_version().map(str::to_owned).into(),
            nodes: node_models(cluster.nodes()).into(),
            created_at: cluster
                .observed
                .record
                .as_ref()
                .map(|record| record.created_at.to_string())
                .into(),
        })
    }
}
