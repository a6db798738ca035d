//! Joins a node to the swarm.
//!
//! Guarantees: asked twice, joins once. The token goes by stdin.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::api;
use super::http::Request;
use super::init::{RAFT_PORT, is_member_already, settled_membership};
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

/// `POST /swarm/join`. Borrows the token: a copy of it would have to be wiped.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct JoinRequest<'a> {
    listen_addr: String,
    advertise_addr: String,
    remote_addrs: Vec<String>,
    join_token: &'a str,
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
    let body = JoinRequest {
        listen_addr: format!("0.0.0.0:{RAFT_PORT}"),
        advertise_addr: node.address.to_string(),
        remote_addrs: remotes,
        join_token: ticket.token.expose(),
    };
    let request = Request::post(node.exec, WHAT, "/swarm/join", &body)?;
    let [response] = api::call(node.exec, WHAT, [request]).await?;
    let Err(refusal) = response.accepted() else {
        return Ok(());
    };
    // API 1.41, SwarmJoin: what takes longer than 20 seconds goes on after the answer.
    if is_member_already(&refusal) || refusal.message.contains("in the background") {
        return settled_membership(node.exec, WHAT).await.map(|_| ());
    }
    Err(api::refused(node.exec, WHAT, refusal.message))
}
