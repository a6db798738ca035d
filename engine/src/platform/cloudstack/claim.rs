//! The claim on a cluster: affinity groups with numbers in their names, of which the highest counts.
//!
//! The database takes a name once for an account, so of two that take the next number one does. A claim is given back by
//! the next number too, which says so. The highest is deleted only when there is a higher one, so a number that is taken
//! after an old look is not the highest: who takes one looks whether it is, and gives up where it is not.

use super::CloudStack;
use super::client::Failure;
use super::kept::{Kept, Kind, name};
use super::lists::AffinityGroup;
use crate::model::{ClusterId, OperationId, Owner};
use crate::platform::labels::{described, description, unreadable};
use crate::platform::{PlatformError, Retry};

/// How the description begins of a claim that was given back.
const RELEASED: &str = "released ";
/// How often others may be faster.
const MOST_TRIES: usize = 100;

impl CloudStack {
    /// See `Platform::claim`.
    pub(super) async fn take_claim(
        &self,
        owner: &Owner,
        instead_of: Option<OperationId>,
    ) -> Result<Option<Owner>, PlatformError> {
        for _ in 0..MOST_TRIES {
            let claims = self.claims_on(owner.cluster).await?;
            let last = claims.last();
            if let Some(holder) = last.map(holder).transpose()?.flatten() {
                if holder.operation == owner.operation {
                    return Ok(None);
                }
                if Some(holder.operation) != instead_of {
                    return Ok(Some(holder));
                }
            }
            let number = last.map_or(0, |last| last.number) + 1;
            let taken = self.take_number(owner, number, description(owner)).await;
            let now = self.claims_on(owner.cluster).await?;
            match taken {
                // Somebody has it, or will be seen next time.
                Err(failure) if failure.may_pass() || !has_number(&now, number) => {
                    return Err(failure.into());
                }
                Err(_taken) => continue,
                Ok(()) => {}
            }
            if now.last().is_some_and(|last| last.number == number) {
                self.drop_below(&now, number).await?;
                return Ok(None);
            }
            // The look was an old one: the number had been given and forgotten.
            for own in now.iter().filter(|claim| claim.number == number) {
                self.drop_group(&own.object).await?;
            }
        }
        Err(PlatformError::Refused {
            what: format!("claim {}", owner.cluster_name),
            reason: "others were faster each time".to_owned(),
            help: None,
            retry: Retry::Later,
        })
    }

    /// See `Platform::release`.
    pub(super) async fn give_back_claim(
        &self,
        cluster: ClusterId,
        operation: OperationId,
    ) -> Result<(), PlatformError> {
        self.shared.making.nothing_is_made(cluster).await;
        let claims = self.claims_on(cluster).await?;
        let Some(last) = claims.last() else {
            return Ok(());
        };
        let Some(holder) = holder(last)? else {
            return Ok(());
        };
        if holder.operation != operation {
            return Ok(());
        }
        let number = last.number + 1;
        let released = format!("{RELEASED}{}", description(&holder));
        if let Err(failure) = self.take_number(&holder, number, released).await {
            let now = self.claims_on(cluster).await?;
            // Another one is in its place.
            if failure.may_pass() || !has_number(&now, number) {
                return Err(failure.into());
            }
        }
        self.drop_below(&claims, number).await
    }

    async fn take_number(
        &self,
        owner: &Owner,
        number: u32,
        description: String,
    ) -> Result<(), Failure> {
        let what = format!("claim {}", owner.cluster_name);
        let name = name(Kind::Claim, owner.cluster, number);
        self.make_group(owner.cluster, what, name, description)
            .await
    }

    async fn drop_below(
        &self,
        claims: &[Kept<AffinityGroup>],
        number: u32,
    ) -> Result<(), PlatformError> {
        for claim in claims.iter().filter(|claim| claim.number < number) {
            self.drop_group(&claim.object).await?;
        }
        Ok(())
    }

    async fn claims_on(
        &self,
        cluster: ClusterId,
    ) -> Result<Vec<Kept<AffinityGroup>>, PlatformError> {
        let mut claims = self.claims().await?;
        claims.retain(|claim| claim.cluster == cluster);
        Ok(claims)
    }
}

fn has_number(claims: &[Kept<AffinityGroup>], number: u32) -> bool {
    claims.iter().any(|claim| claim.number == number)
}

/// Who has the cluster by that claim; `None`: it was given back.
pub(super) fn holder(claim: &Kept<AffinityGroup>) -> Result<Option<Owner>, PlatformError> {
    if claim.object.description.starts_with(RELEASED) {
        return Ok(None);
    }
    owner(claim).map(Some)
}

/// Whose the claim is or was.
pub(super) fn owner(claim: &Kept<AffinityGroup>) -> Result<Owner, PlatformError> {
    let said = &claim.object.description;
    let said = said.strip_prefix(RELEASED).unwrap_or(said);
    described(said).ok_or_else(|| {
        let object = format!("affinity group {}", claim.object.name);
        unreadable(&object, "the description", &"it is not of this program")
    })
}
