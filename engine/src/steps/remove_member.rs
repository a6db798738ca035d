//! Takes a node out of the cluster's members; a control plane gives up its vote first.
//!
//! It is not undone: a node that left has to join anew, which the next plan sees to.

use async_trait::async_trait;

use super::Site;
use super::join_node::leave;
use crate::model::NodeName;
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct RemoveMember {
    /// The node.
    pub node: NodeName,
}

#[async_trait]
impl Step for RemoveMember {
    fn name(&self) -> StepName {
        StepName::new("remove_member", &self.node)
    }

    fn title(&self) -> String {
        format!("take {} out of the cluster", self.node)
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        leave(site, &self.node).await?;
        site.is_forgotten(&self.node);
        Ok(())
    }
}
