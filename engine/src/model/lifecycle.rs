//! Where a cluster is in its life, and what may happen to it there. Pure.
//!
//! States and events are those of the systems that this project takes up: CloudStack's container service has
//! most of them, Magnum and Senlin the rest. Every pair of a state and an event is a transition or a typed error.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A state in which nothing is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rest {
    /// As it should be.
    Running,
    /// All machines stopped, as it should be.
    Stopped,
    /// Something is not as it should be.
    Alert,
}

/// Where a cluster is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ClusterStatus {
    /// Asked for, and nothing of it is made.
    Created,
    /// Being made, or being started.
    Starting,
    /// As it should be.
    Running,
    /// Being stopped.
    Stopping,
    /// All machines stopped, as it should be.
    Stopped,
    /// Nodes are added or removed.
    Scaling {
        /// Where it came from.
        from: Rest,
    },
    /// Machines are made again as others.
    Upgrading {
        /// Where it came from.
        from: Rest,
    },
    /// Something else is changed.
    Updating {
        /// Where it came from.
        from: Rest,
    },
    /// What is wrong is repaired.
    Recovering,
    /// Something is not as it should be; the next apply repairs it.
    Alert,
    /// Its create failed, and what it left could not be removed: it can only be destroyed.
    Error,
    /// Being destroyed, or its destruction did not come to its end.
    Destroying,
    /// Nothing of it is left.
    Destroyed,
}

/// What happens to a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClusterEvent {
    /// It is to be made, or to run again.
    StartRequested,
    /// It is to sleep.
    StopRequested,
    /// It is to have more nodes.
    ScaleUpRequested,
    /// It is to have fewer nodes.
    ScaleDownRequested,
    /// Its machines are to be others.
    UpgradeRequested,
    /// Something else of it is to change.
    UpdateRequested,
    /// What is wrong is to be repaired.
    RecoveryRequested,
    /// It is to go.
    DestroyRequested,
    /// What was under way did what was wanted.
    OperationSucceeded,
    /// It did not.
    OperationFailed,
    /// Its create failed, and could not be undone.
    CreateFailed,
    /// A look found something that is not as it should be.
    FaultsDetected,
    /// A look found all its machines stopped, as they should be.
    StopVerified,
}

/// An event that cannot happen to a cluster in that state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cluster that is {state} takes no {event}")]
pub struct IllegalTransition {
    /// The state.
    pub state: ClusterStatus,
    /// The event.
    pub event: ClusterEvent,
}

impl From<Rest> for ClusterStatus {
    fn from(rest: Rest) -> Self {
        match rest {
            Rest::Running => Self::Running,
            Rest::Stopped => Self::Stopped,
            Rest::Alert => Self::Alert,
        }
    }
}

impl ClusterStatus {
    /// The state after the event.
    pub fn after(self, event: ClusterEvent) -> Result<Self, IllegalTransition> {
        use ClusterEvent as On;
        use Rest::{Alert, Running, Stopped};
        let next = match (self, event) {
            (Self::Created | Self::Stopped, On::StartRequested) => Self::Starting,
            (Self::Starting | Self::Recovering | Self::Alert, On::OperationSucceeded) => {
                Self::Running
            }
            (Self::Starting, On::CreateFailed) => Self::Error,
            (
                Self::Starting
                | Self::Stopping
                | Self::Recovering
                | Self::Scaling { .. }
                | Self::Upgrading { .. }
                | Self::Updating { .. },
                On::OperationFailed,
            )
            | (Self::Starting | Self::Running | Self::Stopped, On::FaultsDetected) => Self::Alert,
            (Self::Starting | Self::Running | Self::Alert, On::StopRequested) => Self::Stopping,
            (Self::Running, On::ScaleUpRequested | On::ScaleDownRequested) => {
                Self::Scaling { from: Running }
            }
            (Self::Stopped, On::ScaleUpRequested | On::ScaleDownRequested) => {
                Self::Scaling { from: Stopped }
            }
            (Self::Alert, On::ScaleDownRequested) => Self::Scaling { from: Alert },
            (Self::Running, On::UpgradeRequested) => Self::Upgrading { from: Running },
            // A failed upgrade goes on.
            (Self::Alert, On::UpgradeRequested) => Self::Upgrading { from: Alert },
            (Self::Running, On::UpdateRequested) => Self::Updating { from: Running },
            (Self::Stopping, On::OperationSucceeded) | (Self::Alert, On::StopVerified) => {
                Self::Stopped
            }
            (
                Self::Scaling { from } | Self::Upgrading { from } | Self::Updating { from },
                On::OperationSucceeded,
            ) => from.into(),
            // A destruction that was cut off before it took anything away can be thought better of: decision 0012.
            (Self::Alert | Self::Destroying, On::RecoveryRequested) => Self::Recovering,
            (
                Self::Starting
                | Self::Running
                | Self::Stopped
                | Self::Scaling { .. }
                | Self::Upgrading { .. }
                | Self::Updating { .. }
                | Self::Alert
                | Self::Error
                | Self::Destroying,
                On::DestroyRequested,
            )
            | (Self::Destroying, On::OperationFailed) => Self::Destroying,
            (Self::Destroying, On::OperationSucceeded) => Self::Destroyed,
            (state, event) => return Err(IllegalTransition { state, event }),
        };
        Ok(next)
    }
}

impl fmt::Display for ClusterStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Created => "Created",
            Self::Starting => "Starting",
            Self::Running => "Running",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Scaling { .. } => "Scaling",
            Self::Upgrading { .. } => "Upgrading",
            Self::Updating { .. } => "Updating",
            Self::Recovering => "Recovering",
            Self::Alert => "Alert",
            Self::Error => "Error",
            Self::Destroying => "Destroying",
            Self::Destroyed => "Destroyed",
        })
    }
}

impl fmt::Display for ClusterEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::plan::{Change, Difference, Plan};

    fn states() -> Vec<ClusterStatus> {
        use ClusterStatus as State;
        let rests = [Rest::Running, Rest::Stopped, Rest::Alert];
        let mut states = vec![
            State::Created,
            State::Starting,
            State::Running,
            State::Stopping,
            State::Stopped,
        ];
        states.extend(rests.map(|from| State::Scaling { from }));
        states.extend(rests.map(|from| State::Upgrading { from }));
        states.extend(rests.map(|from| State::Updating { from }));
        states.extend([
            State::Recovering,
            State::Alert,
            State::Error,
            State::Destroying,
            State::Destroyed,
        ]);
        states
    }

    const EVENTS: [ClusterEvent; 13] = [
        ClusterEvent::StartRequested,
        ClusterEvent::StopRequested,
        ClusterEvent::ScaleUpRequested,
        ClusterEvent::ScaleDownRequested,
        ClusterEvent::UpgradeRequested,
        ClusterEvent::UpdateRequested,
        ClusterEvent::RecoveryRequested,
        ClusterEvent::DestroyRequested,
        ClusterEvent::OperationSucceeded,
        ClusterEvent::OperationFailed,
        ClusterEvent::CreateFailed,
        ClusterEvent::FaultsDetected,
        ClusterEvent::StopVerified,
    ];

    fn spelled(state: ClusterStatus) -> String {
        match state {
            ClusterStatus::Scaling { from }
            | ClusterStatus::Upgrading { from }
            | ClusterStatus::Updating { from } => format!("{state}(from {from:?})"),
            state => state.to_string(),
        }
    }

    #[test]
    fn every_plan_is_a_request_that_its_cluster_takes() {
        let node = || "bar-worker-1".parse().unwrap();
        let role = crate::model::Role::Worker;
        let image = |text: &str| crate::model::ImageName(text.to_owned());
        let changes = [
            Change::StartMachines { nodes: Vec::new() },
            Change::StopMachines { nodes: Vec::new() },
            Change::CreateNode { name: node(), role },
            Change::RemoveNode { name: node(), role },
            Change::RecreateNode {
                name: node(),
                role,
                differences: vec![Difference::Image {
                    was: image("1"),
                    now: image("2"),
                }],
            },
            Change::RestoreRecord,
        ];
        let settled = [
            ClusterStatus::Running,
            ClusterStatus::Stopped,
            ClusterStatus::Alert,
            ClusterStatus::Destroying,
        ];
        for status in settled {
            for one in &changes {
                for other in &changes {
                    let changes = vec![one.clone(), other.clone()];
                    let request = Plan { changes }.request(status);
                    let moving = status.after(request).unwrap();
                    for end in [
                        ClusterEvent::OperationSucceeded,
                        ClusterEvent::OperationFailed,
                    ] {
                        moving.after(end).unwrap();
                    }
                }
            }
        }
    }

    /// Every transition that there is; each pair that is not among them is an error that names it.
    #[test]
    fn every_pair_of_state_and_event_is_a_transition_or_a_typed_error() {
        let mut table = Vec::new();
        for state in states() {
            for event in EVENTS {
                match state.after(event) {
                    Ok(next) => {
                        table.push(format!("{} {event} -> {}", spelled(state), spelled(next)));
                    }
                    Err(illegal) => assert_eq!(illegal, IllegalTransition { state, event }),
                }
            }
        }
        expect![[r"
            Created StartRequested -> Starting
            Starting StopRequested -> Stopping
            Starting DestroyRequested -> Destroying
            Starting OperationSucceeded -> Running
            Starting OperationFailed -> Alert
            Starting CreateFailed -> Error
            Starting FaultsDetected -> Alert
            Running StopRequested -> Stopping
            Running ScaleUpRequested -> Scaling(from Running)
            Running ScaleDownRequested -> Scaling(from Running)
            Running UpgradeRequested -> Upgrading(from Running)
            Running UpdateRequested -> Updating(from Running)
            Running DestroyRequested -> Destroying
            Running FaultsDetected -> Alert
            Stopping OperationSucceeded -> Stopped
            Stopping OperationFailed -> Alert
            Stopped StartRequested -> Starting
            Stopped ScaleUpRequested -> Scaling(from Stopped)
            Stopped ScaleDownRequested -> Scaling(from Stopped)
            Stopped DestroyRequested -> Destroying
            Stopped FaultsDetected -> Alert
            Scaling(from Running) DestroyRequested -> Destroying
            Scaling(from Running) OperationSucceeded -> Running
            Scaling(from Running) OperationFailed -> Alert
            Scaling(from Stopped) DestroyRequested -> Destroying
            Scaling(from Stopped) OperationSucceeded -> Stopped
            Scaling(from Stopped) OperationFailed -> Alert
            Scaling(from Alert) DestroyRequested -> Destroying
            Scaling(from Alert) OperationSucceeded -> Alert
            Scaling(from Alert) OperationFailed -> Alert
            Upgrading(from Running) DestroyRequested -> Destroying
            Upgrading(from Running) OperationSucceeded -> Running
            Upgrading(from Running) OperationFailed -> Alert
            Upgrading(from Stopped) DestroyRequested -> Destroying
            Upgrading(from Stopped) OperationSucceeded -> Stopped
            Upgrading(from Stopped) OperationFailed -> Alert
            Upgrading(from Alert) DestroyRequested -> Destroying
            Upgrading(from Alert) OperationSucceeded -> Alert
            Upgrading(from Alert) OperationFailed -> Alert
            Updating(from Running) DestroyRequested -> Destroying
            Updating(from Running) OperationSucceeded -> Running
            Updating(from Running) OperationFailed -> Alert
            Updating(from Stopped) DestroyRequested -> Destroying
            Updating(from Stopped) OperationSucceeded -> Stopped
            Updating(from Stopped) OperationFailed -> Alert
            Updating(from Alert) DestroyRequested -> Destroying
            Updating(from Alert) OperationSucceeded -> Alert
            Updating(from Alert) OperationFailed -> Alert
            Recovering OperationSucceeded -> Running
            Recovering OperationFailed -> Alert
            Alert StopRequested -> Stopping
            Alert ScaleDownRequested -> Scaling(from Alert)
            Alert UpgradeRequested -> Upgrading(from Alert)
            Alert RecoveryRequested -> Recovering
            Alert DestroyRequested -> Destroying
            Alert OperationSucceeded -> Running
            Alert StopVerified -> Stopped
            Error DestroyRequested -> Destroying
            Destroying RecoveryRequested -> Recovering
            Destroying DestroyRequested -> Destroying
            Destroying OperationSucceeded -> Destroyed
            Destroying OperationFailed -> Destroying"]]
        .assert_eq(&table.join("\n"));
    }
}
