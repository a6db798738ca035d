//! The record of a cluster: an image that has the cluster's id.

use super::OpenStack;
use super::kept::{Kept, Kind};
use super::labels;
use crate::model::{ClusterRecord, Owner};
use crate::platform::{PlatformError, Scope};

/// The cluster's record, JSON of `ClusterRecord`.
const RECORD: &str = "io.coe.cluster.record";

impl OpenStack {
    /// See `Platform::put_record`.
    pub(super) async fn write_record(
        &self,
        owner: &Owner,
        record: &ClusterRecord,
    ) -> Result<(), PlatformError> {
        let id = owner.cluster.to_string();
        let more = [(RECORD, labels::json("the cluster's record", record)?)];
        if let Some(before) = self.record_of(owner).await? {
            return Ok(self.replace(owner, &before, &more).await?);
        }
        match self.keep(Kind::Record, Some(id), owner, &more).await {
            Err(failure) if failure.is_conflict() && !failure.is_quota() => {}
            kept => return Ok(kept?),
        }
        // A call that was not answered made it, or the cluster had one that is deleted: its id is not given again.
        match self.record_of(owner).await? {
            Some(before) => Ok(self.replace(owner, &before, &more).await?),
            None => Ok(self.keep(Kind::Record, None, owner, &more).await?),
        }
    }

    async fn replace(
        &self,
        owner: &Owner,
        before: &Kept,
        more: &[(&str, String)],
    ) -> Result<(), super::client::Failure> {
        let what = format!("keep the record of {}", owner.cluster_name);
        self.keep_instead(before, &what, Some(owner), more).await
    }

    async fn record_of(&self, owner: &Owner) -> Result<Option<Kept>, PlatformError> {
        let kept = self.kept(&Scope::Id(owner.cluster)).await?;
        Ok(kept.into_iter().find(|kept| kept.is(Kind::Record)))
    }
}

/// The record that is kept there.
pub(super) fn read(kept: &Kept) -> Result<ClusterRecord, PlatformError> {
    let text = kept
        .labels
        .get(RECORD)
        .map(String::as_str)
        .unwrap_or_default();
    serde_json::from_str(text).map_err(|error| labels::unreadable(&kept.told(), RECORD, &error))
}
