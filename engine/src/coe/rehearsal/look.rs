//! What one look at a rehearsed cluster shows: who is a member, and who of them answers. Pure.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::ledger::{Extent, Ledger, MemberPage};
use super::node::refused;
use crate::coe::CoeError;
use crate::model::{Member, MemberState, NodeName};

/// What one look at a cluster shows.
pub(super) struct Look {
    /// At whom it looks.
    pub(super) extent: Extent,
    pub(super) ledger: Ledger,
    /// The members that answer as those who they are, and the version that each says it runs.
    pub(super) answering: BTreeMap<Uuid, Option<String>>,
}

impl Look {
    pub(super) fn answers(&self, member: &MemberPage) -> bool {
        self.answering.contains_key(&member.id)
    }

    /// The control planes that answer, and how many there are.
    pub(super) fn control_planes(&self) -> (Vec<&MemberPage>, usize) {
        let answering = self
            .ledger
            .control_planes()
            .filter(|member| self.answers(member))
            .collect();
        (answering, self.ledger.control_planes().count())
    }

    pub(super) fn check_majority(&self, what: &str, asked: &NodeName) -> Result<(), CoeError> {
        let (answering, all) = self.control_planes();
        if is_majority(answering.len(), all) {
            return Ok(());
        }
        let answering = answering.len();
        Err(refused(
            what,
            asked,
            format!("the control plane has no quorum: {answering} of {all} control planes answer"),
        ))
    }

    fn member(&self, member: &MemberPage) -> Member {
        let told = self.answering.get(&member.id);
        Member {
            id: member.id.to_string(),
            role: member.role,
            state: match told {
                None => MemberState::Down,
                Some(_) if member.drained => MemberState::Drained,
                Some(_) => MemberState::Ready,
            },
            version: told
                .cloned()
                .flatten()
                .unwrap_or_else(|| member.version.clone()),
            labels: member.labels.clone(),
            taints: member.taints.clone(),
            made_here: true,
            expires: None,
        }
    }

    pub(super) fn members(&self) -> BTreeMap<NodeName, Member> {
        let mut members: BTreeMap<NodeName, Member> = BTreeMap::new();
        for page in self.ledger.members() {
            let member = self.member(page);
            let is_better = members
                .get(&page.node)
                .is_none_or(|known| known.state == MemberState::Down);
            if is_better {
                members.insert(page.node.clone(), member);
            }
        }
        members
    }

    /// The page of the member of that name, of two the one that answers.
    pub(super) fn find(&self, node: &NodeName) -> Option<&MemberPage> {
        let named = || self.ledger.members().filter(|member| member.node == *node);
        named()
            .find(|member| self.answers(member))
            .or_else(|| named().next())
    }
}

pub(super) fn is_majority(part: usize, all: usize) -> bool {
    part * 2 > all
}
