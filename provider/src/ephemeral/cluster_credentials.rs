//! `coe_cluster_credentials`: a client's certificate for a cluster, made when it is asked for.

use std::time::Duration;

use async_trait::async_trait;
use terraform_framework::{Attr, Call, Diagnostics, Ephemeral, Model, Opened};

use crate::credentials::{Lifetimes, make};
use crate::operation::cluster_id;
use crate::provider::EngineSlot;

/// A short-lived client certificate for a cluster's API.
pub(crate) struct ClusterCredentials {
    pub(crate) engine: EngineSlot,
}

/// A client certificate for a cluster's API, made on demand and valid for a short time. It is never in a plan
/// and never in state.
///
/// It is made for a cluster that is stopped as well. While no control plane has a machine that it could be made from,
/// all of it is null, with a warning: the plan that repairs the cluster is not kept from being made.
#[derive(Model, Clone)]
pub(crate) struct ClusterCredentialsModel {
    /// The cluster.
    #[attribute(required)]
    cluster_id: Attr<String>,
    /// How long the certificate is valid: a duration such as `"30m"`, `"1m"` to `"24h"`. Default: `"1h"`.
    #[attribute(optional, validate = [LIFETIMES.validator()])]
    lifetime: Attr<String>,
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
    /// All of that as a kubeconfig, whose context, cluster and user have the cluster's name: JSON, which is YAML too.
    /// Null where the COE is not Kubernetes.
    #[attribute(computed, sensitive)]
    kubeconfig: Attr<String>,
    /// When the certificate ends, RFC 3339.
    #[attribute(computed)]
    expires_at: Attr<String>,
}

const LIFETIMES: Lifetimes = Lifetimes {
    longest: Duration::from_hours(24),
    default: Duration::from_hours(1),
};

#[async_trait]
impl Ephemeral for ClusterCredentials {
    type Model = ClusterCredentialsModel;

    const NAME: &'static str = "coe_cluster_credentials";

    async fn open(
        &self,
        config: Self::Model,
        call: &Call,
    ) -> Result<Opened<Self::Model>, Diagnostics> {
        let engine = self.engine.configured()?;
        let cluster = cluster_id(&config.cluster_id, "cluster_id")?;
        let lifetime = LIFETIMES.chosen(&config.lifetime)?;
        let Some(made) = make(&engine, cluster, lifetime, "cluster_id", call).await? else {
            return Ok(Opened::new(ClusterCredentialsModel::none(config)));
        };
        let access = made.access;
        let credentials = access.credentials;
        Ok(Opened::new(ClusterCredentialsModel {
            endpoint: access.endpoint.into(),
            kubeconfig: access
                .client_configuration
                .map(|file| file.expose().clone())
                .into(),
            ca_certificate: credentials.ca_certificate.into(),
            client_certificate: credentials.client_certificate.into(),
            client_key: credentials.client_key.expose().clone().into(),
            expires_at: made.expires_at.to_string().into(),
            ..config
        }))
    }
}

impl ClusterCredentialsModel {
    /// The arguments alone.
    fn none(config: Self) -> Self {
        Self {
            endpoint: Attr::Null,
            ca_certificate: Attr::Null,
            client_certificate: Attr::Null,
            client_key: Attr::Null,
            kubeconfig: Attr::Null,
            expires_at: Attr::Null,
            ..config
        }
    }
}
