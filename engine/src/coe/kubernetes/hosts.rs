//! How nodes find the control planes: by one name with the addresses of all of them in the node's `/etc/hosts`.
//!
//! What asks the API on a node (kubelet, kube-proxy, kubeadm) is written in Go, whose dialer tries the addresses of
//! a name in turn until one takes the connection. So no balancer is needed between nodes and control planes, on
//! any platform, and none can fail (decision 0017).

use std::net::IpAddr;

use super::authorities::public;
use super::{boot, shell};
use crate::coe::CoeError;
use crate::model::NodeName;
use crate::transport::{Exec, NodeFile};

/// The name. `internal` is a domain that nobody else gives names in.
pub(super) const CONTROL_PLANES: &str = "control-planes.coe.internal";
/// The addresses, a line each.
pub(super) const ADDRESSES: &str = "/etc/kubernetes/coe/control-planes";
/// The script that brings them into `/etc/hosts`.
pub(super) const UPDATE: &str = "/etc/kubernetes/coe/update-hosts";
/// Lets it run before each start of the kubelet: a container's `/etc/hosts` is written anew when it starts. And has a
/// kubelet wait that is newer than what its volumes keep: what it would begin with is to be replaced.
pub(super) const DROP_IN: &str = "/etc/systemd/system/kubelet.service.d/20-coe.conf";

/// What a node needs to find the control planes.
pub(super) fn files(node: &NodeName, control_planes: &[IpAddr]) -> [NodeFile; 3] {
    let script = format!(
        "#!/bin/sh
# Names the control planes in /etc/hosts, in place of those that were named before. The file is a mount in a
# container: it can be written, and not replaced.
set -e
kept=$(grep -v ' {CONTROL_PLANES}$' /etc/hosts || true)
named=$(sed 's/$/ {CONTROL_PLANES}/' {ADDRESSES})
printf '%s\\n%s\\n' \"$kept\" \"$named\" >/etc/hosts
"
    );
    let drop_in = format!(
        "[Service]\nExecCondition=/bin/sh -c '{}'\nExecStartPre={UPDATE}\n",
        boot::is_of_kept_version().replace('$', "$$")
    );
    [
        addresses(node, control_planes),
        NodeFile {
            mode: 0o755,
            ..public(UPDATE, script)
        },
        public(DROP_IN, drop_in),
    ]
}

/// See `Coe::tell_control_planes`.
pub(super) async fn tell(node: &dyn Exec, control_planes: &[IpAddr]) -> Result<(), CoeError> {
    node.put_files(&[addresses(node.node(), control_planes)])
        .await?;
    let update = shell::script(UPDATE.to_owned());
    shell::succeed(node, "name the control planes", update).await
}

/// Each node begins with another one, so that not all ask the first.
fn addresses(node: &NodeName, control_planes: &[IpAddr]) -> NodeFile {
    let mut lines: Vec<String> = control_planes.iter().map(ToString::to_string).collect();
    if !lines.is_empty() {
        let sum: usize = node.as_str().bytes().map(usize::from).sum();
        let first = sum % lines.len();
        lines.rotate_left(first);
    }
    public(ADDRESSES, lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(node: &str) -> Vec<String> {
        let control_planes: Vec<IpAddr> = (2..5).map(|last| [10, 0, 0, last].into()).collect();
        let file = addresses(&node.parse().unwrap(), &control_planes);
        let text = String::from_utf8(file.content.expose().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn nodes_share_themselves_out_among_the_control_planes() {
        let firsts: Vec<String> = (1..=3)
            .map(|ordinal| order(&format!("demo-worker-{ordinal}")).remove(0))
            .collect();
        let mut sorted = firsts.clone();
        sorted.sort();
        assert_eq!(sorted, ["10.0.0.2", "10.0.0.3", "10.0.0.4"], "{firsts:?}");
        assert_eq!(order("demo-worker-1").len(), 3);
    }
}
