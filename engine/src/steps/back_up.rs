//! Keeps what the cluster knows, on a control plane whose machine is about to be made again as another one.
//!
//! It stays there: nobody but a person, with the COE's own means, goes back to it.

use async_trait::async_trait;

use super::Site;
use crate::model::NodeName;
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct BackUp {
    /// The control plane.
    pub node: NodeName,
}

#[async_trait]
impl Step for BackUp {
    fn name(&self) -> StepName {
        StepName::new("back_up", &self.node)
    }

    fn title(&self) -> String {
        format!("keep a copy of what the cluster knows on {}", self.node)
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        Ok(site.coe.back_up(site.exec(&self.node)?.as_ref()).await?)
    }
}
