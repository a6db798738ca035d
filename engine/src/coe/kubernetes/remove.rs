//! Takes a node out of the cluster.
//!
//! Guarantees: it gives up its vote in etcd before anything else happens to it, and nothing happens to it where etcd
//! refuses that; afterwards the cluster has no node of that name, and its kubelet, where it can be reached, does not
//! run.

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;

use super::api::{Api, everywhere};
use super::etcd;
use crate::coe::CoeError;
use crate::model::NodeName;
use crate::transport::{Command, Exec};

/// How long a kubelet may take to end: one that hangs is forgotten all the same.
const LEAVE: Duration = Duration::from_secs(15);

/// See `Coe::remove_member`.
pub(super) async fn remove_member(
    control_plane: &dyn Exec,
    name: &NodeName,
    leaving: Option<&dyn Exec>,
) -> Result<(), CoeError> {
    let api = Api::connect(control_plane).await?;
    let nodes = everywhere::<Node>();
    let what = format!("remove {name} from the cluster");
    let node = match api.get::<Node>(&nodes, name.as_str()).await {
        Ok(node) => Some(node),
        Err(error) if error.is_absent() => None,
        Err(error) => return Err(api.failure(&what, &error)),
    };
    // Of every node: one that was about to become a control plane is not marked as one yet.
    etcd::remove_member(control_plane, name, node.as_ref().and_then(address)).await?;
    if let Some(leaving) = leaving {
        // Before the cluster forgets it: it would tell of itself again.
        let stop = leaving.run(Command::new(["systemctl", "stop", "kubelet"]));
        _ = tokio::time::timeout(LEAVE, stop).await;
    }
    match api.delete(&nodes, name.as_str()).await {
        Ok(()) => Ok(()),
        Err(error) if error.is_absent() => Ok(()),
        Err(error) => Err(api.failure(&what, &error)),
    }
}

fn address(node: &Node) -> Option<&str> {
    let addresses = node.status.as_ref()?.addresses.as_ref()?;
    let internal = addresses
        .iter()
        .find(|address| address.type_ == "InternalIP");
    internal.map(|address| address.address.as_str())
}
