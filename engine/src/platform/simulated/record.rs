//! Records of clusters.

use serde::{Deserialize, Serialize};

use crate::model::{ClusterId, ClusterRecord, Owner};
use crate::platform::PlatformError;

use super::clusters;
use super::folder::{Folder, LockedFolder};
use super::labels::{self, Labels};

/// A record as its file keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct RecordFile {
    labels: Labels,
    record: ClusterRecord,
}

/// The cluster's record, and the owner that it carries.
pub(super) fn find(
    folder: &Folder,
    cluster: ClusterId,
) -> Result<Option<(ClusterRecord, Option<Owner>)>, PlatformError> {
    let file: Option<RecordFile> = folder.read_json(&folder.record_file(cluster))?;
    Ok(file.map(|file| (file.record, labels::owner_from(&file.labels))))
}

/// Keeps the cluster's record, in place of the one before.
pub(super) fn put(
    folder: &LockedFolder<'_>,
    owner: &Owner,
    record: &ClusterRecord,
) -> Result<(), PlatformError> {
    clusters::enter(folder, owner)?;
    let file = RecordFile {
        labels: labels::of_owner(owner),
        record: record.clone(),
    };
    folder.write_json(&folder.record_file(owner.cluster), &file)
}

/// Deletes the cluster's record, and the claim to what is no more.
pub(super) fn delete(folder: &LockedFolder<'_>, cluster: ClusterId) -> Result<(), PlatformError> {
    folder.remove_file(&folder.record_file(cluster))?;
    folder.remove_file(&folder.claim_file(cluster))?;
    clusters::leave_if_empty(folder, cluster)
}
