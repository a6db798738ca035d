//! Claims on clusters.

use crate::model::{ClusterId, OperationId, Owner};
use crate::platform::PlatformError;

use super::clusters;
use super::folder::{Folder, LockedFolder};
use super::labels::{self, Labels};

/// Who has the cluster.
pub(super) fn find(folder: &Folder, cluster: ClusterId) -> Result<Option<Owner>, PlatformError> {
    let labels: Option<Labels> = folder.read_json(&folder.claim_file(cluster))?;
    Ok(labels.as_ref().and_then(labels::owner_from))
}

/// Takes the cluster, unless another operation than `instead_of` has it: that one's owner is the answer.
pub(super) fn take(
    folder: &LockedFolder<'_>,
    owner: &Owner,
    instead_of: Option<OperationId>,
) -> Result<Option<Owner>, PlatformError> {
    if let Some(holder) = find(folder, owner.cluster)?
        && holder.operation != owner.operation
        && Some(holder.operation) != instead_of
    {
        return Ok(Some(holder));
    }
    clusters::enter(folder, owner)?;
    let file = folder.claim_file(owner.cluster);
    folder.write_json(&file, &labels::of_owner(owner))?;
    Ok(None)
}

/// Ends the claim of that operation, if it has one.
pub(super) fn end(
    folder: &LockedFolder<'_>,
    cluster: ClusterId,
    operation: OperationId,
) -> Result<(), PlatformError> {
    match find(folder, cluster)? {
        Some(holder) if holder.operation == operation => {
            folder.remove_file(&folder.claim_file(cluster))?;
            clusters::leave_if_empty(folder, cluster)
        }
        _ => Ok(()),
    }
}
