//! Waits until nodes answer and are ready.

use std::time::Duration;

use super::api;
use super::http::Request;
use super::members;
use crate::coe::CoeError;
use crate::model::NodeName;
use crate::transport::Exec;

/// A look takes about as long.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// The engine makes its socket first and answers on it when it is ready: so the wait is for the
/// socket, and the answer comes at the first possible moment without a poll.
const AWAIT_SOCKET: &str = "until [ -S /var/run/docker.sock ]; do sleep 0.02; done; ";

/// What a manager says while the managers choose a leader (swarmkit, `ErrNoLeader` of `raft`).
const NO_LEADER: &str = "does not have a leader";

/// See `Coe::wait_until_up`.
pub(super) async fn wait_until_up(node: &dyn Exec) -> Result<(), CoeError> {
    const WHAT: &str = "wait for the node's engine";
    loop {
        let asked = api::call_after(node, WHAT, AWAIT_SOCKET, [Request::get("/_ping")]).await;
        match asked {
            Ok((_, [response])) => return api::accept(node, WHAT, response).map(|_| ()),
            // A socket that an earlier run left behind: nobody listens on it yet.
            Err(CoeError::Refused { .. } | CoeError::Silent { .. }) => {
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// See `Coe::wait_until_ready`.
pub(super) async fn wait_until_ready(
    control_plane: &dyn Exec,
    nodes: &[NodeName],
) -> Result<(), CoeError> {
    loop {
        let members = match members::list(control_plane).await {
            Ok(members) => members,
            Err(CoeError::Refused { reason, .. }) if reason.contains(NO_LEADER) => {
                tokio::time::sleep(BETWEEN_LOOKS).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let is_ready =
            |name: &NodeName| members.iter().any(|node| node.is(name) && node.is_ready());
        if nodes.iter().all(is_ready) {
            return Ok(());
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}
