//! The members of etcd, which keeps what the cluster knows: one on each control plane, named as its node.
//!
//! By etcd's JSON gateway (its documentation, "gRPC gateway"), on the same connection as everything else.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::authorities;
use super::tunnel::Tunnel;
use crate::coe::CoeError;
use crate::error::chain;
use crate::model::NodeName;
use crate::transport::Exec;

const PORT: u16 = 2379;

/// A member; of its fields those that are used here.
#[derive(Deserialize)]
struct Member {
    /// A number that JSON of Go's kind has as a text.
    #[serde(rename = "ID")]
    id: String,
    /// Empty until it has started for the first time.
    #[serde(default)]
    name: String,
    #[serde(rename = "peerURLs", default)]
    peer_urls: Vec<String>,
}

#[derive(Deserialize)]
struct Members {
    #[serde(default)]
    members: Vec<Member>,
}

#[derive(Serialize)]
struct Removal<'a> {
    #[serde(rename = "ID")]
    id: &'a str,
}

/// Makes sure that etcd has no member on that node. etcd refuses what would cost it its majority.
pub(super) async fn remove_member(
    control_plane: &dyn Exec,
    name: &NodeName,
    address: Option<&str>,
) -> Result<(), CoeError> {
    let (ca_certificate, identity) = authorities::etcd_client(control_plane).await?;
    let tunnel = Tunnel::open(control_plane, PORT, &ca_certificate, &identity).await?;
    let etcd = Etcd {
        tunnel,
        node: control_plane.node(),
    };
    let what = format!("take the vote from {name}");
    let members: Members = etcd
        .ask(&what, "/v3/cluster/member/list", &json!({}))
        .await?;
    let is_on_node = |member: &&Member| {
        let is_at_address =
            |url: &String| address.is_some_and(|address| url.contains(&format!("//{address}:")));
        member.name == name.as_str() || member.peer_urls.iter().any(is_at_address)
    };
    for member in members.members.iter().filter(is_on_node) {
        let removal = Removal { id: &member.id };
        let _left: Members = etcd
            .ask(&what, "/v3/cluster/member/remove", &removal)
            .await?;
    }
    Ok(())
}

struct Etcd<'a> {
    tunnel: Tunnel,
    node: &'a NodeName,
}

impl Etcd<'_> {
    async fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        what: &str,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, CoeError> {
        let refused = |reason: String| CoeError::Refused {
            what: what.to_owned(),
            node: self.node.clone(),
            reason,
        };
        let body = serde_json::to_vec(body).map_err(|error| refused(error.to_string()))?;
        let request = http::Request::post(path)
            .header("content-type", "application/json")
            .body(body)
            .map_err(|error| refused(error.to_string()))?;
        let (status, answer) =
            self.tunnel
                .send(request)
                .await
                .map_err(|error| CoeError::Silent {
                    what: what.to_owned(),
                    node: self.node.clone(),
                    reason: chain(&error),
                })?;
        if !status.is_success() {
            return Err(refused(String::from_utf8_lossy(&answer).into_owned()));
        }
        serde_json::from_slice(&answer).map_err(|error| refused(error.to_string()))
    }
}
