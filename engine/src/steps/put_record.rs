//! Makes the platform remember the cluster.
//!
//! The first record of a new cluster says that it is not complete, so that what an interrupted create
//! leaves can be told from a cluster; its undo deletes it.

use async_trait::async_trait;

use super::Site;
use crate::model::ClusterName;
use crate::saga::{Step, StepError, StepName};

/// What the record says of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It is being made.
    Begun,
    /// It is there.
    Complete,
}

/// See the module.
pub struct PutRecord {
    /// The cluster.
    pub cluster: ClusterName,
    /// What the record says of it.
    pub progress: Progress,
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
        let record = site.record(self.progress == Progress::Complete);
        Ok(site.platform.put_record(&site.owner, &record).await?)
    }

    async fn undo(&self, site: &Site) -> Result<(), StepError> {
        match self.progress {
            Progress::Begun => Ok(site.platform.delete_record(site.owner.cluster).await?),
            Progress::Complete => Ok(()),
        }
    }
}
