//! A network between pods that needs no image: what the kernel has, and a service of each node that keeps it.
//!
//! Where the nodes' network carries any address, nodes have to reach one another without a router between; where it carries
//! their own alone, or that is not known, there are tunnels. IPv4 only, and no network policies.

use serde_json::json;

use super::authorities::public;
use super::facts::NETWORK_MANIFEST;
use super::settings::{PodNetwork, Settings};
use super::{cni, pod_routes};
use crate::coe::NewNode;
use crate::model::Carries;
use crate::transport::NodeFile;

pub(super) const SCRIPT: &str = "/etc/kubernetes/coe/pod-network";
pub(super) const UNIT: &str = "/etc/systemd/system/coe-pod-network.service";
/// Has the kubelet bring the service up with it.
pub(super) const DROP_IN: &str = "/etc/systemd/system/kubelet.service.d/30-coe-pod-network.conf";

/// What a node has of it from its start. Where nothing is said, it is for the node to see whether its image brings a
/// network.
pub(super) fn files(settings: &Settings, node: &NewNode<'_>) -> Vec<NodeFile> {
    let condition = match settings.network {
        PodNetwork::Native => String::new(),
        PodNetwork::Default if node.carries == Carries::MachinesOnly => String::new(),
        PodNetwork::Default => format!("ConditionPathExists=!{NETWORK_MANIFEST}\n"),
        PodNetwork::Image | PodNetwork::Nothing | PodNetwork::Manifest(_) => return Vec::new(),
    };
    let unit = format!(
        "[Unit]
Description=Routes to the pods of other nodes
{condition}StartLimitIntervalSec=0

[Service]
ExecStart={SCRIPT}
# The API may be away for long, and ends each watch after some time.
Restart=always
RestartSec=1
"
    );
    vec![
        NodeFile {
            mode: 0o755,
            ..public(SCRIPT, script(settings, node))
        },
        public(UNIT, unit),
        public(
            DROP_IN,
            "[Unit]\nWants=coe-pod-network.service\n".to_owned(),
        ),
    ]
}

fn script(settings: &Settings, node: &NewNode<'_>) -> String {
    format!(
        r#"#!/bin/bash
# Tells the container runtime of this node's pods, keeps routes to the pods of the others, and masquerades what leaves the
# network of pods.
set -euo pipefail
node={node}
identity=/var/lib/kubelet/pki/kubelet-client-current.pem

{tell_runtime}

{masquerade}

{routes}

own() {{
    masquerade "$1"
    begin "$1"
    tell_runtime "$1" "$2"
}}

until [ -e "$identity" ]; do sleep 0.2; done
[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] || echo 1 >/proc/sys/net/ipv4/ip_forward
kubectl --kubeconfig /etc/kubernetes/kubelet.conf get nodes --watch --output-watch-events \
    --output 'jsonpath={{.type}}|{{.object.metadata.name}}|{{.object.spec.podCIDR}}|{{.object.status.addresses[?(@.type=="InternalIP")].address}}{{"\n"}}' |
    while IFS='|' read -r event name subnet address; do
        # A node that has not got them yet comes again when it has.
        [ -n "$subnet" ] && [ -n "$address" ] || continue
        if [ "$name" = "$node" ]; then
            own "$subnet" "$address"
        elif [ "$event" = DELETED ]; then
            forget "$subnet" "$address"
        else
            reach "$subnet" "$address"
        fi
    done
"#,
        node = node.name,
        masquerade = cni::masquerade(settings.pod_cidr),
        routes = pod_routes::functions(node.carries, node.address),
        tell_runtime = cni::NATIVE.tell_runtime(),
    )
}

/// What lets nodes ask where the others are: by themselves they may ask of themselves alone.
pub(super) fn objects() -> String {
    const NAME: &str = "coe:pod-network";
    let objects = json!({
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRole",
                "metadata": { "name": NAME },
                "rules": [{ "apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch"] }],
            },
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": { "name": NAME },
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": NAME,
                },
                "subjects": [{
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "Group",
                    "name": "system:nodes",
                }],
            },
        ],
    });
    format!("{objects:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClusterSpec, Role};

    fn files_of(driver: Option<&str>, carries: Carries) -> Vec<NodeFile> {
        let labels = driver.map(|driver| ("network_driver".to_owned(), driver.to_owned()));
        let spec = ClusterSpec {
            labels: labels.into_iter().collect(),
            ..ClusterSpec::smallest("demo")
        };
        let node = NewNode {
            name: &"demo-worker-1".parse().unwrap(),
            role: Role::Worker,
            address: [10, 1, 0, 3].into(),
            reached_by: &[],
            control_planes: &[],
            carries,
        };
        files(&Settings::of(&spec), &node)
    }

    fn text(file: &NodeFile) -> String {
        String::from_utf8(file.content.expose().clone()).unwrap()
    }

    fn all(files: &[NodeFile]) -> String {
        let file = |file: &NodeFile| format!("==> {}\n{}", file.path, text(file));
        files.iter().map(file).collect()
    }

    #[test]
    fn the_service_is_as_its_golden_files_say() {
        let files = files_of(Some("native"), Carries::AnyAddress);
        expect_test::expect_file!["golden/pod-network.txt"].assert_eq(&all(&files));
        let files = files_of(Some("native"), Carries::MachinesOnly);
        expect_test::expect_file!["golden/pod-network-of-tunnels.txt"].assert_eq(&all(&files));
    }

    #[test]
    fn where_nothing_is_said_the_image_is_asked() {
        let unit = |driver, carries| text(&files_of(driver, carries)[1]);
        assert!(unit(None, Carries::AnyAddress).contains("ConditionPathExists=!/kind/manifests"));
        assert!(!unit(Some("native"), Carries::AnyAddress).contains("Condition"));
        assert!(!unit(None, Carries::MachinesOnly).contains("Condition"));
        assert!(files_of(Some("none"), Carries::AnyAddress).is_empty());
        assert!(files_of(Some("image"), Carries::AnyAddress).is_empty());
    }
}
