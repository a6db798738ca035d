//! Client certificates for clusters, made on demand: what their data source and their ephemeral resource share.

use std::time::Duration;

use coe_engine::engine::{Access, Engine};
use coe_engine::error::EngineError;
use coe_engine::model::ClusterId;
use jiff::Timestamp;
use terraform_framework::schema::Validator;
use terraform_framework::validators::duration_between;
use terraform_framework::{Attr, Call, Diagnostic, Diagnostics, Path, duration};

use crate::diagnostics::failed;
use crate::operation::{LOOK_TIMEOUT, look};

const NOT_MADE: &str = "No credentials could be made";
const SHORTEST_LIFETIME: Duration = Duration::from_mins(1);

/// How long a certificate may be valid.
pub(crate) struct Lifetimes {
    pub(crate) longest: Duration,
    /// Where nobody says.
    pub(crate) default: Duration,
}

impl Lifetimes {
    /// The rule for the argument.
    pub(crate) fn validator(&self) -> impl Validator {
        duration_between(SHORTEST_LIFETIME, self.longest)
    }

    /// The one that is asked for.
    pub(crate) fn chosen(&self, given: &Attr<String>) -> Result<Duration, Diagnostics> {
        let Some(text) = given.known() else {
            return Ok(self.default);
        };
        let wrong = |detail: String| {
            Diagnostics::from(
                Diagnostic::error("Not a lifetime of credentials", detail)
                    .at(Path::attribute_name("lifetime")),
            )
        };
        let lifetime = duration::parse(text).map_err(|error| wrong(error.to_string()))?;
        if !(SHORTEST_LIFETIME..=self.longest).contains(&lifetime) {
            let most = self.longest.as_secs() / 3600;
            return Err(wrong(format!(
                "Credentials are valid for 1m to {most}h, not {text}."
            )));
        }
        Ok(lifetime)
    }
}

/// Credentials, and when they end.
pub(crate) struct Made {
    pub(crate) access: Access,
    pub(crate) expires_at: Timestamp,
}

/// Makes credentials for the cluster. `None`, with a warning at `cluster_argument`, while no control plane has what
/// signs them: an error would keep Terraform from the very plan that repairs the cluster.
pub(crate) async fn make(
    engine: &Engine,
    cluster: ClusterId,
    lifetime: Duration,
    cluster_argument: &str,
    call: &Call,
) -> Result<Option<Made>, Diagnostics> {
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
    match made.await? {
        Ok(access) => Ok(Some(Made { access, expires_at })),
        Err(reason) => {
            let warning = not_yet(&reason).at(Path::attribute_name(cluster_argument));
            call.warn(warning);
            Ok(None)
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
}
