//! A network between pods that needs no image: what the kernel has, and a service of each node that keeps it.
//!
//! Nodes have to be in one network, where each reaches the others without a router between. IPv4 only, and no network
//! policies.

use serde_json::json;

use super::authorities::public;
use super::cni;
use super::facts::NETWORK_MANIFEST;
use super::settings::{PodNetwork, Settings};
use crate::model::NodeName;
use crate::transport::NodeFile;

pub(super) const SCRIPT: &str = "/etc/kubernetes/coe/pod-network";
pub(super) const UNIT: &str = "/etc/systemd/system/coe-pod-network.service";
/// Has the kubelet bring the service up with it.
pub(super) const DROP_IN: &str = "/etc/systemd/system/kubelet.service.d/30-coe-pod-network.conf";

/// What a node has of it from its start. Where nothing is said, it is for the node to see whether its image brings a
/// network.
pub(super) fn files(settings: &Settings, node: &NodeName) -> Vec<NodeFile> {
    let condition = match settings.network {
        PodNetwork::Native => String::new(),
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

fn script(settings: &Settings, node: &NodeName) -> String {
    format!(
        r#"#!/bin/bash
# Tells the container runtime of this node's pods, keeps routes to the pods of the others, each over its node's address,
# and masquerades what leaves the network of pods.
set -euo pipefail
node={node}
identity=/var/lib/kubelet/pki/kubelet-client-current.pem

{tell_runtime}

{masquerade}

own() {{
    masquerade "$1"
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
            ip route del "$subnet" via "$address" 2>/dev/null || true
        else
            ip route replace "$subnet" via "$address"
        fi
    done
"#,
        masquerade = cni::masquerade(settings.pod_cidr),
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
    use crate::model::ClusterSpec;

    fn files_of(driver: Option<&str>) -> Vec<NodeFile> {
        let labels = driver.map(|driver| ("network_driver".to_owned(), driver.to_owned()));
        let spec = ClusterSpec {
            labels: labels.into_iter().collect(),
            ..ClusterSpec::smallest("demo")
        };
        files(&Settings::of(&spec), &"demo-worker-1".parse().unwrap())
    }

    fn text(file: &NodeFile) -> String {
        String::from_utf8(file.content.expose().clone()).unwrap()
    }

    #[test]
    fn the_service_is_as_its_golden_file_says() {
        let files: Vec<String> = files_of(Some("native"))
            .iter()
            .map(|file| format!("==> {}\n{}", file.path, text(file)))
            .collect();
        expect_test::expect_file!["golden/pod-network.txt"].assert_eq(&files.concat());
    }

    #[test]
    fn where_nothing_is_said_the_image_is_asked() {
        assert!(text(&files_of(None)[1]).contains("ConditionPathExists=!/kind/manifests"));
        assert!(!text(&files_of(Some("native"))[1]).contains("Condition"));
        for driver in ["image", "none"] {
            assert!(files_of(Some(driver)).is_empty(), "{driver}");
        }
    }
}
