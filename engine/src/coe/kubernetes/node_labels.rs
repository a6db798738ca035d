//! The user's labels of nodes, told from the cluster's own by who set them (server-side apply).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;
use kube_core::ResourceExt as _;
use kube_core::params::{Patch, PatchParams};
use serde_json::{Value, json};

use super::api::{Api, everywhere};
use super::members;
use crate::coe::CoeError;
use crate::model::{Finding, NodeName, Subject};
use crate::transport::Exec;

/// As whom the engine sets fields.
const MANAGER: &str = "coe";

/// What the API would refuse.
pub(super) fn check(labels: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, value) in labels {
        let subject = || Subject::NodeLabel(key.clone());
        if !is_key(key) {
            findings.push(Finding::error(
                subject(),
                format!("{key:?} is no key of a label"),
                "It has letters, digits, `-`, `_` and `.`, 63 at the most, and may have a domain and `/` before it.",
            ));
        }
        if !is_value(value) {
            findings.push(Finding::error(
                subject(),
                format!("{value:?} is no value of a label"),
                "It has letters, digits, `-`, `_` and `.`, 63 at the most, or is empty.",
            ));
        }
    }
    findings
}

/// Whether the API takes it for a key: a name, maybe with a domain before it.
pub(super) fn is_key(text: &str) -> bool {
    let (domain, name) = text
        .rsplit_once('/')
        .map_or((None, text), |(domain, name)| (Some(domain), name));
    let is_domain = |domain: &str| {
        domain.len() <= 253
            && domain.split('.').all(|label| {
                let is_plain =
                    |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                label.bytes().all(is_plain)
                    && !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            })
    };
    !name.is_empty() && is_value(name) && domain.is_none_or(is_domain)
}

/// Whether the API takes it for a value.
pub(super) fn is_value(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let outer = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 63
        && text.bytes().all(inner)
        && outer(text.bytes().next())
        && outer(text.bytes().last())
}

/// See `Coe::set_node_labels`. Labels of others stay: only those that were set here before are taken away.
pub(super) async fn set(
    control_plane: &dyn Exec,
    name: &NodeName,
    labels: &BTreeMap<String, String>,
) -> Result<(), CoeError> {
    let api = Api::connect(control_plane).await?;
    let nodes = everywhere::<Node>();
    let what = format!("set the labels of {name}");
    // An apply makes what is not there: a node that is none must stay none.
    members::registered(&api, name, &what).await?;
    let wanted = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": name.as_str(), "labels": labels },
    });
    let params = PatchParams::apply(MANAGER).force();
    api.patch(&nodes, name.as_str(), &params, &Patch::Apply(wanted))
        .await
        .map_err(|error| api.failure(&what, &error))
}

/// The labels that were set here, with the values that they have.
pub(super) fn of_user(node: &Node) -> BTreeMap<String, String> {
    let ours = node
        .managed_fields()
        .iter()
        .filter(|fields| fields.manager.as_deref() == Some(MANAGER))
        .filter_map(|fields| fields.fields_v1.as_ref())
        .filter_map(|fields| fields.0.pointer("/f:metadata/f:labels")?.as_object())
        .flat_map(serde_json::Map::<String, Value>::keys)
        .filter_map(|key| key.strip_prefix("f:"));
    ours.filter_map(|key| Some((key.to_owned(), node.labels().get(key)?.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_the_users_where_the_engine_set_them() {
        let node: Node = serde_json::from_value(json!({
            "metadata": {
                "name": "one",
                "labels": { "disk": "ssd", "kubernetes.io/os": "linux", "zone": "a" },
                "managedFields": [
                    {
                        "manager": "kubelet",
                        "fieldsV1": { "f:metadata": { "f:labels": { "f:kubernetes.io/os": {} } } },
                    },
                    {
                        "manager": MANAGER,
                        "fieldsV1": { "f:metadata": { "f:labels": { "f:disk": {}, "f:gone": {} } } },
                    },
                ],
            },
        }))
        .unwrap();
        let expected = BTreeMap::from([("disk".to_owned(), "ssd".to_owned())]);
        assert_eq!(of_user(&node), expected);
    }
}
