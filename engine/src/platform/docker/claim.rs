//! The claim on a cluster: an empty volume whose labels say which operation has the cluster.
//!
//! The engine makes one volume of a name and answers a second create with the first, so of two that make the
//! next revision at once one learns of the other. A claim that takes another's place is the next revision; the
//! older one is removed after it is there.

use bollard::models::Volume;
use futures_util::future::try_join_all;

use super::{Docker, labels, record};
use crate::model::{ClusterId, OperationId, Owner};
use crate::platform::PlatformError;

/// Whether a volume is a claim, and not a record or a node's.
pub(super) fn is_claim(volume: &Volume) -> bool {
    volume.labels.contains_key(labels::CLAIM_REVISION)
}

/// The claims among volumes, the one that counts last.
pub(super) fn in_order(volumes: &[Volume]) -> Vec<&Volume> {
    let mut claims: Vec<_> = volumes.iter().filter(|volume| is_claim(volume)).collect();
    claims.sort_by_key(|claim| revision(claim));
    claims
}

fn revision(volume: &Volume) -> u64 {
    let text = volume.labels.get(labels::CLAIM_REVISION);
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn claimant(volume: &Volume) -> Result<Owner, PlatformError> {
    labels::owner(&format!("volume {}", volume.name), &volume.labels)
}

impl Docker {
    /// See `Platform::claim`.
    pub(super) async fn take_claim(
        &self,
        owner: &Owner,
        instead_of: Option<OperationId>,
    ) -> Result<Option<Owner>, PlatformError> {
        let before = self.list_claims(owner.cluster).await?;
        let newest = before.iter().max_by_key(|claim| revision(claim));
        let holder = newest.map(claimant).transpose()?;
        match holder {
            Some(holder) if holder.operation == owner.operation => return Ok(None),
            Some(holder) if Some(holder.operation) != instead_of => return Ok(Some(holder)),
            _ => {}
        }
        let next = newest.map_or(0, revision) + 1;
        let mut labels = labels::of_owner(owner);
        labels.insert(labels::CLAIM_REVISION.to_owned(), next.to_string());
        let name = format!("{}-claim-{next}", owner.cluster_name);
        let made = claimant(&self.ensure_volume(owner.cluster, name, labels).await?)?;
        if made.operation != owner.operation {
            return Ok(Some(made));
        }
        // Somebody may have taken and released the cluster since the list was made, and another one taken it.
        let is_known = |claim: &Volume| before.iter().any(|known| known.name == claim.name);
        for other in self.list_claims(owner.cluster).await? {
            let other_claimant = claimant(&other)?;
            if other_claimant.operation != owner.operation && !is_known(&other) {
                self.remove_claim(owner.cluster, owner.operation).await?;
                return Ok(Some(other_claimant));
            }
        }
        try_join_all(before.iter().map(|claim| self.remove_volume(&claim.name))).await?;
        Ok(None)
    }

    /// See `Platform::release`. Records that a newer one has replaced go as well: an operation that was cut off in
    /// the middle may have left one.
    pub(super) async fn remove_claim(
        &self,
        cluster: ClusterId,
        operation: OperationId,
    ) -> Result<(), PlatformError> {
        // A record that comes after this would stay beside the one that it replaces.
        self.shared.making.nothing_is_made(cluster).await;
        let volumes = self.list_volumes(Some(labels::filter_of_cluster(cluster)));
        let volumes = volumes.await?;
        for old in record::replaced(&volumes) {
            self.remove_volume(&old.name).await?;
        }
        for claim in in_order(&volumes) {
            if claimant(claim)?.operation == operation {
                self.remove_volume(&claim.name).await?;
            }
        }
        Ok(())
    }

    async fn list_claims(&self, cluster: ClusterId) -> Result<Vec<Volume>, PlatformError> {
        let mut volumes = self
            .list_volumes(Some(labels::filter_of_cluster(cluster)))
            .await?;
        volumes.retain(is_claim);
        Ok(volumes)
    }
}
