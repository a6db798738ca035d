//! Waits until nodes are ready members of their cluster.

use async_trait::async_trait;

use super::Site;
use crate::model::NodeName;
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct WaitUntilReady {
    /// The nodes.
    pub nodes: Vec<NodeName>,
}

#[async_trait]
impl Step for WaitUntilReady {
    fn name(&self) -> StepName {
        let nodes: Vec<_> = self.nodes.iter().map(NodeName::as_str).collect();
        StepName::new("wait_until_ready", &nodes.join(","))
    }

    fn title(&self) -> String {
        match self.nodes.as_slice() {
            [node] => format!("wait until {node} is ready"),
            nodes => format!("wait until {} nodes are ready", nodes.len()),
        }
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let asked = site.any_control_plane()?;
        Ok(site
            .coe
            .wait_until_ready(asked.as_ref(), &self.nodes)
            .await?)
    }
}
