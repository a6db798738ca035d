//! The claim on a cluster: images with numbers, of which the one with the highest counts.
//!
//! The id of a claim is made of the cluster's and of its number, and Glance gives an id once: of two that take the next
//! number, one does. A claim that is given back stays as the last number, until the next one comes in its place.

use uuid::Uuid;

use super::OpenStack;
use super::kept::{Kept, Kind};
use super::labels;
use crate::model::{ClusterId, OperationId, Owner};
use crate::platform::{PlatformError, Retry, Scope};

/// Which of two claims is the later one.
const NUMBER: &str = "io.coe.cluster.claim.number";
/// That a claim was given back.
const RELEASED: &str = "io.coe.cluster.claim.released";
/// How many numbers may have been given and forgotten again.
const MOST_FORGOTTEN: u32 = 10_000;

impl OpenStack {
    /// See `Platform::claim`.
    pub(super) async fn take_claim(
        &self,
        owner: &Owner,
        instead_of: Option<OperationId>,
    ) -> Result<Option<Owner>, PlatformError> {
        let mut tried = 0;
        loop {
            let claims = self.claims(owner.cluster).await?;
            let last = claims.last();
            if let Some((_, last)) = last.filter(|(_, last)| !is_released(last)) {
                let holder = last.owner()?;
                if holder.operation == owner.operation {
                    return Ok(None);
                }
                if Some(holder.operation) != instead_of {
                    return Ok(Some(holder));
                }
            }
            let number = last.map_or(0, |(number, _)| *number).max(tried) + 1;
            if number > MOST_FORGOTTEN {
                return Err(PlatformError::Refused {
                    what: format!("claim {}", owner.cluster_name),
                    reason: "no number is free".to_owned(),
                    help: None,
                    retry: Retry::Never,
                });
            }
            let id = id(owner.cluster, number)?;
            let more = [(NUMBER, number.to_string())];
            match self.keep(Kind::Claim, Some(id), owner, &more).await {
                Ok(()) => {
                    for (_, before) in &claims {
                        self.drop_kept(before).await?;
                    }
                    return Ok(None);
                }
                // Somebody was faster, or the number was given before and is forgotten.
                Err(failure) if failure.is_conflict() && !failure.is_quota() => tried = number,
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    /// See `Platform::release`.
    pub(super) async fn give_back_claim(
        &self,
        cluster: ClusterId,
        operation: OperationId,
    ) -> Result<(), PlatformError> {
        self.shared.making.nothing_is_made(cluster).await;
        for (_, claim) in self.claims(cluster).await? {
            if is_released(&claim) || claim.owner()?.operation != operation {
                continue;
            }
            let more = [(RELEASED, "true".to_owned())];
            let what = "give back the claim on a cluster";
            match self.keep_instead(&claim, what, None, &more).await {
                // Another one is in its place.
                Err(failure) if failure.is_absent() => {}
                given_back => given_back?,
            }
        }
        Ok(())
    }

    /// The claims on a cluster by number.
    async fn claims(&self, cluster: ClusterId) -> Result<Vec<(u32, Kept)>, PlatformError> {
        in_order(self.kept(&Scope::Id(cluster)).await?)
    }
}

/// The claims among what is kept of a cluster, by number.
pub(super) fn in_order(kept: Vec<Kept>) -> Result<Vec<(u32, Kept)>, PlatformError> {
    let claims = kept.into_iter().filter(|kept| kept.is(Kind::Claim));
    let mut claims = claims
        .map(|claim| Ok((labels::parsed(&claim.told(), &claim.labels, NUMBER)?, claim)))
        .collect::<Result<Vec<_>, PlatformError>>()?;
    claims.sort_by_key(|(number, _)| *number);
    Ok(claims)
}

pub(super) fn is_released(claim: &Kept) -> bool {
    claim.labels.contains_key(RELEASED)
}

/// The id of the claim of that number.
fn id(cluster: ClusterId, number: u32) -> Result<String, PlatformError> {
    let cluster = cluster.to_string();
    let of_cluster: Uuid = cluster
        .parse()
        .map_err(|error| labels::unreadable("a cluster's id", &cluster, &error))?;
    Ok(Uuid::from_u128(of_cluster.as_u128() ^ u128::from(number)).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_of_claims_differ_from_one_another_and_from_the_records() {
        let cluster = ClusterId::new();
        let ids: std::collections::BTreeSet<String> = (1..=MOST_FORGOTTEN)
            .map(|number| id(cluster, number).unwrap())
            .collect();
        assert_eq!(ids.len(), 10_000);
        assert!(!ids.contains(&cluster.to_string()));
    }
}
