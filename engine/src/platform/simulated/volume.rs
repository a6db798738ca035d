//! Volumes of nodes; they outlive the node's machine.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::{ClusterId, NodeName, NodeSpec, NodeVolume, Owner};
use crate::platform::{PlatformError, Retry};

use super::clusters;
use super::folder::{Folder, Kind, LockedFolder};
use super::labels::{self, Holder, Labels};

/// A volume as its file keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct VolumeFile {
    pub(super) labels: Labels,
    pub(super) name: String,
    /// What distinguishes it from the node's other volumes.
    pub(super) volume: String,
    pub(super) size: Option<u32>,
}

impl VolumeFile {
    /// The node whose volume it is.
    pub(super) fn node(&self) -> Option<NodeName> {
        self.labels.get(Owner::NODE_NAME)?.parse().ok()
    }
}

/// The volume's name on the platform.
pub(super) fn name(node: &NodeName, volume: &NodeVolume) -> String {
    format!("{node}-{}", volume.name)
}

/// What is in the volume.
pub(super) fn files(folder: &Folder, name: &str) -> PathBuf {
    folder.object(Kind::Volume, name).join("files")
}

/// Makes sure that the node has its volume.
pub(super) fn ensure(
    folder: &LockedFolder<'_>,
    owner: &Owner,
    node: &NodeSpec,
    volume: &NodeVolume,
) -> Result<(), PlatformError> {
    let name = name(&node.name, volume);
    if labels::is_ours(folder, Kind::Volume, &name, owner.cluster)? {
        return Ok(());
    }
    let labels = labels::of_node(owner, node);
    clusters::point_to(folder, owner, Kind::Volume, &name)?;
    let path = folder.object_file(Kind::Volume, &name);
    folder.write_json(
        &path,
        &VolumeFile {
            labels,
            name,
            volume: volume.name.clone(),
            size: volume.size,
        },
    )
}

/// Deletes the node's volumes. As on real platforms, not while its machine is there.
pub(super) fn delete(
    folder: &LockedFolder<'_>,
    cluster: ClusterId,
    node: &NodeName,
) -> Result<(), PlatformError> {
    for path in clusters::pointed(folder, cluster, Kind::Volume)? {
        // A foreign object of that name need not be a volume as we write them.
        let content = folder.read(&path)?;
        let file = content.and_then(|content| serde_json::from_slice::<VolumeFile>(&content).ok());
        let Some(file) = file else { continue };
        if file.node().as_ref() != Some(node) {
            continue;
        }
        if labels::holder(folder, Kind::Volume, &file.name)? == Holder::Cluster(cluster) {
            if labels::holder(folder, Kind::Machine, node.as_str())? == Holder::Cluster(cluster) {
                return Err(PlatformError::Refused {
                    what: format!("deleting volume {}", file.name),
                    reason: format!("machine {node} uses it"),
                    help: None,
                    retry: Retry::Never,
                });
            }
            folder.remove_object(Kind::Volume, &file.name)?;
        }
        clusters::forget(folder, cluster, Kind::Volume, &file.name)?;
    }
    Ok(())
}
