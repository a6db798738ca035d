//! `coe_cluster_ca_certificate`: by what clients know a cluster's API.

use async_trait::async_trait;
use terraform_framework::{Attr, Call, DataSource, Diagnostic, Diagnostics, Model};

use super::{refuse_unless_one, wanted};
use crate::operation::find_cluster;
use crate::provider::EngineSlot;

/// The certificate of a cluster's own CA, by the cluster's id or its name.
pub(crate) struct ClusterCaCertificateData {
    pub(crate) engine: EngineSlot,
}

/// The certificate of the CA of a cluster that exists on the platform: by it clients know the cluster's API.
#[derive(Model, Clone)]
pub(crate) struct ClusterCaCertificateModel {
    /// The cluster's id. Give it or `name`.
    #[attribute(optional, computed)]
    id: Attr<String>,
    /// The cluster's name. Give it or `id`.
    #[attribute(optional, computed)]
    name: Attr<String>,
    /// The certificate, PEM.
    #[attribute(computed)]
    certificate: Attr<String>,
}

#[async_trait]
impl DataSource for ClusterCaCertificateData {
    type Model = ClusterCaCertificateModel;

    const NAME: &'static str = "coe_cluster_ca_certificate";

    async fn validate(&self, config: &Self::Model, _call: &Call) -> Diagnostics {
        refuse_unless_one(&config.id, &config.name)
    }

    async fn read(&self, config: Self::Model, call: &Call) -> Result<Self::Model, Diagnostics> {
        let engine = self.engine.configured()?;
        let cluster = find_cluster(&engine, wanted(&config.id, &config.name), call).await?;
        let Some(certificate) = cluster.ca_certificate() else {
            let why = cluster.observed.unreachable.clone();
            return Err(Diagnostic::error(
                "The cluster's CA cannot be asked for",
                why.unwrap_or_else(|| "Its control planes are still being made.".to_owned()),
            )
            .into());
        };
        Ok(ClusterCaCertificateModel {
            id: cluster.id().to_string().into(),
            name: cluster.observed.owner.cluster_name.to_string().into(),
            certificate: certificate.to_owned().into(),
        })
    }
}
