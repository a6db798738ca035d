//! Waits until nodes are up, and until they and what runs on them are ready.

use std::fmt::Write as _;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::Node;
use kube_core::ResourceExt as _;
use kube_core::params::ListParams;

use super::api::{Api, ApiError, within};
use super::members;
use crate::coe::CoeError;
use crate::model::NodeName;
use crate::transport::{Command, Exec};

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// How long nodes and what every workload needs may take: several times as long as on a slow machine.
const READY: Duration = Duration::from_mins(5);
/// Where kubeadm's own workloads are.
const SYSTEM: &str = "kube-system";
/// What names are resolved by.
const DNS: &str = "coredns";

/// See `Coe::wait_until_up`: the container runtime answers, without which nothing can be started.
pub(super) async fn wait_until_up(node: &dyn Exec) -> Result<(), CoeError> {
    const AWAIT_RUNTIME: &str = "until [ -S /run/containerd/containerd.sock ] && ctr version >/dev/null 2>&1; do sleep 0.05; done";
    node.run(Command::shell(AWAIT_RUNTIME)).await?;
    Ok(())
}

/// See `Coe::wait_until_ready`. Ready is what a workload needs: the nodes, and everything that kubeadm and
/// the network run on all of them, and the resolving of names.
pub(super) async fn wait_until_ready(
    control_plane: &dyn Exec,
    nodes: &[NodeName],
) -> Result<(), CoeError> {
    let mut missing = String::new();
    let waiting = async {
        let api = Api::connect(control_plane).await?;
        loop {
            missing = what_is_missing(&api, nodes).await?;
            if missing.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    };
    match tokio::time::timeout(READY, waiting).await {
        Ok(result) => result,
        Err(_late) => Err(CoeError::Late {
            what: format!("becoming ready ({missing})"),
            waited: READY,
        }),
    }
}

async fn what_is_missing(api: &Api, wanted: &[NodeName]) -> Result<String, CoeError> {
    let nodes = members::list(api).await?;
    let mut missing = String::new();
    for name in wanted {
        let node = nodes.iter().find(|node| node.name_any() == name.as_str());
        if let Some(reason) = why_not_ready(node) {
            // Writing to a string cannot fail.
            _ = write!(missing, "{name}: {reason}; ");
        }
    }
    if missing.is_empty() {
        for name in wanted {
            if !kubelet_answers(api, name).await? {
                _ = write!(missing, "{name}: its kubelet does not answer; ");
            }
        }
    }
    if missing.is_empty() {
        missing = system_not_ready(api).await?;
    }
    Ok(missing.trim_end_matches("; ").to_owned())
}

/// Whether the node's kubelet answers now: of one that was stopped the cluster says for a while that it is as it
/// was.
async fn kubelet_answers(api: &Api, node: &NodeName) -> Result<bool, CoeError> {
    let path = format!("/api/v1/nodes/{node}/proxy/healthz");
    match api.succeeds(&path).await {
        Ok(()) => Ok(true),
        Err(ApiError::Refused(_)) => Ok(false),
        Err(error) => Err(api.failure(&format!("ask the kubelet of {node}"), &error)),
    }
}

fn why_not_ready(node: Option<&Node>) -> Option<String> {
    let Some(node) = node else {
        return Some("not registered".to_owned());
    };
    if members::is_ready(node) {
        return None;
    }
    let message = members::ready_condition(node).and_then(|condition| condition.message.clone());
    Some(message.unwrap_or_else(|| "it does not say how it is".to_owned()))
}

async fn system_not_ready(api: &Api) -> Result<String, CoeError> {
    let what = "ask for what runs on all nodes";
    let everything = ListParams::default();
    let (on_each, deployed) = (within::<DaemonSet>(SYSTEM), within::<Deployment>(SYSTEM));
    let (on_each, deployed) = futures_util::try_join!(
        api.list::<DaemonSet>(&on_each, &everything),
        api.list::<Deployment>(&deployed, &everything),
    )
    .map_err(|error| api.failure(what, &error))?;
    let mut missing = String::new();
    if on_each.is_empty() {
        missing.push_str("kube-proxy: not made; ");
    }
    for set in &on_each {
        let (ready, wanted) = set.status.as_ref().map_or((0, 1), |status| {
            let seen = status.observed_generation == set.metadata.generation;
            let wanted = status.desired_number_scheduled;
            (
                status.number_ready,
                if seen { wanted.max(1) } else { i32::MAX },
            )
        });
        if ready < wanted {
            _ = write!(missing, "{}: ready on {ready} nodes; ", set.name_any());
        }
    }
    let is_resolving = deployed.iter().any(|deployment| {
        let status = deployment.status.as_ref();
        let available = status.and_then(|status| status.available_replicas);
        deployment.name_any() == DNS && available.unwrap_or_default() > 0
    });
    if !is_resolving {
        _ = write!(missing, "{DNS}: not available; ");
    }
    Ok(missing)
}
