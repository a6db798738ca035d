//! The record of a cluster: user data that is registered under a name with a number, of which the highest counts.
//!
//! User data cannot be changed, so the next record is another object: a reader sees the one before or the one after. A cloud
//! before 4.18 registers none. There a record is in the descriptions of affinity groups, piece by piece, and counts once
//! all of its pieces are there.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::CloudStack;
use super::client::{Call, code};
use super::kept::{Kept, Kind, name, of_kind};
use super::lists::{AffinityGroup, UserData};
use crate::model::{ClusterId, ClusterRecord, Owner};
use crate::platform::PlatformError;
use crate::platform::labels::{json, unreadable};

/// As much as a description takes (API: texts have 255 characters where nothing else is said).
const PIECE: usize = 250;

/// What is kept. A cloud takes no two of the same content, hence the number.
#[derive(Serialize, Deserialize)]
struct Content<'a> {
    number: u32,
    owner: Cow<'a, Owner>,
    record: Cow<'a, ClusterRecord>,
}

/// What keeps a record.
#[derive(Debug, Clone)]
pub(super) enum Keeper {
    UserData(UserData),
    /// The pieces by their places, and how many there should be.
    Groups(BTreeMap<usize, AffinityGroup>, usize),
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
            owner: Cow::Borrowed(owner),
            record: Cow::Borrowed(record),
        };
        let content = STANDARD.encode(json("the cluster's record", &content)?);
        let what = format!("keep the record of {}", owner.cluster_name);
        let name = name(Kind::Record, owner.cluster, number);
        if self.shared.registers_user_data.load(Ordering::Relaxed) {
            self.register(owner.cluster, what, name, content).await?;
        } else {
            self.keep_in_groups(owner.cluster, &what, &name, &content)
                .await?;
        }
        for kept in before {
            self.drop_record(&kept.object).await?;
        }
        Ok(())
    }

    async fn register(
        &self,
        cluster: ClusterId,
        what: String,
        name: String,
        content: String,
    ) -> Result<(), PlatformError> {
        let call = self
            .of_project(Call::new("registerUserData"))
            .await?
            .with("name", name)
            .with("userdata", content);
        let cloud = self.clone();
        let keep = async move {
            let kept = cloud.shared.client.ask::<serde_json::Value>(&what, call);
            Ok(kept.await.map(drop)?)
        };
        self.shared.making.make(cluster, keep).await
    }

    async fn keep_in_groups(
        &self,
        cluster: ClusterId,
        what: &str,
        name: &str,
        content: &str,
    ) -> Result<(), PlatformError> {
        let pieces: Vec<&str> = pieces(content).collect();
        let of = pieces.len();
        let keep = pieces.into_iter().enumerate().map(|(place, piece)| {
            let name = format!("{name}.{place}of{of}");
            self.make_group(cluster, what.to_owned(), name, piece.to_owned())
        });
        try_join_all(keep).await?;
        Ok(())
    }

    /// All records, those with lower numbers first; also those of which pieces are missing.
    pub(super) async fn records(&self) -> Result<Vec<Kept<Keeper>>, PlatformError> {
        let registers = &self.shared.registers_user_data;
        if registers.load(Ordering::Relaxed) {
            let call = self.list_of_ours("listUserData").await?;
            let client = &self.shared.client;
            match client
                .try_list::<UserData>("list records", call, "userdata")
                .await
            {
                Ok(records) => {
                    let records = of_kind(Kind::Record, records, |record| &record.name);
                    return Ok(records.into_iter().map(in_user_data).collect());
                }
                Err(failure) if failure.is(code::UNSUPPORTED) => {
                    registers.store(false, Ordering::Relaxed);
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(in_groups(self.groups().await?))
    }

    pub(super) async fn drop_record(&self, record: &Keeper) -> Result<(), PlatformError> {
        let record = match record {
            Keeper::UserData(record) => record,
            Keeper::Groups(groups, _) => {
                for group in groups.values() {
                    self.drop_group(group).await?;
                }
                return Ok(());
            }
        };
        let call = self
            .of_project(Call::new("deleteUserData"))
            .await?
            .with("id", record.id.as_str());
        let client = &self.shared.client;
        let dropped = client.ask::<serde_json::Value>("forget a record of a cluster", call);
        match dropped.await {
            Err(failure) if !failure.is_absent() => Err(failure.into()),
            _ => Ok(()),
        }
    }
}

fn in_user_data(kept: Kept<UserData>) -> Kept<Keeper> {
    Kept {
        cluster: kept.cluster,
        number: kept.number,
        object: Keeper::UserData(kept.object),
    }
}

/// The content in pieces that descriptions take. It is base64: each character is a byte.
fn pieces(content: &str) -> impl Iterator<Item = &str> {
    (0..content.len())
        .step_by(PIECE)
        .map(|from| &content[from..content.len().min(from + PIECE)])
}

/// The name of a record, the place of a piece of it, and how many there are.
fn piece(name: &str) -> Option<(&str, usize, usize)> {
    let (record, place) = name.rsplit_once('.')?;
    let (place, of) = place.split_once("of")?;
    Some((record, place.parse().ok()?, of.parse().ok()?))
}

fn in_groups(groups: Vec<AffinityGroup>) -> Vec<Kept<Keeper>> {
    let mut records: BTreeMap<String, (BTreeMap<usize, AffinityGroup>, usize)> = BTreeMap::new();
    for group in groups {
        let Some((record, place, of)) = piece(&group.name) else {
            continue;
        };
        let record = records.entry(record.to_owned()).or_default();
        record.1 = of;
        record.0.insert(place, group);
    }
    let records = records.into_iter().collect();
    of_kind(Kind::Record, records, |(name, _)| name.as_str())
        .into_iter()
        .map(|kept| {
            let (_, (pieces, of)) = kept.object;
            Kept {
                cluster: kept.cluster,
                number: kept.number,
                object: Keeper::Groups(pieces, of),
            }
        })
        .collect()
}

/// The record that is kept there, and to whom it belongs; `None`: pieces of it are missing.
pub(super) fn read(kept: &Kept<Keeper>) -> Result<Option<(Owner, ClusterRecord)>, PlatformError> {
    let object = format!("record {} of cluster {}", kept.number, kept.cluster);
    let text = match &kept.object {
        Keeper::UserData(record) => record.userdata.clone(),
        Keeper::Groups(pieces, of) if pieces.len() < *of => return Ok(None),
        Keeper::Groups(pieces, _) => {
            let pieces = pieces.values().map(|group| group.description.as_str());
            pieces.collect()
        }
    };
    let text = STANDARD
        .decode(text.as_bytes())
        .map_err(|error| unreadable(&object, "the content", &error))?;
    let content: Content<'_> = serde_json::from_slice(&text)
        .map_err(|error| unreadable(&object, "the content", &error))?;
    Ok(Some((
        content.owner.into_owned(),
        content.record.into_owned(),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: String, description: &str) -> AffinityGroup {
        AffinityGroup {
            id: name.clone(),
            name,
            description: description.to_owned(),
        }
    }

    #[test]
    fn pieces_make_the_whole_in_their_order_and_only_all_of_them() {
        let cluster = ClusterId::new();
        let content = "0123456789".repeat(101);
        let name = name(Kind::Record, cluster, 7);
        let cut: Vec<&str> = pieces(&content).collect();
        assert_eq!(cut.len(), 5);
        assert!(cut.iter().all(|piece| piece.len() <= PIECE));
        let of = cut.len();
        let mut groups: Vec<AffinityGroup> = cut
            .iter()
            .enumerate()
            .map(|(place, piece)| group(format!("{name}.{place}of{of}"), piece))
            .collect();
        groups.reverse();
        groups.push(group("somebody's".to_owned(), "own"));
        let records = in_groups(groups.clone());
        let [record] = records.as_slice() else {
            panic!("one record: {records:?}");
        };
        assert_eq!((record.cluster, record.number), (cluster, 7));
        let Keeper::Groups(whole, _) = &record.object else {
            panic!("{record:?}");
        };
        let whole: String = whole
            .values()
            .map(|group| group.description.as_str())
            .collect();
        assert_eq!(whole, content);
        groups.remove(0);
        let records = in_groups(groups);
        assert!(records.iter().all(|record| read(record).unwrap().is_none()));
    }
}
