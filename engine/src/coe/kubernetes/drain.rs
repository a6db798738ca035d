//! Moves work off a node, and lets it take work again.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube_core::params::{ListParams, Patch, PatchParams};
use kube_core::{ResourceExt as _, Status};
use serde_json::json;

use super::api::{Api, ApiError, everywhere, within};
use super::members;
use crate::coe::CoeError;
use crate::model::{Budgets, Drain, NodeName};
use crate::transport::Exec;

const BETWEEN_ROUNDS: Duration = Duration::from_millis(500);
/// What the kubelet says of a pod that comes from a file of its own, and is no object that could be moved.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// See `Coe::drain`. What a DaemonSet runs stays, for it would come back; of a node that is down nobody can
/// say what still runs on it, and there is nothing to wait for.
pub(super) async fn drain(
    control_plane: &dyn Exec,
    name: &NodeName,
    how: Drain,
) -> Result<(), CoeError> {
    let api = Api::connect(control_plane).await?;
    set_cordoned(&api, name, true).await?;
    let mut kept: BTreeMap<String, String> = BTreeMap::new();
    let draining = async {
        loop {
            if is_down(&api, name).await? {
                return Ok(());
            }
            let left = move_all(&api, name, how.budgets, &mut kept).await?;
            if left == 0 {
                return Ok(());
            }
            tokio::time::sleep(BETWEEN_ROUNDS).await;
        }
    };
    match tokio::time::timeout(how.timeout, draining).await {
        Ok(drained) => drained,
        Err(_late) => Err(late(name, &kept, how.timeout)),
    }
}

fn late(name: &NodeName, kept: &BTreeMap<String, String>, waited: Duration) -> CoeError {
    let kept: Vec<String> = kept
        .iter()
        .map(|(pod, why)| format!("pod {pod} stays: {why}"))
        .collect();
    CoeError::Late {
        what: format!("draining {name} ({})", kept.join("; ")),
        waited,
    }
}

/// See `Coe::uncordon`.
pub(super) async fn uncordon(control_plane: &dyn Exec, name: &NodeName) -> Result<(), CoeError> {
    let api = Api::connect(control_plane).await?;
    set_cordoned(&api, name, false).await
}

async fn set_cordoned(api: &Api, name: &NodeName, cordoned: bool) -> Result<(), CoeError> {
    let patch = Patch::Merge(json!({ "spec": { "unschedulable": cordoned } }));
    let what = if cordoned {
        format!("keep new work off {name}")
    } else {
        format!("let {name} take work")
    };
    api.patch(
        &everywhere::<Node>(),
        name.as_str(),
        &PatchParams::default(),
        &patch,
    )
    .await
    .map_err(|error| api.failure(&what, &error))
}

async fn is_down(api: &Api, name: &NodeName) -> Result<bool, CoeError> {
    match api.get(&everywhere::<Node>(), name.as_str()).await {
        Ok(node) => Ok(!members::is_ready(&node)),
        Err(error) if error.is_absent() => Ok(true),
        Err(error) => Err(api.failure(&format!("drain {name}"), &error)),
    }
}

/// Asks each pod of the node to go; how many are still there, and in `kept` why they may not.
async fn move_all(
    api: &Api,
    name: &NodeName,
    budgets: Budgets,
    kept: &mut BTreeMap<String, String>,
) -> Result<usize, CoeError> {
    let what = format!("drain {name}");
    let on_node = ListParams::default().fields(&format!("spec.nodeName={name}"));
    let pods = api
        .list::<Pod>(&everywhere::<Pod>(), &on_node)
        .await
        .map_err(|error| api.failure(&what, &error))?;
    kept.clear();
    let mut left = 0;
    for pod in pods.iter().filter(|pod| has_to_go(pod)) {
        left += 1;
        let full_name = format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
        if pod.metadata.deletion_timestamp.is_some() {
            kept.insert(full_name, "it was told to end, and has not yet".to_owned());
            continue;
        }
        let of_namespace = within::<Pod>(&pod.namespace().unwrap_or_default());
        let told = match budgets {
            Budgets::Respected => api.evict(&of_namespace, &pod.name_any()).await,
            Budgets::Ignored => api.delete(&of_namespace, &pod.name_any()).await,
        };
        match told {
            Ok(()) => {}
            Err(error) if error.is_absent() => left -= 1,
            Err(ApiError::Refused(status)) if status.code == 429 => {
                kept.insert(full_name, refusal(&status));
            }
            Err(error) => return Err(api.failure(&what, &error)),
        }
    }
    Ok(left)
}

fn has_to_go(pod: &Pod) -> bool {
    let is_of_daemon_set = pod
        .owner_references()
        .iter()
        .any(|owner| owner.kind == "DaemonSet" && owner.controller == Some(true));
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    let is_over = matches!(phase, Some("Succeeded" | "Failed"));
    !is_of_daemon_set && !is_over && !pod.annotations().contains_key(MIRROR)
}

/// Which budget keeps a pod, in the words of the API, whose causes name it.
fn refusal(status: &Status) -> String {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let causes: Vec<&str> = causes.map(|cause| cause.message.as_str()).collect();
    if causes.is_empty() {
        status.message.clone()
    } else {
        causes.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_a_budget_keeps_is_told_with_its_budget() {
        // As the API of 1.34 answers.
        let status: Status = serde_json::from_value(json!({
            "status": "Failure",
            "message": "Cannot evict pod as it would violate the pod's disruption budget.",
            "reason": "TooManyRequests",
            "details": {
                "causes": [{
                    "reason": "DisruptionBudget",
                    "message": "The disruption budget web needs 1 healthy pods and has 1 currently",
                }],
            },
            "code": 429,
        }))
        .unwrap();
        assert_eq!(
            refusal(&status),
            "The disruption budget web needs 1 healthy pods and has 1 currently"
        );
        let kept = BTreeMap::from([("default/web-1".to_owned(), refusal(&status))]);
        assert_eq!(
            late(
                &"demo-worker-1".parse().unwrap(),
                &kept,
                Duration::from_mins(5)
            )
            .to_string(),
            "draining demo-worker-1 (pod default/web-1 stays: The disruption budget web needs 1 healthy pods and has 1 \
             currently) did not happen within 300 s"
        );
    }
}
