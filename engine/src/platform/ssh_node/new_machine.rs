//! A machine that a cloud has just made becomes a node: it is awaited, checked, given what the node runs, and a host key
//! that only it has.

use std::sync::Arc;
use std::time::Duration;

use super::{Afterwards, NodeService, Packages, SshMachine};
use crate::model::{NodeName, Owner};
use crate::platform::{MachineRequest, PlatformError, Retry};
use crate::transport::ssh::SshHost;

/// How long the first attempt to log in on a machine that boots may take; each later one takes longer.
const FIRST_ATTEMPT: Duration = Duration::from_secs(2);
const LONGEST_ATTEMPT: Duration = Duration::from_secs(15);
/// How long after one attempt the next one is made.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);
/// How long a machine that its cloud says runs may take until it lets us in.
const REACHED_WITHIN: Duration = Duration::from_mins(10);

const HOST_KEY_SCRIPT: &str = include_str!("scripts/host_key.sh");

/// A machine of a cloud, and how that cloud calls it.
pub(in crate::platform) struct NewMachine<'a> {
    /// Which platform.
    pub(in crate::platform) platform: &'static str,
    /// How the cloud calls a machine: `server`.
    pub(in crate::platform) kind: &'static str,
    pub(in crate::platform) node: &'a NodeName,
    pub(in crate::platform) host: Arc<SshHost>,
    /// What helps where it is not reached.
    pub(in crate::platform) not_reached: &'static str,
    /// What helps where its image or size will not do.
    pub(in crate::platform) not_fit: &'static str,
}

impl NewMachine<'_> {
    fn machine(&self) -> SshMachine {
        SshMachine::new(self.platform, self.node.clone(), Arc::clone(&self.host))
    }

    /// Makes it the node; the public part of the host key that it has from then on. The one that its user data
    /// brought may be read by whatever on the machine can read those.
    pub(in crate::platform) async fn become_node(
        &self,
        owner: &Owner,
        request: &MachineRequest,
        packages: &Packages,
    ) -> Result<String, PlatformError> {
        self.await_login().await?;
        let on = self.machine();
        let service = NodeService::of(request, packages);
        let problems = service.preflight_of_new(&on).await?;
        if !problems.is_empty() {
            return Err(PlatformError::Refused {
                what: format!("make {} {} a node", self.kind, self.node),
                reason: problems.join("; "),
                help: Some(self.not_fit.to_owned()),
                retry: Retry::Never,
            });
        }
        service.take_over(&on).await?;
        service.install(&on, owner, Afterwards::Gone).await?;
        let own_key = on
            .script("give it a host key of its own", HOST_KEY_SCRIPT, &[], &[])
            .await?;
        Ok(own_key.trim().to_owned())
    }

    /// Waits until a machine that boots lets us in.
    pub(in crate::platform) async fn await_login(&self) -> Result<(), PlatformError> {
        let location = self.host.location();
        let on = self.machine();
        let mut attempt = FIRST_ATTEMPT;
        let mut last = None;
        let reaching = async {
            loop {
                match tokio::time::timeout(attempt, on.script("reach it", "true", &[], &[])).await {
                    Ok(Ok(_)) => return Ok(()),
                    Ok(Err(error)) if error.retry() == Retry::Never => return Err(error),
                    Ok(Err(error)) => last = Some(error),
                    Err(_late) => attempt = (attempt * 2).min(LONGEST_ATTEMPT),
                }
                tokio::time::sleep(BETWEEN_ATTEMPTS).await;
            }
        };
        let reached = tokio::time::timeout(REACHED_WITHIN, reaching).await;
        reached.unwrap_or_else(|_late| {
            Err(last.unwrap_or_else(|| PlatformError::Refused {
                what: format!("reach {} {}", self.kind, self.node),
                reason: format!(
                    "{location} did not answer within {} s",
                    REACHED_WITHIN.as_secs()
                ),
                help: Some(self.not_reached.to_owned()),
                retry: Retry::Never,
            }))
        })
    }
}
