//! From a call of Terraform's to an operation of the engine's.

use std::sync::Arc;
use std::time::Duration;

use coe_engine::cluster::Cluster;
use coe_engine::engine::Engine;
use coe_engine::model::{ClusterId, OperationId};
use coe_engine::operation::{Event, Operation, ProgressSink, RetryBudget, StepProgress};
use jiff::{Timestamp, Unit};
use terraform_framework::timeouts::{Operation as Kind, Timeouts};
use terraform_framework::{Attr, Call, Diagnostic, Diagnostics, Path};

use crate::diagnostics::failed;

/// The operation that `call` asks for, which has `limit` to come to its end.
pub(crate) fn operation(call: &Call, limit: Duration) -> Operation {
    Operation {
        id: OperationId::new(),
        deadline: Timestamp::now()
            .saturating_add(limit)
            .and_then(|deadline| deadline.round(Unit::Second))
            .unwrap_or(Timestamp::MAX),
        cancellation: call.cancellation().clone(),
        progress: Arc::new(Log),
        retries: RetryBudget::default(),
    }
}

/// How long an operation may take: as `timeouts` says, else `default`.
pub(crate) fn limit(timeouts: &Attr<Timeouts>, kind: Kind, default: Duration) -> Duration {
    timeouts
        .known()
        .and_then(|timeouts| timeouts.of(kind))
        .unwrap_or(default)
}

/// How long a look at the platform may take where nobody says.
pub(crate) const LOOK_TIMEOUT: Duration = Duration::from_mins(2);

/// A look at the platform that ends when the user interrupts it, or after `limit`.
pub(crate) async fn look<T>(
    call: &Call,
    limit: Duration,
    look: impl Future<Output = Result<T, Diagnostics>>,
) -> Result<T, Diagnostics> {
    // What a look holds is large, and would be moved with whatever awaits it.
    let look = Box::pin(look);
    tokio::select! {
        found = look => found,
        () = call.cancellation().cancelled() => Err(Diagnostic::error(
            "Interrupted",
            "The look at the platform was interrupted. Nothing was changed.",
        )
        .into()),
        () = tokio::time::sleep(limit) => Err(Diagnostic::error(
            "The platform did not answer in time",
            format!(
                "Nothing came back within {} s. Nothing was changed. Where the resource has `timeouts`, their `read` \
                 sets how long it may take.",
                limit.as_secs()
            ),
        )
        .into()),
    }
}

/// The id of a cluster as it stands in state.
pub(crate) fn cluster_id(id: &Attr<String>, attribute: &str) -> Result<ClusterId, Diagnostics> {
    let path = Path::attribute_name(attribute);
    let text = id.known().map(String::as_str).unwrap_or_default();
    text.parse().map_err(|_| {
        Diagnostic::error(
            "Not a cluster's id",
            format!("{text:?} is no id of a cluster, which is a UUID."),
        )
        .at(path)
        .into()
    })
}

/// The cluster of that id or that name.
pub(crate) async fn find_cluster(
    engine: &Engine,
    wanted: &str,
    call: &Call,
) -> Result<Cluster, Diagnostics> {
    let find = async {
        match (wanted.parse(), wanted.parse()) {
            (Ok(id), _) => engine.read(id).await,
            (Err(_), Ok(name)) => engine.find(&name).await,
            (Err(_), Err(_)) => Ok(None),
        }
        .map_err(failed("The cluster could not be looked up"))
    };
    let found = look(call, LOOK_TIMEOUT, find).await?;
    found.ok_or_else(|| {
        Diagnostic::error(
            format!("There is no cluster {wanted:?}"),
            "No cluster on this platform has that id or that name. On another platform it is found by a \
             provider configuration that reaches that one.",
        )
        .into()
    })
}

/// Writes what happens in an operation to Terraform's log.
struct Log;

impl ProgressSink for Log {
    fn report(&self, event: Event) {
        let node = event
            .node
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        let step = if event.undo {
            format!("undo: {}", event.step)
        } else {
            event.step
        };
        let (operation, cluster) = (event.operation, event.cluster);
        match event.progress {
            StepProgress::Started => {
                tracing::debug!(%operation, %cluster, node, step, "started");
            }
            StepProgress::Finished => {
                tracing::info!(%operation, %cluster, node, step, "finished");
            }
            StepProgress::Retried { error, after } => {
                tracing::warn!(%operation, %cluster, node, step, error, ?after, "tried again");
            }
            StepProgress::Failed { error } => {
                tracing::warn!(%operation, %cluster, node, step, error, "failed");
            }
        }
    }
}
