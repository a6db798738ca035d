//! Makes sure that the COE's settings are those of the cluster's labels.

use async_trait::async_trait;

use super::Site;
use super::site::Reached;
use crate::coe::NodeAccess;
use crate::model::ClusterName;
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct ConfigureCoe {
    /// The cluster.
    pub cluster: ClusterName,
}

#[async_trait]
impl Step for ConfigureCoe {
    fn name(&self) -> StepName {
        StepName::new("configure_coe", &self.cluster)
    }

    fn title(&self) -> String {
        format!("configure {}", self.cluster)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let asked = site.any_control_plane()?;
        let running = site.running_nodes();
        let nodes: Vec<NodeAccess<'_>> = running.iter().map(Reached::access).collect();
        let configured = site.coe.configure(asked.as_ref(), &nodes, &site.spec);
        configured.await?;
        site.is_configured();
        Ok(())
    }
}
