//! Changes what is there: the swarm's settings, and single members.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::http::Request;
use super::members::{self, Node, Version};
use super::{api, labels};
use crate::coe::CoeError;
use crate::model::NodeName;
use crate::transport::Exec;

/// `GET /swarm`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Swarm {
    version: Version,
    spec: Value,
}

/// See `Coe::configure`.
pub(super) async fn configure(
    control_plane: &dyn Exec,
    settings: &BTreeMap<String, String>,
) -> Result<(), CoeError> {
    const WHAT: &str = "change the swarm's settings";
    loop {
        let mut swarm: Swarm = api::ask(control_plane, WHAT, Request::get("/swarm")).await?;
        if !labels::apply(settings, &mut swarm.spec) {
            return Ok(());
        }
        let path = format!("/swarm/update?version={}", swarm.version.index);
        let update = Request::post(control_plane, WHAT, path, &swarm.spec)?;
        if sent(control_plane, WHAT, update).await? {
            return Ok(());
        }
    }
}

/// See `Coe::set_node_labels`.
pub(super) async fn set_node_labels(
    control_plane: &dyn Exec,
    node: &NodeName,
    labels: &BTreeMap<String, String>,
) -> Result<(), CoeError> {
    let labels: serde_json::Map<String, Value> = labels
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    let what = format!("set the labels of {node}");
    update_node(control_plane, &what, node, "Labels", &Value::Object(labels))
        .await
        .map(|_| ())
}

/// Sets one field of the spec of a member that is not down; the member as it was before.
pub(super) async fn update_node(
    control_plane: &dyn Exec,
    what: &str,
    name: &NodeName,
    field: &str,
    value: &Value,
) -> Result<Node, CoeError> {
    loop {
        let members = members::list(control_plane).await?;
        let mut of_name: Vec<Node> = members.into_iter().filter(|node| node.is(name)).collect();
        of_name.sort_by_key(Node::is_down);
        let Some(mut node) = of_name.into_iter().next() else {
            return Err(api::refused(
                control_plane,
                what,
                "the swarm has no such member",
            ));
        };
        if set(&mut node, field, value) && !send_node(control_plane, what, &node).await? {
            continue;
        }
        return Ok(node);
    }
}

/// Sets a field of a member's spec; whether that changed it.
pub(super) fn set(node: &mut Node, field: &str, value: &Value) -> bool {
    let Some(spec) = node.spec.as_object_mut() else {
        return false;
    };
    spec.insert(field.to_owned(), value.clone()).as_ref() != Some(value)
}

/// Sends a member's spec; false if somebody else changed the member meanwhile.
pub(super) async fn send_node(
    control_plane: &dyn Exec,
    what: &str,
    node: &Node,
) -> Result<bool, CoeError> {
    let path = format!("/nodes/{}/update?version={}", node.id, node.version.index);
    let update = Request::post(control_plane, what, path, &node.spec)?;
    sent(control_plane, what, update).await
}

async fn sent(control_plane: &dyn Exec, what: &str, update: Request) -> Result<bool, CoeError> {
    let [response] = api::call(control_plane, what, [update]).await?;
    match response.accepted() {
        Ok(_) => Ok(true),
        // swarmkit's ErrSequenceConflict, which the API passes on as text alone.
        Err(refusal) if refusal.message.contains("update out of sequence") => Ok(false),
        Err(refusal) => Err(api::refused(control_plane, what, refusal.message)),
    }
}
