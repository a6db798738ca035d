//! Deletes the balancer before the cluster's control planes.
//!
//! Its port of the platform's host is remembered: the cluster's endpoint is the same when there is one again. `undo` does
//! nothing: whoever wants a balancer makes one.

use async_trait::async_trait;

use super::Site;
use crate::model::ClusterName;
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct DeleteBalancer {
    /// The cluster.
    pub cluster: ClusterName,
}

#[async_trait]
impl Step for DeleteBalancer {
    fn name(&self) -> StepName {
        StepName::new("delete_balancer", &self.cluster)
    }

    fn title(&self) -> String {
        format!("delete the balancer of {}", self.cluster)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let cluster = site.owner.cluster;
        site.balances()?.delete_balancer(cluster).await?;
        site.has_no_balancer();
        Ok(())
    }

    async fn undo(&self, _site: &Site) -> Result<(), StepError> {
        Ok(())
    }
}
