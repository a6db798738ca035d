//! What a saga consists of.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::coe::CoeError;
use crate::model::{ImageName, InvalidName, NodeName};
use crate::plan::PlanError;
use crate::platform::{PlatformError, Retry};
use crate::steps::Site;
use crate::transport::ExecError;

use super::journal::JournalError;

/// What a step is called where it is remembered: `join_node` of `demo-worker-1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StepName {
    /// What is done.
    pub kind: &'static str,
    /// To what: a node, an image, a network.
    pub target: String,
}

impl StepName {
    /// A step of that kind on that target.
    pub fn new(kind: &'static str, target: &impl ToString) -> Self {
        Self {
            kind,
            target: target.to_string(),
        }
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.target)
    }
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The platform could not.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// The COE could not.
    #[error(transparent)]
    Coe(#[from] CoeError),
    /// Nodes did not become ready.
    #[error("{error}{last_words}")]
    NotReady {
        /// Which, and why as far as the COE knows.
        error: Box<CoeError>,
        /// What their services said last: lines that begin with a line break, or nothing.
        last_words: String,
    },
    /// The node could not.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// There is no place for it.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// It could not be remembered before it was done.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Its target cannot have a name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// Something that it needs is not there.
    #[error("{0} is not there")]
    Missing(String),
    /// Nobody can be asked.
    #[error("no control plane runs that could be asked")]
    NoControlPlane,
    /// The node's services did not come up.
    #[error(
        "{node} runs, and what makes it a node does not answer after {} s: look into its log. Is {image} an image \
         for nodes?",
        waited.as_secs()
    )]
    NotUp {
        /// The node.
        node: NodeName,
        /// What its machine was made from.
        image: ImageName,
        /// How long was waited for them.
        waited: Duration,
    },
    /// It is the only one that holds the cluster's state.
    #[error(
        "{0} did not become ready, and no other control plane holds the cluster's state; it was left as it \
         is: look into its log, and apply again"
    )]
    OnlyControlPlane(NodeName),
    /// It goes with its vote.
    #[error(
        "{0} could not be taken out of the control plane, and stays: without it the others might never agree on \
         anything again. Apply again"
    )]
    StillVoting(NodeName),
    /// A command on a node ended badly.
    #[error("`{command}` ended with {status} on {node}: {stderr}")]
    Command {
        /// The command.
        command: String,
        /// Its exit status.
        status: i64,
        /// The node.
        node: NodeName,
        /// The end of what it complained of.
        stderr: String,
    },
    /// The user interrupted the operation.
    #[error("it was interrupted")]
    Interrupted,
    /// The operation's deadline passed.
    #[error("the operation's time was up")]
    OutOfTime,
}

impl StepError {
    /// Whether the same step may succeed when it is tried again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Platform(error) => error.retry(),
            Self::Exec(error) | Self::Coe(CoeError::Exec(error)) => error.retry(),
            // A connection to the COE was cut, or it starts again.
            Self::Coe(CoeError::Silent { .. }) => Retry::Later,
            _ => Retry::Never,
        }
    }
}

/// One thing that is done to a cluster.
///
/// `ensure` asked twice acts once. A step that failed or was interrupted may have had its effect: `undo`
/// is called for every step that started, finds by owner and name what it has no reference for, and
/// takes "it is not there" for success. Both may be dropped at any await.
#[async_trait]
pub trait Step: Send + Sync {
    /// For the journal: what it is, and on what.
    fn name(&self) -> StepName;

    /// For people: `join demo-worker-1 as worker`.
    fn title(&self) -> String;

    /// The node that it is about, if it is about one.
    fn node(&self) -> Option<&NodeName> {
        None
    }

    /// Makes sure that its effect is there.
    async fn ensure(&self, site: &Site) -> Result<(), StepError>;

    /// Makes sure that its effect is not there. Nothing to do for a step that leaves nothing behind
    /// that another step's undo does not remove.
    async fn undo(&self, _site: &Site) -> Result<(), StepError> {
        Ok(())
    }
}

/// Steps that are done one after another.
pub type Lane = Vec<Box<dyn Step>>;

/// Lanes that are done beside one another.
pub type Stage = Vec<Lane>;

/// Stages that are done one after another.
#[derive(Default)]
pub struct Saga {
    /// The stages.
    pub stages: Vec<Stage>,
}

impl Saga {
    /// A saga of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many steps it has.
    pub fn count_steps(&self) -> usize {
        self.stages.iter().flatten().map(Vec::len).sum()
    }

    /// The same saga with one more stage; an empty one is left out.
    #[must_use]
    pub fn then(mut self, stage: Stage) -> Self {
        if stage.iter().any(|lane| !lane.is_empty()) {
            self.stages.push(stage);
        }
        self
    }

    /// The same saga with one more step that is done alone.
    #[must_use]
    pub fn then_step(self, step: impl Step + 'static) -> Self {
        self.then(vec![vec![Box::new(step)]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coe_that_is_silent_is_asked_again_and_one_that_refuses_is_not() {
        let node: NodeName = "demo-control-plane-1".parse().unwrap();
        let (what, reason) = ("list the nodes".to_owned(), "cut".to_owned());
        let silent = CoeError::Silent {
            what: what.clone(),
            node: node.clone(),
            reason: reason.clone(),
        };
        let refused = CoeError::Refused { what, node, reason };
        assert_eq!(StepError::from(silent).retry(), Retry::Later);
        assert_eq!(StepError::from(refused).retry(), Retry::Never);
    }
}
