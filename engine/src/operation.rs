//! One run of create, update or delete: who it is, until when, and to whom it tells its progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::model::{ClusterId, ClusterName, NodeName, OperationId, Owner};
use crate::saga::journal::this_host;

/// What happened to a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepProgress {
    /// It began.
    Started,
    /// It came to its end.
    Finished,
    /// It failed in a way that may pass: it is tried again.
    Retried {
        /// Why it failed.
        error: String,
        /// How long it pauses before that.
        after: Duration,
    },
    /// It failed.
    Failed {
        /// Why.
        error: String,
    },
}

/// How often the calls of one operation may be tried again, all of them together: what fails everywhere is
/// not asked for ever. Clones share it.
#[derive(Debug, Clone)]
pub struct RetryBudget(Arc<AtomicU32>);

impl RetryBudget {
    /// So many retries.
    pub fn of(retries: u32) -> Self {
        Self(Arc::new(AtomicU32::new(retries)))
    }

    /// Takes one of them; `false`: there is none left.
    pub(crate) fn take(&self) -> bool {
        let take = |left: u32| left.checked_sub(1);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }
}

impl Default for RetryBudget {
    /// Enough for ten lanes of work through half a minute in which nothing answers.
    fn default() -> Self {
        Self::of(200)
    }
}

/// Something that happened in an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The operation.
    pub operation: OperationId,
    /// The cluster.
    pub cluster: ClusterName,
    /// The node that the step is about, if it is about one.
    pub node: Option<NodeName>,
    /// The step's title: `join demo-worker-1 as worker`.
    pub step: String,
    /// Whether the step is an undo.
    pub undo: bool,
    /// What happened to it.
    pub progress: StepProgress,
}

/// Takes the events of an operation. Called from many tasks at once; must not block.
pub trait ProgressSink: Send + Sync {
    /// Takes one.
    fn report(&self, event: Event);
}

/// One run of create, update or delete.
#[derive(Clone)]
pub struct Operation {
    /// Its id, in a label of everything that it makes.
    pub id: OperationId,
    /// When it has to be done; every await in it ends then.
    pub deadline: Timestamp,
    /// Fires when the user interrupts it.
    pub cancellation: CancellationToken,
    /// Takes its events.
    pub progress: Arc<dyn ProgressSink>,
    /// How often its calls may be tried again.
    pub retries: RetryBudget,
}

impl Operation {
    /// The owner of what this operation makes for a cluster.
    pub fn owner(&self, cluster: ClusterId, name: &ClusterName) -> Owner {
        Owner {
            cluster,
            cluster_name: name.clone(),
            operation: self.id,
            deadline: self.deadline,
            host: Some(this_host()),
        }
    }
}
