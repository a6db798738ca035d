//! The user's taints of nodes. A node has one list of them, with the cluster's own in it: which are the user's is noted
//! down on the node.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1 as k8s;
use kube_core::ResourceExt as _;
use kube_core::params::{Patch, PatchParams};
use serde_json::{Value, json};

use super::api::{Api, ApiError, everywhere};
use super::members;
use super::node_labels::{is_key, is_value};
use crate::coe::CoeError;
use crate::model::{Finding, NodeName, Subject, Taint, TaintEffect};
use crate::transport::Exec;

/// Where the node has those that were set here: their keys and effects.
const NOTE: &str = "coe.internal/taints";
/// How often the node is read anew because somebody else changed it meanwhile: the cluster itself does, while a node
/// becomes ready.
const ATTEMPTS: usize = 10;

/// What the API would refuse, and what is the cluster's own.
pub(super) fn check(taints: &BTreeSet<Taint>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut wrong = |summary: String, detail: &str| {
        findings.push(Finding::error(Subject::Taints, summary, detail));
    };
    for taint in taints {
        if !is_key(&taint.key) {
            wrong(
                format!("{:?} is no key of a taint", taint.key),
                "It has letters, digits, `-`, `_` and `.`, 63 at the most, and may have a domain and `/` before it.",
            );
        }
        if taint.key.starts_with("node.kubernetes.io/") {
            wrong(
                format!("{} is the cluster's own", taint.key),
                "Kubernetes sets and removes it by itself. To keep work off a node there is `maintenance`.",
            );
        }
        if !is_value(&taint.value) {
            wrong(
                format!("{:?} is no value of a taint", taint.value),
                "It has letters, digits, `-`, `_` and `.`, 63 at the most, or is empty.",
            );
        }
        let same = |other: &&Taint| (&other.key, other.effect) == (&taint.key, taint.effect);
        if taints.iter().find(same) != Some(taint) {
            wrong(
                format!(
                    "There are two taints {} with {}",
                    taint.key,
                    taint.effect.as_str()
                ),
                "A node has one value for each key and effect.",
            );
        }
    }
    findings
}

/// See `Coe::set_node_taints`. Taints of others stay.
pub(super) async fn set(
    control_plane: &dyn Exec,
    name: &NodeName,
    taints: &BTreeSet<Taint>,
) -> Result<(), CoeError> {
    let api = Api::connect(control_plane).await?;
    let nodes = everywhere::<k8s::Node>();
    let what = format!("set the taints of {name}");
    let mut attempts = 1..=ATTEMPTS;
    loop {
        let node = members::registered(&api, name, &what).await?;
        let change = Patch::Merge(change(&node, taints));
        let params = PatchParams::default();
        match api.patch(&nodes, name.as_str(), &params, &change).await {
            Ok(()) => return Ok(()),
            Err(ApiError::Refused(status)) if status.code == 409 && attempts.next().is_some() => {}
            Err(error) => return Err(api.failure(&what, &error)),
        }
    }
}

/// The change of the node as it was read: the list is replaced as a whole.
fn change(node: &k8s::Node, taints: &BTreeSet<Taint>) -> Value {
    let (before, wanted) = (noted(node), marks(taints));
    let stays = |taint: &&k8s::Taint| {
        let mark = (taint.key.clone(), taint.effect.clone());
        !before.contains(&mark) && !wanted.contains(&mark)
    };
    let mut all: Vec<Value> = of(node).filter(stays).map(|taint| json!(taint)).collect();
    all.extend(taints.iter().map(
        |taint| json!({ "key": taint.key, "value": taint.value, "effect": taint.effect.as_str() }),
    ));
    json!({
        "metadata": {
            "resourceVersion": node.resource_version(),
            "annotations": { NOTE: json!(wanted).to_string() },
        },
        "spec": { "taints": all },
    })
}

/// The taints that were set here, with the values that they have.
pub(super) fn of_user(node: &k8s::Node) -> BTreeSet<Taint> {
    let noted = noted(node);
    of(node)
        .filter(|taint| noted.contains(&(taint.key.clone(), taint.effect.clone())))
        .filter_map(|taint| {
            let mut effects = TaintEffect::ALL.into_iter();
            Some(Taint {
                key: taint.key.clone(),
                value: taint.value.clone().unwrap_or_default(),
                effect: effects.find(|effect| effect.as_str() == taint.effect)?,
            })
        })
        .collect()
}

fn of(node: &k8s::Node) -> impl Iterator<Item = &k8s::Taint> {
    let spec = node.spec.as_ref();
    spec.and_then(|spec| spec.taints.as_ref())
        .into_iter()
        .flatten()
}

fn marks(taints: &BTreeSet<Taint>) -> BTreeSet<(String, String)> {
    let mark = |taint: &Taint| (taint.key.clone(), taint.effect.as_str().to_owned());
    taints.iter().map(mark).collect()
}

fn noted(node: &k8s::Node) -> BTreeSet<(String, String)> {
    let text = node.annotations().get(NOTE);
    // Somebody who writes something else there takes them over.
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taint(key: &str, value: &str, effect: TaintEffect) -> Taint {
        Taint {
            key: key.to_owned(),
            value: value.to_owned(),
            effect,
        }
    }

    fn after(node: &k8s::Node, taints: &BTreeSet<Taint>) -> k8s::Node {
        let mut changed = json!(node);
        let change = change(node, taints);
        changed["spec"]["taints"] = change["spec"]["taints"].clone();
        changed["metadata"]["annotations"] = change["metadata"]["annotations"].clone();
        serde_json::from_value(changed).unwrap()
    }

    #[test]
    fn the_users_come_and_go_and_the_clusters_own_stay() {
        let own = json!({ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" });
        let node: k8s::Node = serde_json::from_value(json!({
            "metadata": { "name": "one", "resourceVersion": "7" },
            "spec": { "taints": [own] },
        }))
        .unwrap();
        assert!(of_user(&node).is_empty());
        let two = BTreeSet::from([
            taint("gpu", "yes", TaintEffect::NoSchedule),
            taint("gpu", "yes", TaintEffect::NoExecute),
        ]);
        let tainted = after(&node, &two);
        assert_eq!(of_user(&tainted), two);
        assert_eq!(of(&tainted).count(), 3);
        let one = BTreeSet::from([taint("gpu", "no", TaintEffect::NoSchedule)]);
        let changed = after(&tainted, &one);
        assert_eq!(of_user(&changed), one);
        assert_eq!(of(&changed).count(), 2);
        let untainted = after(&changed, &BTreeSet::new());
        assert_eq!(
            of(&untainted)
                .map(|taint| taint.key.as_str())
                .collect::<Vec<_>>(),
            ["node.kubernetes.io/unschedulable"]
        );
    }

    #[test]
    fn what_the_api_would_refuse_is_found() {
        let one = |key: &str, value: &str| {
            check(&[taint(key, value, TaintEffect::NoSchedule)].into()).len()
        };
        for (key, value, wrong) in [
            ("gpu", "", 0),
            ("example.org/gpu", "a100", 0),
            ("", "", 1),
            ("-gpu", "", 1),
            ("gpu", "a 100", 1),
            ("Example.org/gpu", "", 1),
            ("node.kubernetes.io/unschedulable", "", 1),
        ] {
            assert_eq!(one(key, value), wrong, "{key}={value}");
        }
        let twice = [
            taint("gpu", "a", TaintEffect::NoSchedule),
            taint("gpu", "b", TaintEffect::NoSchedule),
        ];
        assert_eq!(check(&twice.into()).len(), 1);
    }
}
