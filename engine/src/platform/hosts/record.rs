//! The record of a cluster, on every machine of the inventory that answers: of several the newest counts.

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::Hosts;
use crate::error::chain;
use crate::model::{ClusterId, ClusterRecord, Owner};
use crate::platform::{PlatformError, Retry};

const RECORD: &str = include_str!("scripts/record.sh");
const FORGET: &str = include_str!("scripts/forget.sh");

/// A record as a machine keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeptRecord {
    pub(super) revision: u64,
    pub(super) owner: Owner,
    pub(super) record: ClusterRecord,
}

impl Hosts {
    /// See `Platform::put_record`. A machine that does not answer keeps an older one.
    pub(super) async fn write_record(
        &self,
        owner: &Owner,
        record: &ClusterRecord,
    ) -> Result<(), PlatformError> {
        let sight = self.look().await?;
        let before = sight.record(owner.cluster);
        let kept = KeptRecord {
            revision: before.map_or(0, |kept| kept.revision) + 1,
            owner: owner.clone(),
            record: record.clone(),
        };
        let json = json("the cluster's record", &kept)?;
        let id = owner.cluster.to_string();
        let answering = self.those(&sight);
        let written = answering.map(|machine| {
            let id = id.as_str();
            let json = json.as_slice();
            async move {
                machine
                    .script("keep the cluster's record", RECORD, &[id], json)
                    .await
            }
        });
        let written = join_all(written).await;
        // One is enough: whoever looks sees it, and the next one is written to all again.
        if written.iter().any(Result::is_ok) {
            return Ok(());
        }
        written
            .into_iter()
            .try_for_each(|written| written.map(|_| ()))
    }

    /// See `Platform::delete_record`.
    pub(super) async fn forget(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        let sight = self.look().await?;
        let keep = if sight.silent.is_empty() { "" } else { "gone" };
        let id = cluster.to_string();
        let forgotten = self.those(&sight).map(|machine| {
            let id = id.as_str();
            async move {
                machine
                    .script("forget the cluster", FORGET, &[id, keep], &[])
                    .await
            }
        });
        for forgotten in join_all(forgotten).await {
            forgotten?;
        }
        for (name, error) in &sight.silent {
            tracing::warn!(
                "machine {name} was not told that cluster {cluster} is gone: {}",
                chain(error)
            );
        }
        Ok(())
    }
}

/// A value as machines keep it: one line.
pub(super) fn json<T: Serialize>(what: &str, value: &T) -> Result<Vec<u8>, PlatformError> {
    serde_json::to_vec(value).map_err(|error| PlatformError::Refused {
        what: format!("write {what}"),
        reason: error.to_string(),
        help: None,
        retry: Retry::Never,
    })
}
