//! What the engine's callers get when something did not work.

use std::error::Error;
use std::fmt;

use crate::cluster::Cluster;
use crate::coe::CoeError;
use crate::model::{
    ClusterId, ClusterName, CoeKind, Finding, GroupName, IllegalTransition, NodeName, Owner,
};
use crate::plan::PlanError;
use crate::platform::PlatformError;
use crate::saga::StepError;
use crate::saga::journal::JournalError;

/// Why the engine could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The platform could not.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// The COE could not.
    #[error(transparent)]
    Coe(#[from] CoeError),
    /// The request makes no sense for what is there.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The operation cannot be remembered, or another one works on the cluster.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A step failed.
    #[error("could not {step}")]
    Step {
        /// Its title.
        step: String,
        /// Why.
        #[source]
        source: StepError,
    },
    /// The request is wrong; nothing was made.
    #[error("{}", sentences(.0))]
    Invalid(Vec<Finding>),
    /// This build has no driver for the COE.
    #[error("there is no driver for {0}")]
    NoDriver(CoeKind),
    /// A cluster of that name is there.
    #[error("a cluster named {name} exists already; it can be imported by its id, {id}")]
    Exists {
        /// The name.
        name: ClusterName,
        /// Its id.
        id: ClusterId,
    },
    /// The create of a cluster of that name has not come to an end, and its process may live.
    #[error(
        "operation {operation} is making a cluster named {name} (id {id}) {host}: {began}it may go on until \
         {deadline:.0}. If its process is gone, `gc --ended {operation}` of this program removes what it left; after \
         that time a create does",
        name = owner.cluster_name,
        id = owner.cluster,
        operation = owner.operation,
        deadline = owner.deadline,
        host = owner.host.as_ref().map_or_else(
            || "on a machine that is not known".to_owned(),
            |host| format!("on {host}"),
        ),
        began = owner.operation.began().map_or_else(
            String::new,
            |began| format!("it began at {began:.0}, and "),
        )
    )]
    Unfinished {
        /// The operation that makes it, and until when.
        owner: Box<Owner>,
    },
    /// Another operation works on the cluster, on another machine or for another user.
    #[error(
        "cluster {name} (id {id}) is being changed by operation {operation} {host}: {began}it may work until \
         {deadline:.0}. Wait for its end. If its process is gone, `gc --ended {operation}` of this program lets others \
         at the cluster; without that the next operation after that time goes on",
        name = holder.cluster_name,
        id = holder.cluster,
        operation = holder.operation,
        deadline = holder.deadline,
        host = holder.host.as_ref().map_or_else(
            || "on a machine that is not known".to_owned(),
            |host| format!("on {host}"),
        ),
        began = holder.operation.began().map_or_else(
            String::new,
            |began| format!("it began at {began:.0}, and "),
        )
    )]
    Claimed {
        /// The operation that has the cluster, and until when.
        holder: Box<Owner>,
    },
    /// The cluster came to be finished, so that somebody has it.
    #[error(
        "cluster {name} (id {id}) is finished: it is no leftover, and goes with a destroy by whoever has it"
    )]
    Finished {
        /// The name.
        name: ClusterName,
        /// Its id.
        id: ClusterId,
    },
    /// The platform has nothing of that cluster.
    #[error("the platform has no cluster with id {0}")]
    NoCluster(ClusterId),
    /// A cluster of that name is there, and its record is not.
    #[error(
        "a cluster named {name} (id {id}) is there, and its record is gone from the platform, so that it cannot be \
         told what it is. It was not touched. Change it from where it was made, which brings the record \
         back, or delete it there"
    )]
    RecordLost {
        /// The name.
        name: ClusterName,
        /// Its id.
        id: ClusterId,
    },
    /// The cluster is in a state in which that cannot be done to it.
    #[error(transparent)]
    Lifecycle(#[from] IllegalTransition),
    /// What is there of the cluster has no record, so that nothing is known of what it should be.
    #[error("cluster {0} was never finished: it can only be deleted")]
    NoRecord(ClusterId),
    /// The cluster has a node of that name.
    #[error(
        "cluster {cluster} has a node named {node} already; it can be imported as {cluster}/{node}. If an \
         interrupted add left it, the next add finishes it once that one's time is up"
    )]
    NodeExists {
        /// The cluster.
        cluster: ClusterName,
        /// The node.
        node: NodeName,
    },
    /// The node is not one beside the pool of the cluster.
    #[error("cluster {cluster} has no node named {node} beside its pool")]
    NoNode {
        /// The cluster.
        cluster: ClusterName,
        /// The node.
        node: NodeName,
    },
    /// The cluster has a group of nodes of that name.
    #[error(
        "cluster {cluster} has a group of nodes named {group} already; it can be imported as {cluster}/{group}. If an \
         interrupted add left it, the next add finishes it once that one's time is up"
    )]
    GroupExists {
        /// The cluster.
        cluster: ClusterName,
        /// The group.
        group: GroupName,
    },
    /// The cluster has no such group.
    #[error("cluster {cluster} has no group of nodes named {group}")]
    NoGroup {
        /// The cluster.
        cluster: ClusterName,
        /// The group.
        group: GroupName,
    },
    /// A control plane would go with its vote.
    #[error(
        "{node} is a control plane of cluster {cluster}, and its vote cannot be given up before it goes, because no \
         control plane answers: {reason}. Without it the others may never agree on anything again. Start the cluster \
         and try again, or delete all of it"
    )]
    VoteNotGivenUp {
        /// The cluster.
        cluster: ClusterName,
        /// The control plane.
        node: NodeName,
        /// Why nobody could be asked.
        reason: String,
    },
    /// No control plane of the cluster can be asked.
    #[error("no control plane of cluster {cluster} answers: {reason}")]
    NoControlPlane {
        /// The cluster.
        cluster: ClusterName,
        /// Why each of them does not.
        reason: String,
    },
    /// Every round of changes left something to change.
    #[error("cluster {cluster} is still not as wanted: {}", .remaining.join("; "))]
    NotConverged {
        /// The cluster.
        cluster: ClusterName,
        /// The changes that remain.
        remaining: Vec<String>,
    },
    /// Not everything could be deleted.
    #[error("not everything of cluster {0} could be deleted")]
    NotDeleted(ClusterId),
    /// The user interrupted the operation between two steps.
    #[error("the operation was interrupted")]
    Interrupted,
    /// The operation's deadline passed between two steps.
    #[error("the operation did not end in time")]
    OutOfTime,
}

impl From<StepError> for EngineError {
    /// What a question of the engine's own came to; a step of a saga is named by its title.
    fn from(error: StepError) -> Self {
        match error {
            StepError::Platform(error) => Self::Platform(error),
            StepError::Coe(error) => Self::Coe(error),
            StepError::Plan(error) => Self::Plan(error),
            StepError::Journal(error) => Self::Journal(error),
            StepError::Interrupted => Self::Interrupted,
            StepError::OutOfTime => Self::OutOfTime,
            source => Self::Step {
                step: "look at the cluster".to_owned(),
                source,
            },
        }
    }
}

fn sentences(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(|finding| format!("{}: {}", finding.summary, finding.detail))
        .collect::<Vec<_>>()
        .join("; ")
}

/// An operation that failed: why, and what is true now.
#[derive(Debug)]
pub struct Failure {
    /// What is there now; `None`: nothing is, or it could not be looked at.
    pub cluster: Option<Cluster>,
    /// Why it failed.
    pub error: EngineError,
    /// What the clean-up could not remove, each by name and with the reason.
    pub leftovers: Vec<String>,
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self {
            cluster: None,
            error,
            leftovers: Vec::new(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&chain(&self.error))?;
        if !self.leftovers.is_empty() {
            write!(formatter, "; left behind: {}", self.leftovers.join(", "))?;
        }
        Ok(())
    }
}

/// An error with everything that caused it, outermost first: `could not … : … : …`.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
