//! What is wrong with a node, as its platform and its COE show it.

use super::Fault;
use crate::model::{MachineState, Member, MemberState, NodeName, ObservedCluster, Role};

impl Fault {
    /// What is wrong with a machine that is there.
    pub(super) fn of_machine(state: MachineState) -> Option<Self> {
        match state {
            MachineState::Created => Some(Self::MachineHalfMade),
            MachineState::Failed => Some(Self::MachineFailed),
            MachineState::Stopped => Some(Self::MachineStopped),
            MachineState::Running => None,
        }
    }

    /// What is wrong with a node whose machine runs, in a cluster that answers.
    pub(super) fn of_member(member: Option<&Member>, role: Role) -> Option<Self> {
        match member {
            None => Some(Self::NotMember),
            Some(member) if member.state == MemberState::Down => Some(Self::MemberDown),
            Some(member) if member.role != role => Some(Self::WrongRole),
            Some(_) => None,
        }
    }
}

/// Whether anything tells of a node that it was there before.
pub(super) fn was_there(observed: &ObservedCluster, name: &NodeName) -> bool {
    let mut members = observed.members.iter();
    let record = observed.record.as_ref();
    members.any(|all| all.contains_key(name))
        || observed.volumes.contains_key(name)
        || record.is_some_and(|record| record.addresses.contains_key(name))
}

/// Whether the node's machine runs and its COE does not say that it is down.
pub(super) fn serves(observed: &ObservedCluster, name: &NodeName) -> bool {
    let machine = observed.machines.get(name);
    let member = observed.members.as_ref().and_then(|all| all.get(name));
    machine.is_some_and(|machine| machine.state == MachineState::Running)
        && member.is_none_or(|member| member.state != MemberState::Down)
}
