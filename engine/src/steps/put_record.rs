//! Makes the platform remember the cluster.
//!
//! The first record of a new cluster says that it is not complete, so that what an interrupted create
//! leaves can be told from a cluster. There is nothing to undo: the record goes last of all, once nothing else is
//! left, because what is left without one is known to nobody.

use async_trait::async_trait;

use super::Site;
use crate::model::{ClusterName, Phase};
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct PutRecord {
    /// The cluster.
    pub cluster: ClusterName,
    /// What the record says of it.
    pub phase: Phase,
}

#[async_trait]
impl Step for PutRecord {
    fn name(&self) -> StepName {
        StepName::new("put_record", &self.cluster)
    }

    fn title(&self) -> String {
        format!("remember {} on its platform", self.cluster)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let record = site.record(self.phase);
        Ok(site.platform.put_record(&site.owner, &record).await?)
    }
}
