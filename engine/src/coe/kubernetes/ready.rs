//! Waits until nodes are up, and until they and what runs on them are ready.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::try_join_all;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube_core::ResourceExt as _;
use kube_core::params::{ListParams, Patch, PatchParams};
use serde_json::json;

use super::api::{Api, ApiError, within};
use super::{members, network};
use crate::coe::{CoeError, Missing};
use crate::model::{NodeName, WaitFor};
use crate::transport::{Command, Exec};

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// How long nodes and what every workload needs may take: several times as long as on a slow machine.
const READY: Duration = Duration::from_mins(5);
/// Where kubeadm's own workloads are.
const SYSTEM: &str = "kube-system";
/// What names are resolved by.
const DNS: &str = "coredns";
/// Its pods have this value of the label `k8s-app`.
const DNS_PODS: &str = "kube-dns";
/// When a pod was asked out of its turn.
const ASKED: &str = "io.coe/asked";

/// See `Coe::wait_until_up`: the container runtime answers, without which nothing can be started.
pub(super) async fn wait_until_up(node: &dyn Exec) -> Result<(), CoeError> {
    const AWAIT_RUNTIME: &str = "until [ -S /run/containerd/containerd.sock ] && ctr version >/dev/null 2>&1; do sleep 0.05; done";
    node.run(Command::shell(AWAIT_RUNTIME)).await?;
    Ok(())
}

/// See `Coe::wait_until_ready`. Usable is what a workload needs: the nodes, what kubeadm and the network run on
/// each of them, and the resolving of names. Where the network between pods is left out, none of that waits for it.
pub(super) async fn wait_until_ready(
    control_plane: &dyn Exec,
    nodes: &[NodeName],
    wait_for: WaitFor,
) -> Result<(), CoeError> {
    let mut missing = Vec::new();
    let waiting = async {
        let api = Api::connect(control_plane).await?;
        let network = if network::is_left_out(control_plane).await? {
            Network::LeftOut
        } else {
            Network::Needed
        };
        loop {
            missing = what_is_missing(&api, nodes, network, wait_for).await?;
            if missing.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    };
    match tokio::time::timeout(READY, waiting).await {
        Ok(result) => result,
        Err(_late) => Err(CoeError::NotReady {
            missing,
            waited: READY,
        }),
    }
}

/// Whether nodes are whole nodes without a network between pods.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Network {
    Needed,
    LeftOut,
}

async fn what_is_missing(
    api: &Api,
    wanted: &[NodeName],
    network: Network,
    wait_for: WaitFor,
) -> Result<Vec<Missing>, CoeError> {
    let nodes = members::list(api).await?;
    let of_node = |name: &NodeName, what: String| Missing {
        node: Some(name.clone()),
        what,
    };
    let mut missing: Vec<Missing> = wanted
        .iter()
        .filter_map(|name| {
            let node = nodes.iter().find(|node| node.name_any() == name.as_str());
            Some(of_node(name, why_not_ready(node, network)?))
        })
        .collect();
    if !missing.is_empty() {
        return Ok(missing);
    }
    let asked = wanted.iter().map(|name| running(api, name));
    let mut runs = BTreeMap::new();
    for (name, running) in wanted.iter().zip(try_join_all(asked).await?) {
        match running {
            Running::Silent => {
                missing.push(of_node(name, "its kubelet does not answer".to_owned()));
            }
            Running::NotTold => {}
            Running::Pods(pods) => _ = runs.insert(name.clone(), pods),
        }
    }
    if missing.is_empty() && wait_for == WaitFor::Usable {
        missing = system_not_ready(api, wanted, &runs, network).await?;
    }
    Ok(missing)
}

/// What a kubelet itself says of what runs on its node.
enum Running {
    /// It does not answer.
    Silent,
    /// It tells nobody: it was configured so.
    NotTold,
    /// These pods, by their ids.
    Pods(BTreeSet<String>),
}

/// Asks the node's kubelet: of a machine that was stopped, or is made again, the cluster says for a while that it is as it
/// was, with all that ran on it.
async fn running(api: &Api, node: &NodeName) -> Result<Running, CoeError> {
    let path = format!("/api/v1/nodes/{node}/proxy/runningpods/");
    match api.list::<Pod>(&path, &ListParams::default()).await {
        Ok(pods) => Ok(Running::Pods(
            pods.into_iter()
                .filter_map(|pod| pod.metadata.uid)
                .collect(),
        )),
        // enableDebuggingHandlers of the kubelet's configuration.
        Err(ApiError::Refused(status)) if matches!(status.code, 404 | 405) => Ok(Running::NotTold),
        Err(ApiError::Refused(_)) => Ok(Running::Silent),
        Err(error) => Err(api.failure(&format!("ask the kubelet of {node}"), &error)),
    }
}

fn why_not_ready(node: Option<&Node>, network: Network) -> Option<String> {
    let Some(node) = node else {
        return Some("not registered".to_owned());
    };
    let lacks_only_that = network == Network::LeftOut && members::lacks_network(node);
    if members::is_ready(node) || lacks_only_that {
        return None;
    }
    let message = members::ready_condition(node).and_then(|condition| condition.message.clone());
    Some(message.unwrap_or_else(|| "it does not say how it is".to_owned()))
}

/// What of kubeadm's and the network's own is not ready for those nodes. What runs elsewhere, or has run once and does
/// not now, is no reason to take a node for lost that came back.
async fn system_not_ready(
    api: &Api,
    nodes: &[NodeName],
    runs: &BTreeMap<NodeName, BTreeSet<String>>,
    network: Network,
) -> Result<Vec<Missing>, CoeError> {
    let everything = ListParams::default();
    let on_nodes = match nodes {
        [node] => ListParams::default().fields(&format!("spec.nodeName={node}")),
        _ => ListParams::default(),
    };
    let sets = within::<DaemonSet>(SYSTEM);
    let (pods, deployments) = (within::<Pod>(SYSTEM), within::<Deployment>(SYSTEM));
    let (sets, pods, deployments) = futures_util::try_join!(
        api.list::<DaemonSet>(&sets, &everything),
        api.list::<Pod>(&pods, &on_nodes),
        api.list::<Deployment>(&deployments, &everything),
    )
    .map_err(|error| api.failure("ask for what runs on all nodes", &error))?;
    let missing = missing_of_system(&sets, &pods, &deployments, nodes, runs, network);
    if !missing.is_empty() {
        ask_out_of_turn(api, pods.iter().filter(|pod| may_resolve(pod))).await?;
    }
    Ok(missing)
}

/// Has those pods' kubelets ask them whether they are ready. The first time that CoreDNS is asked it has not heard of the
/// API yet, and it is asked again by its period, after ten seconds; a kubelet also asks when a pod's object changes
/// (Kubernetes' `prober_manager.go`, `UpdatePodStatus`).
async fn ask_out_of_turn(api: &Api, pods: impl Iterator<Item = &Pod>) -> Result<(), CoeError> {
    let now = jiff::Timestamp::now().to_string();
    let change = Patch::Merge(json!({ "metadata": { "annotations": { ASKED: now } } }));
    for pod in pods {
        let (path, name) = (within::<Pod>(SYSTEM), pod.name_any());
        match api
            .patch(&path, &name, &PatchParams::default(), &change)
            .await
        {
            Err(error) if !error.is_absent() => {
                return Err(api.failure(&format!("ask pod {name} whether it is ready"), &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the pod is one of CoreDNS that runs, and nobody has found it ready.
fn may_resolve(pod: &Pod) -> bool {
    let statuses = pod
        .status
        .iter()
        .filter_map(|status| status.container_statuses.as_ref());
    let mut containers = statuses.flatten();
    let runs = containers.any(|container| {
        let state = container.state.as_ref();
        state.is_some_and(|state| state.running.is_some())
    });
    pod.labels()
        .get("k8s-app")
        .is_some_and(|app| app == DNS_PODS)
        && runs
        && !is_ready(pod)
}

fn missing_of_system(
    sets: &[DaemonSet],
    pods: &[Pod],
    deployments: &[Deployment],
    nodes: &[NodeName],
    runs: &BTreeMap<NodeName, BTreeSet<String>>,
    network: Network,
) -> Vec<Missing> {
    let of_all = |what: &str| Missing {
        node: None,
        what: what.to_owned(),
    };
    let mut missing = Vec::new();
    let on_each: Vec<&DaemonSet> = sets.iter().filter(|set| nodes_need(set)).collect();
    if on_each.is_empty() {
        missing.push(of_all("kube-proxy is not made"));
    }
    for set in on_each {
        let is_ready_on = |node: &&NodeName| {
            let mut of_set = pods.iter().filter(|pod| is_of(pod, set));
            let runs_now = |pod: &Pod| {
                let told = runs.get(*node);
                told.is_none_or(|told| {
                    pod.metadata
                        .uid
                        .as_ref()
                        .is_some_and(|id| told.contains(id))
                })
            };
            of_set.any(|pod| runs_on(pod, node) && is_ready(pod) && runs_now(pod))
        };
        let lacking = nodes.iter().filter(|node| !is_ready_on(node));
        missing.extend(lacking.map(|node| Missing {
            node: Some(node.clone()),
            what: format!("{} is not ready on it", set.name_any()),
        }));
    }
    let resolves = deployments
        .iter()
        .any(|deployment| deployment.name_any() == DNS && has_served(deployment));
    // What resolves names is a pod like any other.
    if !resolves && network == Network::Needed {
        missing.push(of_all("coredns is not available"));
    }
    missing
}

/// Whether a node without a pod of the set is no whole node: kube-proxy, and what makes the network.
fn nodes_need(set: &DaemonSet) -> bool {
    let Some(pod) = set
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref())
    else {
        return false;
    };
    let tolerates_everything = pod.tolerations.iter().flatten().any(|toleration| {
        toleration.key.is_none() && toleration.operator.as_deref() == Some("Exists")
    });
    pod.host_network == Some(true) && tolerates_everything
}

fn is_of(pod: &Pod, set: &DaemonSet) -> bool {
    let owners = pod.owner_references();
    owners
        .iter()
        .any(|owner| Some(&owner.uid) == set.metadata.uid.as_ref())
}

fn runs_on(pod: &Pod, node: &NodeName) -> bool {
    let spec = pod.spec.as_ref();
    spec.and_then(|spec| spec.node_name.as_deref()) == Some(node.as_str())
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    pod.metadata.deletion_timestamp.is_none()
        && conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Whether some of it is available, or all of it was once: where it went with a lost node it comes back by itself,
/// after minutes.
fn has_served(deployment: &Deployment) -> bool {
    let Some(status) = &deployment.status else {
        return false;
    };
    let was_complete = status.conditions.iter().flatten().any(|condition| {
        condition.type_ == "Progressing"
            && condition.reason.as_deref() == Some("NewReplicaSetAvailable")
    });
    status.available_replicas.unwrap_or_default() > 0 || was_complete
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::Value;

    use super::*;

    fn object<T: DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    fn set(name: &str, tolerations: &Value) -> DaemonSet {
        object(json!({
            "metadata": { "name": name, "uid": name },
            "spec": {
                "selector": {},
                "template": {
                    "spec": { "hostNetwork": true, "tolerations": tolerations, "containers": [] },
                },
            },
        }))
    }

    fn pod(of: &str, node: &str, ready: &str) -> Pod {
        object(json!({
            "metadata": {
                "name": format!("{of}-{node}"),
                "uid": format!("{of}-{node}"),
                "ownerReferences": [
                    { "apiVersion": "apps/v1", "kind": "DaemonSet", "name": of, "uid": of },
                ],
            },
            "spec": { "nodeName": node, "containers": [] },
            "status": { "conditions": [{ "type": "Ready", "status": ready }] },
        }))
    }

    fn dns(status: &Value) -> Deployment {
        object(json!({ "metadata": { "name": "coredns" }, "status": status }))
    }

    fn missing(pods: &[Pod], dns: Deployment) -> String {
        missing_where(&BTreeMap::new(), pods, dns)
    }

    fn missing_where(
        runs: &BTreeMap<NodeName, BTreeSet<String>>,
        pods: &[Pod],
        dns: Deployment,
    ) -> String {
        let everywhere = json!([{ "operator": "Exists" }]);
        let sets = [set("kube-proxy", &everywhere), set("of-a-user", &json!([]))];
        let nodes: Vec<NodeName> = ["a-1", "b-1"].map(|name| name.parse().unwrap()).to_vec();
        let missing = missing_of_system(&sets, pods, &[dns], &nodes, runs, Network::Needed);
        let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
        missing.join("; ")
    }

    #[test]
    fn only_what_those_nodes_need_is_waited_for() {
        let served = || dns(&json!({ "availableReplicas": 1 }));
        let ready = pod("kube-proxy", "a-1", "True");
        let elsewhere = pod("kube-proxy", "c-1", "False");
        let both = [ready.clone(), pod("kube-proxy", "b-1", "True"), elsewhere];
        assert_eq!(missing(&both, served()), "");
        let one = [ready, pod("kube-proxy", "b-1", "False")];
        assert_eq!(
            missing(&one, served()),
            "b-1: kube-proxy is not ready on it"
        );
    }

    #[test]
    fn what_ran_on_the_machine_before_counts_for_nothing() {
        let pods = ["a-1", "b-1"].map(|node| pod("kube-proxy", node, "True"));
        let served = || dns(&json!({ "availableReplicas": 1 }));
        let told = |pods: &[&str]| {
            let pods = pods.iter().map(|pod| (*pod).to_owned()).collect();
            BTreeMap::from([("b-1".parse().unwrap(), pods)])
        };
        assert_eq!(
            missing_where(&told(&["kube-proxy-b-1"]), &pods, served()),
            ""
        );
        assert_eq!(
            missing_where(&told(&["another"]), &pods, served()),
            "b-1: kube-proxy is not ready on it"
        );
    }

    #[test]
    fn who_may_resolve_runs_and_was_not_found_ready() {
        let running = json!({ "running": {} });
        for (app, state, ready, asked) in [
            (DNS_PODS, &running, "False", true),
            (DNS_PODS, &running, "True", false),
            (DNS_PODS, &json!({ "waiting": {} }), "False", false),
            ("kube-proxy", &running, "False", false),
        ] {
            let mut pod = pod("coredns", "a-1", ready);
            pod.labels_mut()
                .insert("k8s-app".to_owned(), app.to_owned());
            let status = object(json!([{
                "name": "c", "image": "c:1", "imageID": "", "ready": false, "restartCount": 0, "state": state,
            }]));
            pod.status.as_mut().unwrap().container_statuses = Some(status);
            assert_eq!(may_resolve(&pod), asked, "{app} {state} {ready}");
        }
    }

    #[test]
    fn names_that_were_resolved_once_are_waited_for_no_more() {
        let pods = ["a-1", "b-1"].map(|node| pod("kube-proxy", node, "True"));
        for (status, waits) in [
            (json!({}), true),
            (json!({ "availableReplicas": 1 }), false),
            (
                json!({ "conditions": [
                    { "type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated" },
                ] }),
                true,
            ),
            (
                json!({ "conditions": [
                    { "type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable" },
                ] }),
                false,
            ),
        ] {
            let said = missing(&pods, dns(&status));
            assert_eq!(said.contains("coredns"), waits, "{status}: {said}");
        }
    }
}
