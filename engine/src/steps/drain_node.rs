//! Moves all work off a node and waits until it is gone.
//!
//! `undo` lets the node take work again: a node whose drain fails stays in service.

use async_trait::async_trait;

use super::Site;
use crate::model::NodeName;
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct DrainNode {
    /// The node.
    pub node: NodeName,
}

#[async_trait]
impl Step for DrainNode {
    fn name(&self) -> StepName {
        StepName::new("drain_node", &self.node)
    }

    fn title(&self) -> String {
        format!("drain {}", self.node)
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let asked = site.control_plane(&self.node)?;
        let drained = site.coe.drain(asked.as_ref(), &self.node, site.spec.drain);
        Ok(drained.await?)
    }

    async fn undo(&self, site: &Site) -> Result<(), StepError> {
        let asked = site.control_plane(&self.node)?;
        Ok(site.coe.uncordon(asked.as_ref(), &self.node).await?)
    }
}
