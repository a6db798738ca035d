//! Gives nodes that were started time to find one another.
//!
//! A node that does not come back in that time is no error here: the next plan sees it and repairs it.

use std::time::Duration;

use async_trait::async_trait;

use super::Site;
use crate::model::NodeName;
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct WaitForReturn {
    /// The nodes.
    pub nodes: Vec<NodeName>,
    /// How long they are given.
    pub patience: Duration,
}

#[async_trait]
impl Step for WaitForReturn {
    fn name(&self) -> StepName {
        let nodes: Vec<_> = self.nodes.iter().map(NodeName::as_str).collect();
        StepName::new("wait_for_return", &nodes.join(","))
    }

    fn title(&self) -> String {
        format!("wait for {} nodes to come back", self.nodes.len())
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let asked = site.any_control_plane()?;
        let ready = site.coe.wait_until_ready(asked.as_ref(), &self.nodes);
        match tokio::time::timeout(self.patience, ready).await {
            Ok(result) => Ok(result?),
            Err(_late) => Ok(()),
        }
    }
}
