//! To whom an object belongs, as its file says.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::model::{ClusterId, NodeSpec, Owner};
use crate::platform::PlatformError;

use super::folder::{Folder, Kind};

/// Labels as a file keeps them.
pub(super) type Labels = BTreeMap<String, String>;

/// To whom an object belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// There is no such object.
    Nobody,
    /// It carries that cluster's labels.
    Cluster(ClusterId),
    /// It carries no labels of ours.
    Foreign,
}

impl Holder {
    /// The cluster, if it is one.
    pub(super) fn cluster(self) -> Option<ClusterId> {
        match self {
            Self::Cluster(cluster) => Some(cluster),
            Self::Nobody | Self::Foreign => None,
        }
    }
}

/// What can be read of any object, foreign ones included.
#[derive(Deserialize)]
struct Labelled {
    #[serde(default)]
    labels: Labels,
}

/// To whom the object belongs.
pub(super) fn holder(folder: &Folder, kind: Kind, name: &str) -> Result<Holder, PlatformError> {
    holder_of_file(folder, &folder.object_file(kind, name))
}

fn holder_of_file(folder: &Folder, path: &Path) -> Result<Holder, PlatformError> {
    let Some(labelled) = folder.read_json::<Labelled>(path)? else {
        return Ok(Holder::Nobody);
    };
    let cluster = labelled
        .labels
        .get(Owner::CLUSTER_ID)
        .and_then(|id| id.parse().ok());
    Ok(cluster.map_or(Holder::Foreign, Holder::Cluster))
}

/// Whether the object is there; an error if it is there and not that cluster's.
pub(super) fn is_ours(
    folder: &Folder,
    kind: Kind,
    name: &str,
    cluster: ClusterId,
) -> Result<bool, PlatformError> {
    match holder(folder, kind, name)? {
        Holder::Nobody => Ok(false),
        Holder::Cluster(holder) if holder == cluster => Ok(true),
        Holder::Cluster(_) | Holder::Foreign => Err(PlatformError::Foreign {
            kind: kind.as_str(),
            name: name.to_owned(),
        }),
    }
}

/// The labels of an object of a cluster.
pub(super) fn of_owner(owner: &Owner) -> Labels {
    owner
        .labels()
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// The labels of an object of a node.
pub(super) fn of_node(owner: &Owner, node: &NodeSpec) -> Labels {
    owner
        .labels_of(node)
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// The owner that labels name.
pub(super) fn owner_from(labels: &Labels) -> Option<Owner> {
    Some(Owner {
        cluster: labels.get(Owner::CLUSTER_ID)?.parse().ok()?,
        cluster_name: labels.get(Owner::CLUSTER_NAME)?.parse().ok()?,
        operation: labels.get(Owner::OPERATION_ID)?.parse().ok()?,
        deadline: labels.get(Owner::OPERATION_DEADLINE)?.parse().ok()?,
        host: labels.get(Owner::OPERATION_HOST).cloned(),
    })
}
