//! The index of clusters: pointers to the objects of each, and its name.
//!
//! A pointer is written before its object and removed after it. So a pointer may lead to nothing, or
//! to what somebody else made since; an object without a pointer is never left behind.

use std::path::PathBuf;

use crate::model::{ClusterId, ClusterName, Owner};
use crate::platform::PlatformError;

use super::folder::{Folder, Kind, LockedFolder};

/// Enters the cluster into the index, so that it is found by id and by name.
pub(super) fn enter(folder: &LockedFolder<'_>, owner: &Owner) -> Result<(), PlatformError> {
    let name_file = folder.cluster_name_file(owner.cluster);
    if folder.read_text(&name_file)?.as_deref() == Some(owner.cluster_name.as_str()) {
        return Ok(());
    }
    let by_name = folder
        .clusters_of_name(&owner.cluster_name)
        .join(owner.cluster.to_string());
    folder.write(&by_name, 0o644, b"")?;
    folder.write(&name_file, 0o644, owner.cluster_name.as_str().as_bytes())
}

/// Points from the cluster to an object that is about to be made.
pub(super) fn point_to(
    folder: &LockedFolder<'_>,
    owner: &Owner,
    kind: Kind,
    name: &str,
) -> Result<(), PlatformError> {
    enter(folder, owner)?;
    folder.write(&folder.pointer(owner.cluster, kind, name), 0o644, b"")
}

/// Takes the pointer to an object away, and the cluster out of the index with its last object.
pub(super) fn forget(
    folder: &LockedFolder<'_>,
    cluster: ClusterId,
    kind: Kind,
    name: &str,
) -> Result<(), PlatformError> {
    folder.remove_file(&folder.pointer(cluster, kind, name))?;
    leave_if_empty(folder, cluster)
}

/// Takes the cluster out of the index if nothing of it is left.
pub(super) fn leave_if_empty(
    folder: &LockedFolder<'_>,
    cluster: ClusterId,
) -> Result<(), PlatformError> {
    let left = folder.names_in(&folder.cluster(cluster))?;
    if left.iter().any(|entry| entry != "name") {
        return Ok(());
    }
    let name = folder.read_text(&folder.cluster_name_file(cluster))?;
    if let Some(name) = name.and_then(|name| name.parse::<ClusterName>().ok()) {
        folder.remove_file(&folder.clusters_of_name(&name).join(cluster.to_string()))?;
    }
    folder.remove_folder(&folder.cluster(cluster))
}

/// The files that the cluster's pointers to objects of a kind lead to.
pub(super) fn pointed(
    folder: &Folder,
    cluster: ClusterId,
    kind: Kind,
) -> Result<Vec<PathBuf>, PlatformError> {
    let entries = folder.names_in(&folder.cluster(cluster))?;
    Ok(pointed_among(folder, &entries, kind))
}

/// The files that those of the entries of a cluster's folder lead to which point to a kind.
pub(super) fn pointed_among(folder: &Folder, entries: &[String], kind: Kind) -> Vec<PathBuf> {
    entries
        .iter()
        .filter_map(|entry| entry.strip_prefix(kind.as_str())?.strip_prefix('.'))
        .map(|object| {
            folder
                .all(kind)
                .join(object)
                .join(format!("{}.json", kind.as_str()))
        })
        .collect()
}
