//! Deletes a node's machine, with its volumes or without.
//!
//! It is not undone: the next plan makes the machine again if it is wanted.

use async_trait::async_trait;

use super::Site;
use crate::model::NodeName;
use crate::saga::{Step, StepError, StepName};

/// What becomes of the volumes of a machine that is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volumes {
    /// They stay for the node's next machine.
    Keep,
    /// They go: the node is not wanted any more.
    Delete,
}

/// See the module.
pub struct DeleteMachine {
    /// The node.
    pub node: NodeName,
    /// What becomes of its volumes.
    pub volumes: Volumes,
}

#[async_trait]
impl Step for DeleteMachine {
    fn name(&self) -> StepName {
        StepName::new("delete_machine", &self.node)
    }

    fn title(&self) -> String {
        match self.volumes {
            Volumes::Keep => format!("delete the machine of {}", self.node),
            Volumes::Delete => format!("delete the machine and volumes of {}", self.node),
        }
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let cluster = site.owner.cluster;
        site.platform.delete_machine(cluster, &self.node).await?;
        match self.volumes {
            Volumes::Keep => site.machine_is_gone(&self.node),
            Volumes::Delete => {
                site.platform.delete_volumes(cluster, &self.node).await?;
                site.node_is_gone(&self.node);
            }
        }
        Ok(())
    }
}
