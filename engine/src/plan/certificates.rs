//! Certificates that end soon.

use super::{Change, Planner};
use crate::model::{MemberState, Role};

impl Planner<'_> {
    /// New ones for every control plane whose own end soon, but for those that something else is done to: they answer
    /// again first, or get new ones with it.
    pub(super) fn renew_certificates(&self, changes: &mut Vec<Change>) {
        let members = self.observed.members.iter().flatten();
        let expiring = members
            .filter(|(_, member)| {
                member.role == Role::ControlPlane && member.state != MemberState::Down
            })
            .filter_map(|(name, member)| Some((name, member.expires?)))
            .filter(|(name, _)| self.observed.machines.contains_key(*name))
            .filter(|(name, _)| !changes.iter().any(|change| change.node() == Some(name)));
        let renewals: Vec<Change> = expiring
            .map(|(name, end)| Change::RenewCertificates {
                name: name.clone(),
                end,
            })
            .collect();
        changes.extend(renewals);
    }
}
