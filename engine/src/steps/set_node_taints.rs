//! Makes sure that a member has exactly the taints that the user wants.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::Site;
use crate::model::{NodeName, Taint};
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct SetNodeTaints {
    /// The node.
    pub node: NodeName,
    /// Its taints.
    pub taints: BTreeSet<Taint>,
}

#[async_trait]
impl Step for SetNodeTaints {
    fn name(&self) -> StepName {
        StepName::new("set_node_taints", &self.node)
    }

    fn title(&self) -> String {
        format!("taint {}", self.node)
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let asked = site.any_control_plane()?;
        site.coe
            .set_node_taints(asked.as_ref(), &self.node, &self.taints)
            .await?;
        Ok(())
    }
}
