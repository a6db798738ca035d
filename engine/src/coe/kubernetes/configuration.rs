//! kubeadm's configuration. Pure: the same cluster and node give the same bytes.
//!
//! JSON, which is YAML as well: nothing has to be quoted by hand. `kubeadm.k8s.io/v1beta4`.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::API_PORT;
use super::facts::NodeFacts;
use super::hosts::CONTROL_PLANES;
use super::network::{POD_CIDR, SERVICE_CIDR};
use crate::model::{ClusterName, NodeName, Role};

/// The first control plane and its cluster, as kubeadm has to know them.
pub(super) struct ClusterConfiguration<'a> {
    pub cluster: &'a ClusterName,
    pub node: &'a NodeName,
    pub address: IpAddr,
    /// Names and addresses that the API's certificate is to carry.
    pub reached_by: &'a [String],
    /// Whether workloads may run beside the control plane: there is nowhere else.
    pub takes_work: bool,
    pub facts: &'a NodeFacts,
}

impl ClusterConfiguration<'_> {
    /// The whole file.
    pub(super) fn render(&self) -> String {
        let mut documents = vec![
            registration(self.node, Role::ControlPlane, self.address, self.takes_work),
            self.cluster(),
            self.kubelet(),
        ];
        if self.facts.shares_machine {
            documents.push(proxy());
        }
        let documents: Vec<String> = documents
            .iter()
            .map(|document| format!("{document:#}\n"))
            .collect();
        documents.join("---\n")
    }

    fn cluster(&self) -> Value {
        json!({
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "ClusterConfiguration",
            "clusterName": self.cluster.as_str(),
            "controlPlaneEndpoint": format!("{CONTROL_PLANES}:{API_PORT}"),
            "encryptionAlgorithm": "ECDSA-P256",
            "kubernetesVersion": self.facts.version,
            "networking": { "podSubnet": POD_CIDR, "serviceSubnet": SERVICE_CIDR },
            "apiServer": { "certSANs": self.reached_by },
            // Some 35 controllers begin with three requests each: at kubeadm's 20 a second a new cluster waits
            // for them for 5 s. And the first try to lead comes before the rules that allow it.
            "controllerManager": {
                "extraArgs": [
                    { "name": "kube-api-burst", "value": "400" },
                    { "name": "kube-api-qps", "value": "200" },
                    { "name": "leader-elect-retry-period", "value": "1s" },
                ],
            },
        })
    }

    fn kubelet(&self) -> Value {
        let mut kubelet = json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
        });
        if self.facts.shares_machine {
            // As kind has them: a part of the machine's cgroups of its own, and neither its swap nor
            // how full its disk is says anything of this node.
            kubelet["cgroupRoot"] = json!("/kubelet");
            kubelet["failSwapOn"] = json!(false);
            kubelet["imageGCHighThresholdPercent"] = json!(100);
            kubelet["evictionHard"] = json!({
                "imagefs.available": "0%",
                "nodefs.available": "0%",
                "nodefs.inodesFree": "0%",
            });
        }
        kubelet
    }
}

/// What kubeadm has to know to start the kubelet of a worker that joins, but for the kubelet's own configuration.
pub(super) fn kubelet_start(node: &NodeName, address: IpAddr, facts: &NodeFacts) -> String {
    let registration = registration(node, Role::Worker, address, true);
    let cluster = json!({
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": facts.version,
        // A folder that is not there: kubeadm refuses to begin where a CA's certificate lies without its key.
        "certificatesDir": "/etc/kubernetes/coe/pki",
    });
    format!("{registration:#}\n---\n{cluster:#}\n")
}

/// What kubeadm has to know to make a node another control plane. Whom it may ask is in the file `discovery`.
pub(super) fn join_control_plane(node: &NodeName, address: IpAddr, discovery: &str) -> String {
    let mut registration = registration(node, Role::ControlPlane, address, false);
    let join = json!({
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "JoinConfiguration",
        "discovery": { "file": { "kubeConfigPath": discovery } },
        "controlPlane": { "localAPIEndpoint": registration["localAPIEndpoint"].take() },
        "nodeRegistration": registration["nodeRegistration"].take(),
    });
    format!("{join:#}\n")
}

/// How a node registers itself.
fn registration(node: &NodeName, role: Role, address: IpAddr, takes_work: bool) -> Value {
    let taints = if role == Role::ControlPlane && !takes_work {
        json!([{ "key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule" }])
    } else {
        json!([])
    };
    json!({
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "InitConfiguration",
        // The one that kubeadm makes in any case. Whoever wants to join a node by hand makes another.
        "bootstrapTokens": [{ "ttl": "10m0s" }],
        "localAPIEndpoint": { "advertiseAddress": address.to_string(), "bindPort": API_PORT },
        "nodeRegistration": {
            "name": node.as_str(),
            "taints": taints,
            "kubeletExtraArgs": [{ "name": "node-ip", "value": address.to_string() }],
        },
    })
}

/// The table of connections is the machine's, and cannot be set from within a container.
fn proxy() -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "conntrack": { "maxPerCore": 0 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSIONS: [&str; 5] = ["v1.33.13", "v1.34.11", "v1.35.8", "v1.36.4", "v1.37.0"];

    fn facts(version: &str, shares_machine: bool) -> NodeFacts {
        NodeFacts {
            version: version.to_owned(),
            shares_machine,
            brings_network: true,
            kept_version: None,
        }
    }

    fn of_cluster(facts: &NodeFacts, takes_work: bool) -> String {
        ClusterConfiguration {
            cluster: &"demo".parse().unwrap(),
            node: &"demo-control-plane-1".parse().unwrap(),
            address: [10, 1, 0, 2].into(),
            reached_by: &["demo-control-plane-1".to_owned(), "127.0.0.1".to_owned()],
            takes_work,
            facts,
        }
        .render()
    }

    #[test]
    fn each_minor_is_configured_as_its_golden_file_says() {
        for version in VERSIONS {
            let file = format!("golden/cluster-{version}.yaml");
            expect_test::expect_file![file].assert_eq(&of_cluster(&facts(version, true), false));
        }
    }

    #[test]
    fn a_machine_of_its_own_keeps_kubeadms_defaults() {
        expect_test::expect_file!["golden/cluster-on-machines.yaml"]
            .assert_eq(&of_cluster(&facts("v1.34.4", false), false));
    }

    #[test]
    fn a_control_plane_without_workers_takes_work() {
        let alone = of_cluster(&facts("v1.34.4", false), true);
        assert!(alone.contains("\"taints\": []"), "{alone}");
        let with_workers = of_cluster(&facts("v1.34.4", false), false);
        assert!(with_workers.contains("NoSchedule"), "{with_workers}");
    }

    #[test]
    fn a_kubelet_that_joins_is_told_of_itself_alone() {
        let node = "demo-worker-1".parse().unwrap();
        expect_test::expect_file!["golden/worker-v1.34.4.yaml"].assert_eq(&kubelet_start(
            &node,
            [10, 1, 0, 3].into(),
            &facts("v1.34.4", true),
        ));
    }
}
