//! Removes a node from the swarm.
//!
//! Guarantees: afterwards no member has that name, a dead one of before included; a manager gives up
//! its vote before anything else happens to it. The swarm refuses what would cost its quorum.

use std::time::Duration;

use serde_json::Value;

use super::configure::{send_node, set};
use super::http::Request;
use super::{api, members};
use crate::coe::CoeError;
use crate::model::{NodeName, Role};
use crate::transport::Exec;

/// How long a node may take to leave: one that hangs is forgotten all the same.
const LEAVE: Duration = Duration::from_secs(15);

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// See `Coe::remove_member`.
pub(super) async fn remove_member(
    control_plane: &dyn Exec,
    name: &NodeName,
    leaving: Option<&dyn Exec>,
) -> Result<(), CoeError> {
    demote(control_plane, name).await?;
    if let Some(leaving) = leaving {
        leave(leaving).await;
    }
    let what = format!("remove {name} from the swarm");
    for node in members::list(control_plane)
        .await?
        .iter()
        .filter(|node| node.is(name))
    {
        let path = format!("/nodes/{}?force=true", node.id);
        let [response] = api::call(control_plane, &what, [Request::delete(path)]).await?;
        match response.accepted() {
            Ok(_) => {}
            Err(refusal) if refusal.status == 404 => {}
            Err(refusal) => return Err(api::refused(control_plane, &what, refusal.message)),
        }
    }
    Ok(())
}

/// Takes the vote from every member of that name, and waits until it is taken.
async fn demote(control_plane: &dyn Exec, name: &NodeName) -> Result<(), CoeError> {
    let what = format!("take the vote from {name}");
    loop {
        let members = members::list(control_plane).await?;
        let mut voters: Vec<_> = members
            .into_iter()
            .filter(|node| node.is(name))
            .filter(|node| node.is_voter() || node.role() == Role::ControlPlane)
            .collect();
        if voters.is_empty() {
            return Ok(());
        }
        for node in &mut voters {
            if set(node, "Role", &Value::from("worker")) {
                // Refused as out of sequence: the next round sends it again.
                send_node(control_plane, &what, node).await?;
            }
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// Tells the node that it is no member. What it answers does not matter: it may be out of the swarm
/// already, and the swarm forgets it in any case.
async fn leave(node: &dyn Exec) {
    let leave = Request {
        method: "POST",
        path: "/swarm/leave?force=true".to_owned(),
        body: None,
    };
    let left = api::call(node, "leave the swarm", [leave]);
    let _ = tokio::time::timeout(LEAVE, left).await;
}
