//! `coe_cluster_kubeconfig`: a kubeconfig that is kept in state.

use std::time::Duration;

use async_trait::async_trait;
use coe_engine::model::CoeKind;
use terraform_framework::{Attr, Call, DataSource, Diagnostic, Diagnostics, Model, Path};

use super::{refuse_unless_one, wanted};
use crate::credentials::{Lifetimes, make};
use crate::operation::find_cluster;
use crate::provider::EngineSlot;

/// A kubeconfig of a cluster, by the cluster's id or its name.
pub(crate) struct ClusterKubeconfigData {
    pub(crate) engine: EngineSlot,
}

/// A kubeconfig for a Kubernetes cluster that exists on the platform, for those who accept that its key is kept in
/// state: whoever reads the state administers the cluster until `expires_at`.
///
/// It is made anew by each refresh, so that what depends on it changes with each apply. Where the key is not to be in
/// state, and where it feeds a provider, use the ephemeral resource `coe_cluster_credentials`.
///
/// It is made for a cluster that is stopped as well. While no control plane has a machine that it could be made from,
/// certificates, key and kubeconfig are null, with a warning: the plan that repairs the cluster is not kept from being made.
#[derive(Model, Clone)]
pub(crate) struct ClusterKubeconfigModel {
    /// The cluster's id. Give it or `name`.
    #[attribute(optional, computed)]
    id: Attr<String>,
    /// The cluster's name. Give it or `id`.
    #[attribute(optional, computed)]
    name: Attr<String>,
    /// How long the certificate in it is valid: a duration such as `"30m"`, `"1m"` to `"8760h"`. Default: `"24h"`.
    #[attribute(optional, validate = [LIFETIMES.validator()])]
    lifetime: Attr<String>,
    /// The kubeconfig, whose context, cluster and user have the cluster's name: JSON, which is YAML too.
    #[attribute(computed, sensitive)]
    kubeconfig: Attr<String>,
    /// Where the cluster's API answers.
    #[attribute(computed)]
    endpoint: Attr<String>,
    /// Certificate of the cluster's own CA, PEM.
    #[attribute(computed)]
    ca_certificate: Attr<String>,
    /// The client's certificate, PEM.
    #[attribute(computed)]
    client_certificate: Attr<String>,
    /// The client's key, PEM.
    #[attribute(computed, sensitive)]
    client_key: Attr<String>,
    /// When the certificate ends, RFC 3339.
    #[attribute(computed)]
    expires_at: Attr<String>,
}

/// A year at the most, as kubeadm's own.
const LIFETIMES: Lifetimes = Lifetimes {
    longest: Duration::from_hours(365 * 24),
    default: Duration::from_hours(24),
};

#[async_trait]
impl DataSource for ClusterKubeconfigData {
    type Model = ClusterKubeconfigModel;

    const NAME: &'static str = "coe_cluster_kubeconfig";

    async fn validate(&self, config: &Self::Model, _call: &Call) -> Diagnostics {
        refuse_unless_one(&config.id, &config.name)
    }

    async fn read(&self, config: Self::Model, call: &Call) -> Result<Self::Model, Diagnostics> {
        let engine = self.engine.configured()?;
        let lifetime = LIFETIMES.chosen(&config.lifetime)?;
        let cluster = find_cluster(&engine, wanted(&config.id, &config.name), call).await?;
        let argument = if config.id.is_null() { "name" } else { "id" };
        if let Some(spec) = cluster.spec()
            && spec.coe != CoeKind::Kubernetes
        {
            return Err(without_kubeconfig(spec.name.as_str(), spec.coe, argument));
        }
        let made = make(&engine, cluster.id(), lifetime, argument, call).await?;
        let expires_at = made.as_ref().map(|made| made.expires_at.to_string());
        let access = made.map(|made| made.access);
        let file = access
            .as_ref()
            .and_then(|access| access.client_configuration.as_ref());
        let credentials = access.as_ref().map(|access| &access.credentials);
        Ok(ClusterKubeconfigModel {
            id: cluster.id().to_string().into(),
            name: cluster.observed.owner.cluster_name.to_string().into(),
            kubeconfig: file.map(|file| file.expose().clone()).into(),
            endpoint: cluster.endpoint().map(str::to_owned).into(),
            ca_certificate: credentials.map(|made| made.ca_certificate.clone()).into(),
            client_certificate: credentials
                .map(|made| made.client_certificate.clone())
                .into(),
            client_key: credentials
                .map(|made| made.client_key.expose().clone())
                .into(),
            expires_at: expires_at.into(),
            ..config
        })
    }
}

fn without_kubeconfig(name: &str, coe: CoeKind, argument: &str) -> Diagnostics {
    Diagnostic::error(
        format!("Cluster {name} has no kubeconfig"),
        format!(
            "It runs {coe}, whose clients have no such file. The ephemeral resource coe_cluster_credentials gives a client \
             certificate for clusters of every COE."
        ),
    )
    .at(Path::attribute_name(argument))
    .into()
}
