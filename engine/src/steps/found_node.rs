//! Makes one of the nodes that a new cluster begins with a member, beside the step that makes the cluster.
//!
//! There is nothing to undo that the undo of its machine does not: the whole cluster goes.

use async_trait::async_trait;

use super::Site;
use crate::coe::Founder;
use crate::model::{NodeName, Role};
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct FoundNode {
    /// The node.
    pub node: NodeName,
    /// What it becomes.
    pub role: Role,
    /// The control plane that the cluster is made on.
    pub first: NodeName,
}

#[async_trait]
impl Step for FoundNode {
    fn name(&self) -> StepName {
        StepName::new("found_node", &self.node)
    }

    fn title(&self) -> String {
        format!("have {} begin as {}", self.node, self.role)
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let reached = site.reach(&self.node)?;
        let access = reached.access();
        let founder = Founder {
            first: site.address(&self.first)?,
            ordinal: site.ordinal(&self.node),
        };
        tokio::select! {
            found = site.coe.found(&site.spec, &access, founder) => Ok(found?),
            // A step that runs is awaited when another fails, and this one waits for that one.
            () = site.cluster_failed() => Err(StepError::Missing(format!(
                "the cluster that {} is to be a node of", self.node
            ))),
        }
    }
}
