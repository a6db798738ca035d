//! Makes the first control plane a cluster, by the phases of the node's own kubeadm.
//!
//! Guarantees: asked twice, there is one cluster; what a first try left is taken up.

use std::time::Duration;

use super::api::Api;
use super::configuration::ClusterConfiguration;
use super::early_network::{self, EarlyNode};
use super::facts::{self, NodeFacts};
use super::settings::Settings;
use super::{boot, network, shell};
use crate::coe::{CoeError, NodeAccess};
use crate::model::{ClusterSpec, Role, Secret};
use crate::transport::Exec;

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// How long the API server may take to answer for the first time.
const API_UP: Duration = Duration::from_mins(4);

/// Everything until the API server's container starts. What needs the API comes after it: a controller manager that
/// asks before the port is bound, or a scheduler that asks before there are rules of who may what, waits for seconds
/// before it asks again.
const START: &str = "kubeadm init --config /etc/kubernetes/coe/kubeadm.yaml --skip-phases=preflight,\
control-plane/controller-manager,control-plane/scheduler,wait-control-plane,upload-config,upload-certs,mark-control-plane,bootstrap-token,kubelet-finalize,addon,show-join-command";
/// What says that all of that was done.
const STARTED: &str = "/etc/kubernetes/coe/started";
const CONTROLLER_MANAGER: &str =
    "kubeadm init phase control-plane controller-manager --config /etc/kubernetes/coe/kubeadm.yaml";
const SCHEDULER: &str =
    "kubeadm init phase control-plane scheduler --config /etc/kubernetes/coe/kubeadm.yaml";
/// The rest, but for what runs in pods.
const FINISH: &str = "kubeadm init --config /etc/kubernetes/coe/kubeadm.yaml --skip-phases=preflight,\
certs,kubeconfig,etcd,control-plane,kubelet-start,wait-control-plane,upload-certs,kubelet-finalize,addon,show-join-command";
const KUBE_PROXY: &str =
    "kubeadm init phase addon kube-proxy --config /etc/kubernetes/coe/kubeadm.yaml";
const NAMES: &str = "kubeadm init phase addon coredns --config /etc/kubernetes/coe/kubeadm.yaml";
/// Waits until services are reached from the nodes that are there, or nearly all of them: who connects to one before that
/// sends packets nowhere, and the kernel keeps to it for as long as such a connection is tried for. CoreDNS tries for half
/// a minute, and the image's own network for seconds.
const AWAIT_SERVICES: &str = "kubectl --kubeconfig /etc/kubernetes/super-admin.conf --namespace kube-system \
rollout status daemonset kube-proxy --timeout=20s || true";

/// See `Coe::init`.
pub(super) async fn init(spec: &ClusterSpec, first: &NodeAccess<'_>) -> Result<(), CoeError> {
    let facts = facts::of(first.exec).await?;
    let settings = Settings::of(spec);
    check(spec, &settings, first, &facts)?;
    let configuration = configuration(spec, &settings, first, &facts).await?;
    let early = EarlyNode {
        name: first.exec.node(),
        role: Role::ControlPlane,
        address: first.address,
        ordinal: 0,
        takes_work: takes_work(spec),
    };
    let register = early_network::register(&early, &settings, &facts);
    start(first.exec, &configuration, &register).await?;
    let api = wait_for_api(first.exec).await?;
    let finish = format!(
        "set -e\n{}\n{SCHEDULER}\n{KUBE_PROXY}\n{FINISH}\n{}\n{AWAIT_SERVICES}\n{NAMES}",
        boot::alone(boot::KUBEADM),
        boot::remember_version()
    );
    tokio::try_join!(
        shell::succeed(first.exec, "set up the cluster", shell::script(finish)),
        network::apply(first.exec, &settings, &facts),
    )?;
    drop(api);
    Ok(())
}

/// What kubeadm has to know of the cluster, for that control plane.
pub(super) async fn configuration(
    spec: &ClusterSpec,
    settings: &Settings,
    node: &NodeAccess<'_>,
    facts: &NodeFacts,
) -> Result<String, CoeError> {
    let reached_by = boot::reached_by(node.exec).await?;
    let configuration = ClusterConfiguration {
        cluster: &spec.name,
        node: node.exec.node(),
        address: node.address,
        reached_by: &reached_by,
        takes_work: takes_work(spec),
        facts,
        settings,
    };
    Ok(configuration.render())
}

/// Whether workloads may run on control planes: there is nowhere else.
fn takes_work(spec: &ClusterSpec) -> bool {
    spec.workers == 0
}

fn check(
    spec: &ClusterSpec,
    settings: &Settings,
    first: &NodeAccess<'_>,
    facts: &NodeFacts,
) -> Result<(), CoeError> {
    let refused = |reason: String| CoeError::Refused {
        what: "make the cluster".to_owned(),
        node: first.exec.node().clone(),
        reason,
    };
    if let Some(wanted) = &spec.version
        && !crate::plan::version::satisfies(&facts.version, wanted)
    {
        return Err(refused(format!(
            "its image carries Kubernetes {}, and {wanted} is asked for",
            facts.version
        )));
    }
    network::check_image(settings, facts).map_err(refused)
}

async fn start(node: &dyn Exec, configuration: &str, register: &str) -> Result<(), CoeError> {
    let script = format!(
        "{}
# Whatever phase an earlier try came to, they are begun anew: each takes up what it finds.
if [ ! -e {STARTED} ]; then
    {START}
    touch {STARTED}
fi
exec 9>&-
{register}
# The port is bound before anything is served: what connects now is answered at the first possible moment.
until (exec 3<>/dev/tcp/127.0.0.1/6443) 2>/dev/null; do sleep 0.05; done
register_early /etc/kubernetes/super-admin.conf &
registering=$!
{CONTROLLER_MANAGER}
wait $registering",
        boot::take_configuration()
    );
    let configuration = Secret::new(configuration.to_owned().into_bytes());
    let command = shell::reading(script, configuration);
    let starting = shell::succeed(node, "start the control plane", command);
    match tokio::time::timeout(API_UP, starting).await {
        Ok(started) => started,
        Err(_late) => Err(CoeError::Late {
            what: format!(
                "the start of the API on {} (its kubelet said last: {})",
                node.node(),
                shell::last_words_of_kubelet(node).await.unwrap_or_default()
            ),
            waited: API_UP,
        }),
    }
}

/// Waits until the API server on that control plane serves.
pub(super) async fn wait_for_api(node: &dyn Exec) -> Result<Api, CoeError> {
    let waiting = async {
        loop {
            let connected = match Api::connect(node).await {
                Ok(api) => api.is_ready().await.map(|()| api),
                Err(error) => Err(error),
            };
            match connected {
                Ok(api) => return Ok(api),
                Err(CoeError::Silent { .. } | CoeError::Refused { .. }) => {
                    tokio::time::sleep(BETWEEN_LOOKS).await;
                }
                Err(error) => return Err(error),
            }
        }
    };
    match tokio::time::timeout(API_UP, waiting).await {
        Ok(api) => api,
        Err(_late) => Err(CoeError::Late {
            what: format!("the API's first answer on {}", node.node()),
            waited: API_UP,
        }),
    }
}
