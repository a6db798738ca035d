//! Restarts the machine of a control plane that does not answer, after it was given time to.
//!
//! One that looks for the others, or whose one answer was lost, needs no restart: the look that found it silent
//! was a moment, and what runs on it would pay for that.

use std::time::Duration;

use async_trait::async_trait;

use super::wait_for_return::succeeds_within;
use super::{Site, StartMachine, StopMachine};
use crate::model::NodeName;
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct RestartSilent {
    /// The control plane.
    pub node: NodeName,
    /// How long it is given to answer.
    pub patience: Duration,
}

#[async_trait]
impl Step for RestartSilent {
    fn name(&self) -> StepName {
        StepName::new("restart_silent", &self.node)
    }

    fn title(&self) -> String {
        format!("restart {} if it goes on being silent", self.node)
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let exec = site.platform.exec(&site.machine(&self.node)?);
        let answers = || site.coe.observe(exec.as_ref());
        if succeeds_within(self.patience, answers).await {
            return Ok(());
        }
        let node = self.node.clone();
        StopMachine { node: node.clone() }.ensure(site).await?;
        StartMachine { node }.ensure(site).await
    }
}
