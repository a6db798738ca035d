//! The members of a swarm, as its managers list them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;
use serde_json::Value;

use super::http::Request;
use super::{api, daemon, labels};
use crate::coe::{CoeError, CoeView};
use crate::model::{Member, MemberState, NodeName, Role};
use crate::transport::Exec;

/// A node as the engine's API has it: the parts that are used here (API 1.41, `Node`). A spec is kept
/// as it is, because an update sends all of it back.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Node {
    #[serde(rename = "ID")]
    pub id: String,
    pub version: Version,
    pub spec: Value,
    #[serde(default)]
    description: Description,
    #[serde(default)]
    status: Status,
    manager_status: Option<ManagerStatus>,
}

/// Which update of an object comes next.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Version {
    pub index: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Description {
    hostname: String,
    engine: Engine,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Engine {
    engine_version: String,
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Status {
    state: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ManagerStatus {
    reachability: String,
    addr: String,
}

impl Node {
    /// Whether it is the node of that name. A name of a node is its machine's host name.
    pub(super) fn is(&self, name: &NodeName) -> bool {
        self.description.hostname == name.as_str()
    }

    /// The role that it is to have.
    pub(super) fn role(&self) -> Role {
        match self.spec.get("Role").and_then(Value::as_str) {
            Some("manager") => Role::ControlPlane,
            _ => Role::Worker,
        }
    }

    /// Whether it is counted among those that decide, still or already.
    pub(super) fn is_voter(&self) -> bool {
        self.manager_status.is_some()
    }

    /// Its address, if it is a manager that answers.
    pub(super) fn reachable_manager(&self) -> Option<IpAddr> {
        let manager = self.manager_status.as_ref()?;
        let address: SocketAddr = manager.addr.parse().ok()?;
        (manager.reachability == "reachable").then_some(address.ip())
    }

    pub(super) fn is_down(&self) -> bool {
        self.status.state != "ready"
    }

    pub(super) fn availability(&self) -> &str {
        self.spec
            .get("Availability")
            .and_then(Value::as_str)
            .unwrap_or("active")
    }

    /// Whether it takes work; a manager also has to answer the others.
    pub(super) fn is_ready(&self) -> bool {
        let answers = self
            .manager_status
            .as_ref()
            .is_none_or(|manager| manager.reachability == "reachable");
        let settled = (self.role() == Role::ControlPlane) == self.is_voter();
        !self.is_down() && answers && settled
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let labels = self.spec.get("Labels").and_then(Value::as_object);
        labels
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    fn member(&self) -> Member {
        let unreachable = self
            .manager_status
            .as_ref()
            .is_some_and(|manager| manager.reachability == "unreachable");
        let state = if self.is_down() || unreachable {
            MemberState::Down
        } else if self.availability() == "active" {
            MemberState::Ready
        } else {
            MemberState::Drained
        };
        Member {
            id: self.id.clone(),
            role: self.role(),
            state,
            version: self.description.engine.engine_version.clone(),
            labels: self.labels(),
            taints: BTreeSet::new(),
            made_here: self
                .description
                .engine
                .labels
                .contains_key(daemon::MADE_HERE),
            // Nodes renew theirs by themselves (`cert_expiry`).
            expires: None,
        }
    }
}

/// The part of `GET /swarm` that holds the settings.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    spec: Value,
}

/// See `Coe::observe`.
pub(super) async fn observe(control_plane: &dyn Exec) -> Result<CoeView, CoeError> {
    const WHAT: &str = "list the members of the swarm";
    let requests = [Request::get("/nodes"), Request::get("/swarm")];
    let script = format!("cat {} && ", daemon::CA_CERTIFICATE);
    let (certificate, [nodes, swarm]) =
        api::call_after(control_plane, WHAT, &script, requests).await?;
    let nodes: Vec<Node> = api::parse(control_plane, WHAT, nodes)?;
    let swarm: Inspected = api::parse(control_plane, WHAT, swarm)?;
    let ca_certificate = String::from_utf8(certificate)
        .map_err(|_| api::refused(control_plane, WHAT, "the CA's certificate is not text"))?;
    Ok(CoeView {
        members: members(&nodes),
        ca_certificate,
        settings: labels::read(&swarm.spec),
        version: None,
    })
}

/// The members of the swarm.
pub(super) async fn list(control_plane: &dyn Exec) -> Result<Vec<Node>, CoeError> {
    api::ask(
        control_plane,
        "list the members of the swarm",
        Request::get("/nodes"),
    )
    .await
}

fn members(nodes: &[Node]) -> BTreeMap<NodeName, Member> {
    let mut members: BTreeMap<NodeName, Member> = BTreeMap::new();
    for node in nodes {
        // A node that has just joined has not told its name yet.
        let Ok(name) = node.description.hostname.parse::<NodeName>() else {
            continue;
        };
        let member = node.member();
        let better = |known: &Member| known.state == MemberState::Down;
        if members.get(&name).is_none_or(better) {
            members.insert(name, member);
        }
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As engines 20.10 and 26.1 answer, without what is not read.
    fn node(id: &str, name: &str, state: &str, role: &str, reachability: Option<&str>) -> Node {
        let mut node = serde_json::json!({
            "ID": id,
            "Version": { "Index": 9 },
            "Spec": { "Labels": { "zone": "a" }, "Role": role, "Availability": "active" },
            "Description": { "Hostname": name, "Engine": {
                "EngineVersion": "26.1.5", "Labels": { "io.coe.made-here": "true" },
            } },
            "Status": { "State": state, "Addr": "10.89.0.2" },
        });
        if let Some(reachability) = reachability {
            let manager =
                serde_json::json!({ "Reachability": reachability, "Addr": "10.89.0.2:2377" });
            node["ManagerStatus"] = manager;
        }
        serde_json::from_value(node).unwrap()
    }

    fn state_of(node: &Node) -> MemberState {
        node.member().state
    }

    #[test]
    fn the_state_of_a_member_is_read() {
        assert_eq!(
            state_of(&node("1", "a", "ready", "worker", None)),
            MemberState::Ready
        );
        assert_eq!(
            state_of(&node("1", "a", "down", "worker", None)),
            MemberState::Down
        );
        assert_eq!(
            state_of(&node("1", "a", "unknown", "worker", None)),
            MemberState::Down
        );
        assert_eq!(
            state_of(&node("1", "a", "ready", "manager", Some("reachable"))),
            MemberState::Ready
        );
        assert_eq!(
            state_of(&node("1", "a", "ready", "manager", Some("unreachable"))),
            MemberState::Down
        );
        let mut drained = node("1", "a", "ready", "worker", None);
        drained.spec["Availability"] = "drain".into();
        assert_eq!(state_of(&drained), MemberState::Drained);
    }

    #[test]
    fn of_two_members_of_one_name_the_one_that_lives_counts() {
        let dead = || node("dead", "a", "down", "worker", None);
        let living = || node("living", "a", "ready", "worker", None);
        for nodes in [[dead(), living()], [living(), dead()]] {
            assert_eq!(
                members(&nodes)[&"a".parse::<NodeName>().unwrap()].id,
                "living"
            );
        }
    }

    #[test]
    fn a_member_that_has_not_told_its_name_is_left_out() {
        assert!(members(&[node("1", "", "unknown", "worker", None)]).is_empty());
    }

    #[test]
    fn a_manager_is_ready_when_the_others_reach_it() {
        assert!(node("1", "a", "ready", "manager", Some("reachable")).is_ready());
        assert!(!node("1", "a", "ready", "manager", Some("unknown")).is_ready());
        // Promoted, and not taken in yet; demoted, and not let go yet.
        assert!(!node("1", "a", "ready", "manager", None).is_ready());
        assert!(!node("1", "a", "ready", "worker", Some("reachable")).is_ready());
    }
}
