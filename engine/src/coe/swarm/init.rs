//! Makes the first control plane a swarm of one.
//!
//! Guarantees: asked twice, there is one swarm. A node that is in a swarm already stays in it.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{self, Refusal};
use super::http::Request;
use super::labels;
use crate::coe::{CoeError, NodeAccess};
use crate::model::ClusterSpec;
use crate::transport::Exec;

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Where managers listen for one another.
pub(super) const RAFT_PORT: u16 = 2377;

/// The part of `GET /info` that tells of the swarm.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    swarm: SwarmInfo,
}

/// What a node knows of its own membership.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SwarmInfo {
    pub local_node_state: String,
    pub control_available: bool,
    pub error: String,
}

/// Waits until the node's join or init, begun by whomever, came to an end; an error says what it was.
pub(super) async fn settled_membership(node: &dyn Exec, what: &str) -> Result<SwarmInfo, CoeError> {
    loop {
        let info: Info = api::ask(node, what, Request::get("/info")).await?;
        match info.swarm.local_node_state.as_str() {
            "active" => return Ok(info.swarm),
            "pending" => tokio::time::sleep(BETWEEN_LOOKS).await,
            state => {
                let reason = format!("the node is {state} {}", info.swarm.error);
                return Err(api::refused(node, what, reason.trim_end()));
            }
        }
    }
}

/// See `Coe::init`.
pub(super) async fn init(spec: &ClusterSpec, first: &NodeAccess<'_>) -> Result<(), CoeError> {
    const WHAT: &str = "make the swarm";
    let mut swarm_spec = Value::Object(serde_json::Map::new());
    labels::apply(&spec.labels, &mut swarm_spec);
    let body = json!({
        "ListenAddr": format!("0.0.0.0:{RAFT_PORT}"),
        "AdvertiseAddr": first.address.to_string(),
        "Spec": swarm_spec,
    });
    let request = Request::post(first.exec, WHAT, "/swarm/init", &body)?;
    let [response] = api::call(first.exec, WHAT, [request]).await?;
    let Err(refusal) = response.accepted() else {
        return Ok(());
    };
    if !is_member_already(&refusal) {
        return Err(api::refused(first.exec, WHAT, refusal.message));
    }
    if settled_membership(first.exec, WHAT)
        .await?
        .control_available
    {
        return Ok(());
    }
    Err(api::refused(
        first.exec,
        WHAT,
        "the node is a worker of a swarm already",
    ))
}

/// API 1.41, SwarmInit and SwarmJoin: 503, the node is part of a swarm.
pub(super) fn is_member_already(refusal: &Refusal) -> bool {
    refusal.status == 503
}
