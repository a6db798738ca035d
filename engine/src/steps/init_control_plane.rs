//! Makes the first control plane a cluster.
//!
//! There is nothing to undo that the undo of its machine does not.

use async_trait::async_trait;

use super::Site;
use crate::coe::NodeAccess;
use crate::model::{NodeName, Role};
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
        let machine = site.machine(&self.node)?;
        let exec = site.platform.exec(&machine);
        let access = NodeAccess {
            role: Role::ControlPlane,
            address: machine.address,
            exec: exec.as_ref(),
        };
        if let Err(error) = site.coe.init(&site.spec, &access).await {
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
