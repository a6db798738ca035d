//! The cluster's record: an empty volume whose label is the record.
//!
//! The engine cannot change a label, so a new record is a new volume with the next revision, and the
//! older ones are removed after it is there. A reader takes the highest revision: it sees the old
//! record or the new one, and a removal that did not happen does no harm.

use bollard::models::Volume;
use futures_util::future::try_join_all;

use super::claim::is_claim;
use super::{Docker, labels};
use crate::model::{ClusterId, ClusterRecord, Owner};
use crate::platform::{PlatformError, Retry};

/// Writers of one cluster do not meet in ordinary life: its operations exclude one another.
const MOST_ATTEMPTS: usize = 8;

/// Whether a volume is a record and not a node's.
pub(super) fn is_record(volume: &Volume) -> bool {
    volume.labels.contains_key(labels::RECORD)
}

/// The newer record has the higher revision.
pub(super) fn revision(volume: &Volume) -> u64 {
    volume
        .labels
        .get(labels::RECORD_REVISION)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

/// The records among volumes of one cluster that a newer one has replaced.
pub(super) fn replaced(volumes: &[Volume]) -> impl Iterator<Item = &Volume> {
    let records = || volumes.iter().filter(|volume| is_record(volume));
    let newest = records().map(revision).max();
    records().filter(move |record| Some(revision(record)) != newest)
}

impl Docker {
    /// See `Platform::put_record`.
    pub(super) async fn replace_record(
        &self,
        owner: &Owner,
        record: &ClusterRecord,
    ) -> Result<(), PlatformError> {
        let json = labels::json("the cluster's record", record)?;
        let older = self.list_records(owner.cluster).await?;
        let newest = older.iter().map(revision).max().unwrap_or(0);
        for next in (newest + 1..).take(MOST_ATTEMPTS) {
            let mut labels = labels::of_owner(owner);
            labels.insert(labels::RECORD.to_owned(), json.clone());
            labels.insert(labels::RECORD_REVISION.to_owned(), next.to_string());
            let name = format!("{}-record-{next}", owner.cluster_name);
            let written = self.ensure_volume(owner.cluster, name, labels).await?;
            // Another writer may have made that revision meanwhile: a volume that exists keeps its
            // labels.
            if written.labels.get(labels::RECORD) == Some(&json) {
                try_join_all(older.iter().map(|volume| self.remove_volume(&volume.name))).await?;
                return Ok(());
            }
        }
        Err(PlatformError::Refused {
            what: format!("write the record of cluster {}", owner.cluster_name),
            reason: "somebody else keeps writing it".to_owned(),
            help: Some("Let one operation at a time work on a cluster.".to_owned()),
            retry: Retry::Later,
        })
    }

    /// See `Platform::delete_record`. Claims go after records: until nothing is left, somebody works on it.
    pub(super) async fn remove_records(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.shared.making.nothing_is_made(cluster).await;
        let volumes = self.list_volumes(Some(labels::filter_of_cluster(cluster)));
        let volumes = volumes.await?;
        for goes in [is_record, is_claim] {
            let going = volumes.iter().filter(|volume| goes(volume));
            try_join_all(going.map(|volume| self.remove_volume(&volume.name))).await?;
        }
        Ok(())
    }

    async fn list_records(&self, cluster: ClusterId) -> Result<Vec<Volume>, PlatformError> {
        let mut volumes = self
            .list_volumes(Some(labels::filter_of_cluster(cluster)))
            .await?;
        volumes.retain(is_record);
        Ok(volumes)
    }
}
