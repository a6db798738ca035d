//! What is kept of a cluster beside its objects, under names that carry its id and a number: of several the one with the
//! highest number counts.

use super::CloudStack;
use super::client::{Call, Failure};
use super::lists::AffinityGroup;
use crate::model::ClusterId;
use crate::platform::PlatformError;

/// What groups are for that keep nothing apart: a type that every cloud has.
const TYPE: &str = "host anti-affinity";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An affinity group: the database takes a name once for an account.
    Claim,
    /// Registered user data, or affinity groups where a cloud has no such thing.
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

pub(super) fn of_kind<T>(kind: Kind, objects: Vec<T>, name: impl Fn(&T) -> &str) -> Vec<Kept<T>> {
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
    /// All affinity groups of the account.
    pub(super) async fn groups(&self) -> Result<Vec<AffinityGroup>, PlatformError> {
        let call = self.list_of_ours("listAffinityGroups").await?;
        let client = &self.shared.client;
        client
            .list("list affinity groups", call, "affinitygroup")
            .await
    }

    /// All claims, those with lower numbers first.
    pub(super) async fn claims(&self) -> Result<Vec<Kept<AffinityGroup>>, PlatformError> {
        let groups = self.groups().await?;
        Ok(of_kind(Kind::Claim, groups, |group: &AffinityGroup| {
            &group.name
        }))
    }

    pub(super) async fn drop_group(&self, group: &AffinityGroup) -> Result<(), PlatformError> {
        let call = self
            .of_project(Call::new("deleteAffinityGroup"))
            .await?
            .with("id", group.id.as_str());
        let client = &self.shared.client;
        client
            .remove("forget what is kept of a cluster", call)
            .await
    }

    /// Makes a group that keeps something.
    pub(super) async fn make_group(
        &self,
        cluster: ClusterId,
        what: String,
        name: String,
        description: String,
    ) -> Result<(), Failure> {
        let cloud = self.clone();
        let call = self
            .of_project(Call::new("createAffinityGroup"))
            .await?
            .with("name", name)
            .with("type", TYPE)
            .with("description", description);
        let making = async move { Ok(cloud.shared.client.carry_out(&what, call).await.map(drop)) };
        self.shared.making.make(cluster, making).await?
    }

    /// See `Platform::delete_record`.
    pub(super) async fn forget(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.shared.making.nothing_is_made(cluster).await;
        let (claims, records) = tokio::try_join!(self.claims(), self.records())?;
        for claim in claims.iter().filter(|claim| claim.cluster == cluster) {
            self.drop_group(&claim.object).await?;
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
