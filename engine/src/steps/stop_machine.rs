//! Stops a machine in an orderly way; its data stays.

use async_trait::async_trait;

use super::Site;
use crate::model::{MachineState, NodeName};
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct StopMachine {
    /// The node.
    pub node: NodeName,
}

#[async_trait]
impl Step for StopMachine {
    fn name(&self) -> StepName {
        StepName::new("stop_machine", &self.node)
    }

    fn title(&self) -> String {
        format!("stop the machine of {}", self.node)
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        site.platform
            .stop_machine(&site.machine(&self.node)?)
            .await?;
        site.machine_is(&self.node, MachineState::Stopped);
        Ok(())
    }
}
