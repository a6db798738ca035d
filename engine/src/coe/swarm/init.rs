//! Makes the first control plane a swarm of one.
//!
//! Guarantees: asked twice, there is one swarm. A node that is in a swarm already stays in it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{self, Refusal};
use super::http::Request;
use super::labels;
use crate::coe::{CoeError, NodeAccess};
use crate::model::ClusterSpec;
use crate::transport::Exec;

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

impl SwarmInfo {
    pub(super) fn is_member(&self) -> bool {
        self.local_node_state == "active"
    }
}

/// What the node knows of its own membership.
pub(super) async fn membership(node: &dyn Exec) -> Result<SwarmInfo, CoeError> {
    let info: Info = api::ask(node, "ask for its membership", Request::get("/info")).await?;
    Ok(info.swarm)
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
    if is_member_already(&refusal) {
        let membership = membership(first.exec).await?;
        if membership.is_member() && membership.control_available {
            return Ok(());
        }
        let reason = format!("{} {}", refusal.message, membership.error);
        return Err(api::refused(first.exec, WHAT, reason.trim()));
    }
    Err(api::refused(first.exec, WHAT, refusal.message))
}

/// API 1.41, SwarmInit and SwarmJoin: 503, the node is part of a swarm.
pub(super) fn is_member_already(refusal: &Refusal) -> bool {
    refusal.status == 503
}
