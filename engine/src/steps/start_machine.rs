//! Starts a machine that is stopped, and waits until its service is up.

use async_trait::async_trait;

use super::Site;
use crate::model::{MachineState, NodeName};
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct StartMachine {
    /// The node.
    pub node: NodeName,
}

#[async_trait]
impl Step for StartMachine {
    fn name(&self) -> StepName {
        StepName::new("start_machine", &self.node)
    }

    fn title(&self) -> String {
        format!("start the machine of {}", self.node)
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let machine = site.machine(&self.node)?;
        site.platform.start_machine(&machine).await?;
        let exec = site.platform.exec(&machine);
        site.coe.wait_until_up(exec.as_ref()).await?;
        // Not before: steps beside this one ask control planes that run.
        site.machine_is(&self.node, MachineState::Running);
        Ok(())
    }
}
