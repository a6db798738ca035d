//! Moves work off a node, and lets it take work again.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::api;
use super::configure::update_node;
use super::http::Request;
use super::members::Node;
use crate::coe::CoeError;
use crate::model::{Drain, NodeName};
use crate::transport::Exec;

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// A task as the engine's API has it: the parts that are used here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Task {
    status: TaskStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TaskStatus {
    state: String,
}

impl Task {
    /// API 1.41, `TaskState`.
    fn is_over(&self) -> bool {
        matches!(
            self.status.state.as_str(),
            "complete" | "shutdown" | "failed" | "rejected" | "remove" | "orphaned"
        )
    }
}

/// See `Coe::drain`. Of a node that is down nobody can say what still runs on it: there is nothing to
/// wait for. A swarm knows nothing that keeps work on a node.
pub(super) async fn drain(
    control_plane: &dyn Exec,
    name: &NodeName,
    how: Drain,
) -> Result<(), CoeError> {
    let draining = move_all(control_plane, name);
    match tokio::time::timeout(how.timeout, draining).await {
        Ok(drained) => drained,
        Err(_late) => Err(CoeError::Late {
            what: format!("draining {name} (its tasks do not end)"),
            waited: how.timeout,
        }),
    }
}

async fn move_all(control_plane: &dyn Exec, name: &NodeName) -> Result<(), CoeError> {
    let what = format!("drain {name}");
    let drained = Value::from("drain");
    let node = update_node(control_plane, &what, name, "Availability", &drained).await?;
    if node.is_down() {
        return Ok(());
    }
    let tasks = format!("/tasks?filters=%7B%22node%22%3A%5B%22{}%22%5D%7D", node.id);
    let itself = format!("/nodes/{}", node.id);
    loop {
        let requests = [Request::get(tasks.as_str()), Request::get(itself.as_str())];
        let [tasks, node] = api::call(control_plane, &what, requests).await?;
        let tasks: Vec<Task> = api::parse(control_plane, &what, tasks)?;
        // It may die while it drains.
        let node: Node = api::parse(control_plane, &what, node)?;
        if node.is_down() || tasks.iter().all(Task::is_over) {
            return Ok(());
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// See `Coe::uncordon`.
pub(super) async fn uncordon(control_plane: &dyn Exec, name: &NodeName) -> Result<(), CoeError> {
    let what = format!("let {name} take work");
    let active = Value::from("active");
    update_node(control_plane, &what, name, "Availability", &active)
        .await
        .map(|_| ())
}
