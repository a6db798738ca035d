//! `coe_cluster_credentials`: a client's certificate for a cluster, made when it is asked for.

use std::time::Duration;

use async_trait::async_trait;
use coe_engine::error::EngineError;
use jiff::Timestamp;
use terraform_framework::duration;
use terraform_framework::validators::duration_between;
use terraform_framework::{Attr, Call, Diagnostic, Diagnostics, Ephemeral, Model, Opened, Path};

use crate::diagnostics::failed;
use crate::operation::{LOOK_TIMEOUT, cluster_id, look};
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
    #[attribute(optional, validate = [duration_between(SHORTEST_LIFETIME, LONGEST_LIFETIME)])]
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

const NOT_MADE: &str = "No credentials could be made";
const DEFAULT_LIFETIME: Duration = Duration::from_hours(1);
const SHORTEST_LIFETIME: Duration = Duration::from_mins(1);
const LONGEST_LIFETIME: Duration = Duration::from_hours(24);

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
        let lifetime = lifetime(&config.lifetime)?;
        // Before the certificate is made, which ends no sooner.
        let expires_at = Timestamp::now()
            .saturating_add(lifetime)
            .unwrap_or(Timestamp::MAX);
        let made = look(call, LOOK_TIMEOUT, async {
            match engine.credentials(cluster, lifetime).await {
                Err(EngineError::NoControlPlane { reason, .. }) => Ok(Err(reason)),
                made => made.map(Ok).map_err(failed(NOT_MADE)),
            }
        });
        let access = match made.await? {
            Ok(made) => made,
            // An error would keep Terraform from the very plan that repairs the cluster.
            Err(reason) => {
                call.warn(not_yet(&reason));
                return Ok(Opened::new(ClusterCredentialsModel::none(config)));
            }
        };
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
            expires_at: expires_at.to_string().into(),
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

fn not_yet(reason: &str) -> Diagnostic {
    Diagnostic::warning(
        NOT_MADE,
        format!(
            "No control plane has the CA that signs them: {reason}. They are null until an apply has repaired the \
             cluster."
        ),
    )
    .at(Path::attribute_name("cluster_id"))
}

fn lifetime(given: &Attr<String>) -> Result<Duration, Diagnostics> {
    let Some(text) = given.known() else {
        return Ok(DEFAULT_LIFETIME);
    };
    let wrong = |detail: String| {
        Diagnostics::from(
            Diagnostic::error("Not a lifetime of credentials", detail)
                .at(Path::attribute_name("lifetime")),
        )
    };
    let lifetime = duration::parse(text).map_err(|error| wrong(error.to_string()))?;
    if !(SHORTEST_LIFETIME..=LONGEST_LIFETIME).contains(&lifetime) {
        return Err(wrong(format!(
            "Credentials are valid for 1m to 24h, not {text}."
        )));
    }
    Ok(lifetime)
}
