//! Lets a drained node take work again.

use async_trait::async_trait;

use super::Site;
use crate::model::NodeName;
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct UncordonNode {
    /// The node.
    pub node: NodeName,
}

#[async_trait]
impl Step for UncordonNode {
    fn name(&self) -> StepName {
        StepName::new("uncordon_node", &self.node)
    }

    fn title(&self) -> String {
        format!("let {} take work again", self.node)
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let asked = site.any_control_plane()?;
        Ok(site.coe.uncordon(asked.as_ref(), &self.node).await?)
    }
}
