//! Gives a control plane new certificates before those that it has end.
//!
//! There is nothing to undo: the old ones have not ended yet.

use async_trait::async_trait;

use super::Site;
use crate::model::NodeName;
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct RenewCertificates {
    /// The control plane.
    pub node: NodeName,
}

#[async_trait]
impl Step for RenewCertificates {
    fn name(&self) -> StepName {
        StepName::new("renew_certificates", &self.node)
    }

    fn title(&self) -> String {
        format!("renew the certificates of {}", self.node)
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let reached = site.reach(&self.node)?;
        Ok(site.coe.renew_certificates(&reached.access()).await?)
    }
}
