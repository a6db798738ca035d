//! What a plan is to the life of its cluster.

use super::{Change, Difference, Plan};
use crate::model::{ClusterEvent, ClusterStatus};

impl Plan {
    /// The request that carrying out the plan is for a cluster in that state: always one that the state takes.
    /// Of several kinds of changes the one that is felt most gives the name.
    pub fn request(&self, status: ClusterStatus) -> ClusterEvent {
        let has = |is_of_kind: fn(&Change) -> bool| self.changes.iter().any(is_of_kind);
        let stops = has(|change| matches!(change, Change::StopMachines { .. }));
        let upgrades = has(|change| match change {
            Change::RecreateNode { differences, .. } => differences
                .iter()
                .any(|difference| matches!(difference, Difference::Image { .. })),
            _ => false,
        });
        let shrinks = has(|change| matches!(change, Change::RemoveNode { .. }));
        let grows = has(|change| matches!(change, Change::CreateNode { .. }));
        match status {
            ClusterStatus::Stopped if shrinks && !grows => ClusterEvent::ScaleDownRequested,
            ClusterStatus::Stopped => ClusterEvent::StartRequested,
            ClusterStatus::Running | ClusterStatus::Alert if stops => ClusterEvent::StopRequested,
            ClusterStatus::Running | ClusterStatus::Alert if upgrades => {
                ClusterEvent::UpgradeRequested
            }
            ClusterStatus::Running if grows => ClusterEvent::ScaleUpRequested,
            ClusterStatus::Running if shrinks => ClusterEvent::ScaleDownRequested,
            ClusterStatus::Running => ClusterEvent::UpdateRequested,
            _ => ClusterEvent::RecoveryRequested,
        }
    }
}
