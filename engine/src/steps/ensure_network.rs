//! Makes sure that the cluster has its network.
//!
//! `undo` deletes it if the operation makes the cluster and the cluster owns the network; the network of
//! a cluster that was there before stays.

use async_trait::async_trait;

use super::{Origin, Site};
use crate::model::ClusterName;
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct EnsureNetwork {
    /// The cluster.
    pub cluster: ClusterName,
}

#[async_trait]
impl Step for EnsureNetwork {
    fn name(&self) -> StepName {
        StepName::new("ensure_network", &self.cluster)
    }

    fn title(&self) -> String {
        format!("make the network of {}", self.cluster)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let network = site
            .platform
            .ensure_network(&site.owner, &site.wanted_network())
            .await?;
        site.has_network(network);
        Ok(())
    }

    async fn undo(&self, site: &Site) -> Result<(), StepError> {
        match site.origin {
            Origin::MadeHere => Ok(site.platform.delete_network(site.owner.cluster).await?),
            Origin::ThereBefore => Ok(()),
        }
    }
}
