//! Makes sure that a member carries exactly the labels that the user wants.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::Site;
use crate::model::NodeName;
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct SetNodeLabels {
    /// The node.
    pub node: NodeName,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

#[async_trait]
impl Step for SetNodeLabels {
    fn name(&self) -> StepName {
        StepName::new("set_node_labels", &self.node)
    }

    fn title(&self) -> String {
        format!("label {}", self.node)
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let asked = site.any_control_plane()?;
        site.coe
            .set_node_labels(asked.as_ref(), &self.node, &self.labels)
            .await?;
        site.is_labelled(&self.node);
        Ok(())
    }
}
