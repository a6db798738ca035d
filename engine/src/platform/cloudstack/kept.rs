//! What is kept of a cluster beside its objects, under names that carry its id and a number: of several the one with the
//! highest number counts.

use super::CloudStack;
use super::client::Call;
use super::lists::{AffinityGroup, UserData};
use crate::model::ClusterId;
use crate::platform::PlatformError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An affinity group: the database takes a name once for an account.
    Claim,
    /// Registered user data.
    Record,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Record => "record",
        }
    }
}

/// The name under which something is kept.
pub(super) fn name(kind: Kind, cluster: ClusterId, number: u32) -> String {
    format!("coe-{cluster}-{}-{number}", kind.as_str())
}

/// Of which cluster something of that name is kept, and its number.
fn parsed(kind: Kind, name: &str) -> Option<(ClusterId, u32)> {
    let between = format!("-{}-", kind.as_str());
    let (cluster, number) = name.strip_prefix("coe-")?.split_once(&between)?;
    Some((cluster.parse().ok()?, number.parse().ok()?))
}

/// One that is kept.
#[derive(Debug, Clone)]
pub(super) struct Kept<T> {
    pub(super) cluster: ClusterId,
    pub(super) number: u32,
    pub(super) object: T,
}

fn of_kind<T>(kind: Kind, objects: Vec<T>, name: impl Fn(&T) -> &str) -> Vec<Kept<T>> {
    let kept = objects.into_iter().filter_map(|object| {
        let (cluster, number) = parsed(kind, name(&object))?;
        Some(Kept {
            cluster,
            number,
            object,
        })
    });
    let mut kept: Vec<_> = kept.collect();
    kept.sort_by_key(|kept| kept.number);
    kept
}

impl CloudStack {
    /// All claims, those with lower numbers first.
    pub(super) async fn claims(&self) -> Result<Vec<Kept<AffinityGroup>>, PlatformError> {
        let call = self.list_of_ours("listAffinityGroups").await?;
        let client = &self.shared.client;
        let groups = client.list("list claims", call, "affinitygroup").await?;
        Ok(of_kind(Kind::Claim, groups, |group: &AffinityGroup| {
            &group.name
        }))
    }

    /// All records, those with lower numbers first.
    pub(super) async fn records(&self) -> Result<Vec<Kept<UserData>>, PlatformError> {
        let call = self.list_of_ours("listUserData").await?;
        let client = &self.shared.client;
        let records = client.list("list records", call, "userdata").await?;
        Ok(of_kind(Kind::Record, records, |record: &UserData| {
            &record.name
        }))
    }

    pub(super) async fn drop_claim(&self, claim: &AffinityGroup) -> Result<(), PlatformError> {
        let call = self
            .of_project(Call::new("deleteAffinityGroup"))
            .await?
            .with("id", claim.id.as_str());
        let client = &self.shared.client;
        client.remove("forget a claim on a cluster", call).await
    }

    pub(super) async fn drop_record(&self, record: &UserData) -> Result<(), PlatformError> {
        let what = "forget a record of a cluster";
        let call = self
            .of_project(Call::new("deleteUserData"))
            .await?
            .with("id", record.id.as_str());
        match self
            .shared
            .client
            .ask::<serde_json::Value>(what, call)
            .await
        {
            Err(failure) if !failure.is_absent() => Err(failure.into()),
            _ => Ok(()),
        }
    }

    /// See `Platform::delete_record`.
    pub(super) async fn forget(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.shared.making.nothing_is_made(cluster).await;
        let (claims, records) = tokio::try_join!(self.claims(), self.records())?;
        for claim in claims.iter().filter(|claim| claim.cluster == cluster) {
            self.drop_claim(&claim.object).await?;
        }
        // The record last: what is left without one is known to nobody.
        for record in records.iter().filter(|record| record.cluster == cluster) {
            self.drop_record(&record.object).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_of_which_cluster_it_is_and_its_number() {
        let cluster = ClusterId::new();
        let claim = name(Kind::Claim, cluster, 12);
        assert_eq!(parsed(Kind::Claim, &claim), Some((cluster, 12)));
        assert_eq!(parsed(Kind::Record, &claim), None);
        assert_eq!(parsed(Kind::Claim, "coe-claim-1"), None);
        assert_eq!(parsed(Kind::Claim, "somebody's group"), None);
    }
}
