//! Tags on what a cluster has, for people and programs of theirs: what is ours says so from the call that makes it.

use super::CloudStack;
use super::client::{Call, Client};
use crate::model::Owner;
use crate::platform::PlatformError;
use crate::platform::labels::{self, Labels};

/// What can be tagged.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Machine,
    Network,
    PublicIpAddress,
    FirewallRule,
    Balancer,
}

impl Kind {
    /// As the API calls it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "UserVm",
            Self::Network => "Network",
            Self::PublicIpAddress => "PublicIpAddress",
            Self::FirewallRule => "FirewallRule",
            Self::Balancer => "LoadBalancer",
        }
    }
}

impl CloudStack {
    /// Tags something with its owner.
    pub(super) async fn tag(
        &self,
        owner: &Owner,
        kind: Kind,
        id: &str,
    ) -> Result<(), PlatformError> {
        self.tag_with(kind, id, &labels::of_owner(owner)).await
    }

    /// Tags something that is not tagged yet.
    pub(super) async fn tag_with(
        &self,
        kind: Kind,
        id: &str,
        labels: &Labels,
    ) -> Result<(), PlatformError> {
        let mut call = Call::new("createTags")
            .with("resourcetype", kind.as_str())
            .with("resourceids", id);
        for (number, (key, value)) in labels.iter().enumerate() {
            call = call
                .with(format!("tags[{number}].key"), key.as_str())
                .with(format!("tags[{number}].value"), value.as_str());
        }
        let tag = || {
            let client = &self.shared.client;
            client.carry_out("tag what a cluster has", call.clone())
        };
        match Client::patiently(tag).await {
            // By a call whose reply was lost, or whose caller went away.
            Err(failure) if failure.is_there_already() => Ok(()),
            tagged => Ok(tagged.map(drop)?),
        }
    }
}
