//! Makes the first control plane a cluster.
//!
//! There is nothing to undo that the undo of its machine does not.

use async_trait::async_trait;

use super::Site;
use crate::model::NodeName;
use crate::platform::Retry;
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct InitControlPlane {
    /// The first control plane.
    pub node: NodeName,
}

#[async_trait]
impl Step for InitControlPlane {
    fn name(&self) -> StepName {
        StepName::new("init_control_plane", &self.node)
    }

    fn title(&self) -> String {
        format!("make control plane {} a cluster", self.node)
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let reached = site.reach(&self.node)?;
        if let Err(error) = site.coe.init(&site.spec, &reached.access()).await {
            let error = StepError::from(error);
            if error.retry() == Retry::Never {
                site.has_no_cluster();
            }
            return Err(error);
        }
        site.serves(&self.node);
        site.is_configured();
        Ok(())
    }
}
