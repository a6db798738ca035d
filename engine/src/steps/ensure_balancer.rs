//! Makes sure that a balancer leads clients to the cluster's control planes.
//!
//! It keeps the port of the platform's host that it had before. `undo` deletes it if the operation makes the cluster; that
//! of a cluster that was there before stays, and leads to those that serve.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::{Origin, Site};
use crate::model::{ClusterName, ImageName, NodeName};
use crate::platform::BalancerRequest;
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct EnsureBalancer {
    /// The cluster.
    pub cluster: ClusterName,
    /// What its machines are made from.
    pub image: ImageName,
    /// Those of its pool.
    pub control_planes: Vec<NodeName>,
}

#[async_trait]
impl Step for EnsureBalancer {
    fn name(&self) -> StepName {
        StepName::new("ensure_balancer", &self.cluster)
    }

    fn title(&self) -> String {
        format!("make the balancer of {}", self.cluster)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let mut targets = BTreeSet::new();
        for name in &self.control_planes {
            targets.insert(site.address(name)?);
        }
        let request = BalancerRequest {
            network: site.network()?,
            image: self.image.clone(),
            port: site.coe.api_port(),
            host_port: site.balancer_port(),
            targets,
        };
        let balancer = site
            .balances()?
            .ensure_balancer(&site.owner, &request)
            .await?;
        site.has_balancer(balancer);
        Ok(())
    }

    async fn undo(&self, site: &Site) -> Result<(), StepError> {
        match site.origin {
            Origin::MadeHere => {
                let cluster = site.owner.cluster;
                Ok(site.balances()?.delete_balancer(cluster).await?)
            }
            Origin::ThereBefore => Ok(()),
        }
    }
}
