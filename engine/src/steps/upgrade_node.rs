//! Makes a node whose volumes an earlier version has written one of the version of its machine.
//!
//! Of a node that is one already it changes nothing. There is nothing to undo: a newer version's state is not read by
//! an older one.

use std::sync::Arc;

use async_trait::async_trait;

use super::Site;
use crate::model::NodeName;
use crate::saga::{Step, StepError, StepName};
use crate::transport::Exec;

/// See the module.
pub struct UpgradeNode {
    /// The node.
    pub node: NodeName,
}

#[async_trait]
impl Step for UpgradeNode {
    fn name(&self) -> StepName {
        StepName::new("upgrade_node", &self.node)
    }

    fn title(&self) -> String {
        format!("bring {} to the version of its machine", self.node)
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let reached = site.reach(&self.node)?;
        let access = reached.access();
        let asked = site.control_plane(&self.node).ok();
        let others: Vec<Arc<dyn Exec>> = site
            .running_machines()
            .into_iter()
            .filter(|other| *other.node() != self.node)
            .collect();
        let upgrading = site
            .coe
            .upgrade(&site.spec, &access, asked.as_deref(), &others);
        Ok(upgrading.await?)
    }
}
