//! Brings a node whose machine came back into its cluster again.
//!
//! A node whose volumes were kept comes back by itself, and is given time for it. One that does not, or
//! whose volumes are gone, is forgotten by the cluster and joins anew. There is nothing to undo.

use std::time::Duration;

use async_trait::async_trait;

use super::Site;
use super::join_node::{join, leave};
use super::wait_for_return::come_back;
use crate::model::{NodeName, Role};
use crate::saga::{Step, StepError, StepName};

/// How long the only control plane is given to come back, on whatever busy machine: nothing else can be done for it.
const ALONE: Duration = Duration::from_mins(4);

/// What is done before a node joins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comeback {
    /// It is given that long to come back by itself.
    ByItself(Duration),
    /// Nothing: it cannot come back by itself.
    Never,
}

/// See the module.
pub struct RestoreMember {
    /// The node.
    pub node: NodeName,
    /// Its role.
    pub role: Role,
    /// Whether it may come back by itself.
    pub comeback: Comeback,
}

#[async_trait]
impl Step for RestoreMember {
    fn name(&self) -> StepName {
        StepName::new("restore_member", &self.node)
    }

    fn title(&self) -> String {
        format!("bring {} {} back into the cluster", self.role, self.node)
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let node = std::slice::from_ref(&self.node);
        // The cluster's own state is on it and nowhere else: one that left would take it along.
        let is_alone = self.role == Role::ControlPlane && !site.has_other_control_plane(&self.node);
        if let Comeback::ByItself(patience) = self.comeback
            && let Ok(asked) = site.control_plane(&self.node)
        {
            let patience = if is_alone {
                patience.max(ALONE)
            } else {
                patience
            };
            if come_back(site, asked.as_ref(), node, patience).await {
                return Ok(());
            }
        }
        if is_alone {
            return Err(StepError::OnlyControlPlane(self.node.clone()));
        }
        leave(site, &self.node).await?;
        join(site, &self.node, self.role).await?;
        self.wait_until_ready(site).await
    }
}

impl RestoreMember {
    async fn wait_until_ready(&self, site: &Site) -> Result<(), StepError> {
        let asked = site.control_plane(&self.node)?;
        let node = std::slice::from_ref(&self.node);
        let wait_for = site.spec.wait_for;
        let ready = site.coe.wait_until_ready(asked.as_ref(), node, wait_for);
        Ok(ready.await?)
    }
}
