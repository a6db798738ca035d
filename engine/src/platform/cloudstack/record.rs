//! The record of a cluster: user data that is registered under a name with a number, of which the highest counts.
//!
//! User data cannot be changed, so the next record is another object: a reader sees the one before or the one after.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::CloudStack;
use super::client::Call;
use super::kept::{Kept, Kind, name};
use super::lists::UserData;
use crate::model::{ClusterRecord, Owner};
use crate::platform::PlatformError;
use crate::platform::labels::{json, unreadable};

/// What is registered. A cloud takes no two of the same content, hence the number.
#[derive(Serialize, Deserialize)]
struct Content<'a> {
    number: u32,
    owner: std::borrow::Cow<'a, Owner>,
    record: std::borrow::Cow<'a, ClusterRecord>,
}

impl CloudStack {
    /// See `Platform::put_record`.
    pub(super) async fn write_record(
        &self,
        owner: &Owner,
        record: &ClusterRecord,
    ) -> Result<(), PlatformError> {
        let mut before = self.records().await?;
        before.retain(|kept| kept.cluster == owner.cluster);
        let number = before.last().map_or(0, |last| last.number) + 1;
        let content = Content {
            number,
            owner: std::borrow::Cow::Borrowed(owner),
            record: std::borrow::Cow::Borrowed(record),
        };
        let content = STANDARD.encode(json("the cluster's record", &content)?);
        let call = self
            .of_project(Call::new("registerUserData"))
            .await?
            .with("name", name(Kind::Record, owner.cluster, number))
            .with("userdata", content);
        let cloud = self.clone();
        let what = format!("keep the record of {}", owner.cluster_name);
        let keep = async move {
            let kept = cloud.shared.client.ask::<serde_json::Value>(&what, call);
            Ok(kept.await.map(drop)?)
        };
        self.shared.making.make(owner.cluster, keep).await?;
        for kept in before {
            self.drop_record(&kept.object).await?;
        }
        Ok(())
    }
}

/// The record that is kept there, and to whom it belongs.
pub(super) fn read(kept: &Kept<UserData>) -> Result<(Owner, ClusterRecord), PlatformError> {
    let object = format!("user data {}", kept.object.name);
    let text = STANDARD
        .decode(kept.object.userdata.as_bytes())
        .map_err(|error| unreadable(&object, "the content", &error))?;
    let content: Content<'_> = serde_json::from_slice(&text)
        .map_err(|error| unreadable(&object, "the content", &error))?;
    Ok((content.owner.into_owned(), content.record.into_owned()))
}
