//! Joins a node to the swarm.
//!
//! Guarantees: asked twice, joins once. The token goes by stdin.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroize;

use super::api;
use super::http::Request;
use super::init::{RAFT_PORT, is_member_already, membership};
use super::members::Node;
use crate::coe::{CoeError, JoinTicket, NodeAccess};
use crate::model::{Role, Secret};
use crate::transport::Exec;

/// The part of `GET /swarm` that lets nodes in.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    join_tokens: JoinTokens,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct JoinTokens {
    worker: String,
    manager: String,
}

/// See `Coe::join_ticket`.
pub(super) async fn ticket(control_plane: &dyn Exec, role: Role) -> Result<JoinTicket, CoeError> {
    const WHAT: &str = "ask for the join token";
    let requests = [Request::get("/nodes"), Request::get("/swarm")];
    let [nodes, swarm] = api::call(control_plane, WHAT, requests).await?;
    let nodes: Vec<Node> = api::parse(control_plane, WHAT, nodes)?;
    let Inspected {
        join_tokens: mut tokens,
    } = api::parse(control_plane, WHAT, swarm)?;
    let (wanted, other) = match role {
        Role::ControlPlane => (&mut tokens.manager, &mut tokens.worker),
        Role::Worker => (&mut tokens.worker, &mut tokens.manager),
    };
    let token = Secret::new(std::mem::take(wanted));
    other.zeroize();
    let control_planes: Vec<IpAddr> = nodes.iter().filter_map(Node::reachable_manager).collect();
    if control_planes.is_empty() {
        return Err(api::refused(
            control_plane,
            WHAT,
            "no manager of the swarm is reachable",
        ));
    }
    Ok(JoinTicket {
        control_planes,
        token,
    })
}

/// See `Coe::join`.
pub(super) async fn join(node: &NodeAccess<'_>, ticket: &JoinTicket) -> Result<(), CoeError> {
    const WHAT: &str = "join the swarm";
    let remotes: Vec<String> = ticket
        .control_planes
        .iter()
        .map(|address| SocketAddr::new(*address, RAFT_PORT).to_string())
        .collect();
    let body = json!({
        "ListenAddr": format!("0.0.0.0:{RAFT_PORT}"),
        "AdvertiseAddr": node.address.to_string(),
        "RemoteAddrs": remotes,
        "JoinToken": ticket.token.expose(),
    });
    let [response] = api::call(node.exec, WHAT, [Request::post("/swarm/join", &body)?]).await?;
    let Err(refusal) = response.accepted() else {
        return Ok(());
    };
    if is_member_already(&refusal) {
        let membership = membership(node.exec).await?;
        if membership.is_member() {
            return Ok(());
        }
        let reason = format!("{} {}", refusal.message, membership.error);
        return Err(api::refused(node.exec, WHAT, reason.trim()));
    }
    Err(api::refused(node.exec, WHAT, refusal.message))
}
