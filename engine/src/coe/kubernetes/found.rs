//! Makes one of the nodes that a new cluster begins with a member: it starts by itself, and waits for the cluster.
//!
//! Guarantees: asked twice, joins once; what a first try left is taken up.

use std::time::Duration;

use super::configuration::found_worker;
use super::early_network::{self, EarlyNode};
use super::settings::Settings;
use super::{API_PORT, boot, facts, shell};
use crate::coe::{CoeError, Founder, NodeAccess};
use crate::model::{ClusterSpec, Secret};

/// How long there may be no cluster: longer than its API may take.
const CLUSTER_UP: Duration = Duration::from_mins(5);

/// See `Coe::found`.
///
/// The API server binds its port some time before it serves, and who connects then is answered at the first possible
/// moment. A kubelet that starts earlier is asleep, between two tries, when that comes.
pub(super) async fn found(
    spec: &ClusterSpec,
    node: &NodeAccess<'_>,
    founder: Founder,
) -> Result<(), CoeError> {
    let settings = Settings::of(spec);
    let facts = facts::of(node.exec).await?;
    let name = node.exec.node();
    let early = EarlyNode {
        name,
        role: node.role,
        address: node.address,
        ordinal: founder.ordinal,
        takes_work: true,
    };
    let script = format!(
        "{take_configuration}
{register}
# A pause without a process.
exec 8<> <(:)
until : 3<>/dev/tcp/{first}/{API_PORT}; do read -rt 0.05 -u 8 || true; done 2>/dev/null
register_early /etc/kubernetes/kubelet.conf &
registering=$!
kubeadm init phase kubelet-start --config {configuration}
wait $registering
{remember_version}",
        take_configuration = boot::take_configuration(),
        register = early_network::register(&early, &settings, &facts),
        first = founder.first,
        configuration = boot::KUBEADM_CONFIG,
        remember_version = boot::remember_version(),
    );
    let configuration = found_worker(name, node.address, &facts, &settings);
    let command = shell::reading(script, Secret::new(configuration.into_bytes()));
    let starting = shell::succeed(node.exec, "start the kubelet", command);
    match tokio::time::timeout(CLUSTER_UP, starting).await {
        Ok(started) => started,
        Err(_late) => Err(CoeError::Late {
            what: format!("the start of the cluster that {name} is to be a node of"),
            waited: CLUSTER_UP,
        }),
    }
}
