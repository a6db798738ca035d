//! `coe_cluster_credentials`: a client's certificate for a cluster, made when it is asked for.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use terraform_framework::duration;
use terraform_framework::validators::go_duration;
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
#[derive(Model, Clone)]
pub(crate) struct ClusterCredentialsModel {
    /// The cluster.
    #[attribute(required)]
    cluster_id: Attr<String>,
    /// How long the certificate is valid: a duration such as `"30m"`, at most `"24h"`. Default: `"1h"`.
    #[attribute(optional, validate = [go_duration()])]
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
    /// When the certificate ends, RFC 3339.
    #[attribute(computed)]
    expires_at: Attr<String>,
}

const DEFAULT_LIFETIME: Duration = Duration::from_hours(1);
const LONGEST_LIFETIME: Duration = Duration::from_hours(24);

#[async_trait]
impl Ephemeral for ClusterCredentials {
    type Model = ClusterCredentialsModel;

    const NAME: &'static str = "coe_cluster_credentials";

    async fn validate(&self, config: &Self::Model, _call: &Call) -> Diagnostics {
        lifetime(&config.lifetime).err().unwrap_or_default()
    }

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
        let (endpoint, credentials) = look(call, LOOK_TIMEOUT, async {
            let made = engine.credentials(cluster, lifetime).await;
            made.map_err(failed("No credentials could be made"))
        })
        .await?;
        Ok(Opened::new(ClusterCredentialsModel {
            endpoint: endpoint.into(),
            ca_certificate: credentials.ca_certificate.into(),
            client_certificate: credentials.client_certificate.into(),
            client_key: credentials.client_key.expose().clone().into(),
            expires_at: expires_at.to_string().into(),
            ..config
        }))
    }
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
    if lifetime.is_zero() || lifetime > LONGEST_LIFETIME {
        return Err(wrong(format!(
            "Credentials are valid for more than nothing and at most 24h, not {text}."
        )));
    }
    Ok(lifetime)
}
