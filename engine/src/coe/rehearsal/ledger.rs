//! What the control planes of a rehearsed cluster agree on.
//!
//! Each of them keeps a copy: a page for each member and one for the settings. A writer reads the
//! copies of all that answer, and writes to all that answer; it does neither where they are no
//! majority. So of two copies of a page the one with the higher revision is right, and a control plane
//! that was away catches up by being read together with the others.
//!
//! What is about one node reads the pages of that node and of the control planes, and not those of the
//! other workers: what it costs does not grow with the cluster. So each worker's pages have a folder of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::coe::NodeAccess;
use crate::model::{NodeName, Role, Taint};

/// A member as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MemberPage {
    pub(super) id: Uuid,
    pub(super) node: NodeName,
    pub(super) role: Role,
    pub(super) address: IpAddr,
    pub(super) drained: bool,
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) taints: BTreeSet<Taint>,
    /// The version at its join; what the machine says of itself is newer.
    pub(super) version: String,
}

impl MemberPage {
    /// The page of a node that becomes a member.
    pub(super) fn of(node: &NodeAccess<'_>, version: String) -> Self {
        Self {
            id: Uuid::new_v4(),
            node: node.exec.node().clone(),
            role: node.role,
            address: node.address,
            drained: false,
            labels: BTreeMap::new(),
            taints: BTreeSet::new(),
            version,
        }
    }
}

/// What a page says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Content {
    /// The cluster as a whole.
    Settings {
        cluster: Uuid,
        labels: BTreeMap<String, String>,
    },
    /// A member.
    Member(MemberPage),
    /// A member that was removed. The page stays, so that an older copy does not bring it back.
    Removed,
}

/// A page: what is agreed on by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Page {
    /// Also where it is kept.
    pub(super) key: String,
    pub(super) revision: u64,
    pub(super) content: Content,
}

/// Where the pages are that every writer needs: the settings and the control planes.
const CONTROL: &str = "control";
const SETTINGS: &str = "control/settings";

/// Whose pages are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Extent {
    /// Everybody's.
    Everybody,
    /// The settings, the control planes' and those of this node.
    Only(NodeName),
}

impl Extent {
    /// Where the pages are, below the ledger's folder.
    pub(super) fn folders(&self) -> Vec<String> {
        match self {
            Self::Everybody => vec![String::new()],
            Self::Only(node) => vec![CONTROL.to_owned(), folder_of_worker(node)],
        }
    }
}

fn folder_of_worker(node: &NodeName) -> String {
    format!("workers/{node}")
}

/// The pages that were read, each in its newest revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    pages: BTreeMap<String, Page>,
}

impl Ledger {
    /// Takes pages in, from any copy and in any order.
    pub(super) fn merge(&mut self, pages: impl IntoIterator<Item = Page>) {
        for page in pages {
            let is_newer = self
                .pages
                .get(&page.key)
                .is_none_or(|known| known.revision < page.revision);
            if is_newer {
                self.pages.insert(page.key.clone(), page);
            }
        }
    }

    pub(super) fn pages(&self) -> impl Iterator<Item = &Page> {
        self.pages.values()
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &MemberPage> {
        self.pages.values().filter_map(|page| match &page.content {
            Content::Member(member) => Some(member),
            Content::Settings { .. } | Content::Removed => None,
        })
    }

    pub(super) fn control_planes(&self) -> impl Iterator<Item = &MemberPage> {
        self.members()
            .filter(|member| member.role == Role::ControlPlane)
    }

    /// The cluster's id and settings; `None`: there is no cluster.
    pub(super) fn settings(&self) -> Option<(Uuid, &BTreeMap<String, String>)> {
        match &self.pages.get(SETTINGS)?.content {
            Content::Settings { cluster, labels } => Some((*cluster, labels)),
            Content::Member(_) | Content::Removed => None,
        }
    }

    /// The page that says this from now on.
    pub(super) fn settings_page(&self, cluster: Uuid, labels: BTreeMap<String, String>) -> Page {
        self.next(SETTINGS.to_owned(), Content::Settings { cluster, labels })
    }

    /// The page that says this of a member from now on.
    pub(super) fn member_page(&self, member: MemberPage) -> Page {
        self.next(member_key(&member), Content::Member(member))
    }

    /// The page that says from now on that there is no such member.
    pub(super) fn removed_page(&self, member: &MemberPage) -> Page {
        self.next(member_key(member), Content::Removed)
    }

    /// Whether there was a member of that id that was removed.
    pub(super) fn was_removed(&self, member: Uuid) -> bool {
        let id = format!("/{member}");
        let mut pages = self.pages.values();
        pages.any(|page| page.content == Content::Removed && page.key.ends_with(&id))
    }

    fn next(&self, key: String, content: Content) -> Page {
        let revision = self.pages.get(&key).map_or(1, |page| page.revision + 1);
        Page {
            key,
            revision,
            content,
        }
    }
}

fn member_key(member: &MemberPage) -> String {
    let folder = match member.role {
        Role::ControlPlane => CONTROL.to_owned(),
        Role::Worker => folder_of_worker(&member.node),
    };
    format!("{folder}/{}", member.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str) -> MemberPage {
        MemberPage {
            id: Uuid::new_v4(),
            node: name.parse().unwrap(),
            role: Role::Worker,
            address: IpAddr::from([10, 128, 0, 2]),
            drained: false,
            labels: BTreeMap::new(),
            taints: BTreeSet::new(),
            version: "1.2.3".to_owned(),
        }
    }

    #[test]
    fn an_older_copy_does_not_bring_a_removed_member_back() {
        let mut ledger = Ledger::default();
        let gone = member("demo-worker-1");
        let older = ledger.member_page(gone.clone());
        ledger.merge([older.clone()]);
        ledger.merge([ledger.removed_page(&gone)]);
        ledger.merge([older]);
        assert_eq!(ledger.members().count(), 0);
        assert!(ledger.was_removed(gone.id));
    }

    #[test]
    fn copies_merge_to_the_same_in_any_order() {
        let empty = Ledger::default();
        let (one, two) = (
            empty.member_page(member("a")),
            empty.member_page(member("b")),
        );
        let (mut forth, mut back) = (Ledger::default(), Ledger::default());
        forth.merge([one.clone(), two.clone()]);
        back.merge([two, one]);
        assert_eq!(forth, back);
    }
}
