//! kubeadm's configuration. Pure: the same cluster and node give the same bytes.
//!
//! JSON, which is YAML as well: nothing has to be quoted by hand. `kubeadm.k8s.io/v1beta4`.

use std::net::IpAddr;

use ipnet::Ipv4Net;
use serde_json::{Value, json};

use super::authorities::FOLDER;
use super::facts::NodeFacts;
use super::hosts::CONTROL_PLANES;
use super::members::MADE_HERE;
use super::settings::{Argument, Settings};
use super::{API_PORT, api_server_files};
use crate::model::{ClusterName, NodeName, Role};

/// What control planes are labelled, and tainted, with.
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

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
    pub settings: &'a Settings,
}

impl ClusterConfiguration<'_> {
    /// The whole file.
    pub(super) fn render(&self) -> String {
        let documents = [
            registration(
                self.node,
                Role::ControlPlane,
                self.address,
                self.takes_work,
                self.facts,
            ),
            self.cluster(),
            kubelet(self.settings, self.facts),
        ];
        let documents: Vec<String> = documents
            .into_iter()
            .chain(self.proxy())
            .map(|document| format!("{document:#}\n"))
            .collect();
        documents.join("---\n")
    }

    fn cluster(&self) -> Value {
        let settings = self.settings;
        let mut names: Vec<&String> = self.reached_by.iter().collect();
        names.extend(&settings.certificate_names);
        let mut cluster = json!({
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "ClusterConfiguration",
            "clusterName": self.cluster.as_str(),
            "controlPlaneEndpoint": format!("{CONTROL_PLANES}:{API_PORT}"),
            "encryptionAlgorithm": "ECDSA-P256",
            "kubernetesVersion": self.facts.version,
            "networking": networking(settings),
            "apiServer": { "certSANs": names },
            "controllerManager": { "extraArgs": self.controller_manager() },
        });
        let mut api_server = settings.api_server.clone();
        api_server.extend(api_server_files::arguments(settings));
        api_server.extend(self.feature_gates());
        if !api_server.is_empty() {
            cluster["apiServer"]["extraArgs"] = arguments(&api_server);
        }
        if !api_server_files::files(settings).is_empty() {
            cluster["apiServer"]["extraVolumes"] = json!([{
                "name": "coe",
                "hostPath": api_server_files::FOLDER,
                "mountPath": api_server_files::FOLDER,
                "readOnly": true,
                "pathType": "DirectoryOrCreate",
            }]);
        }
        let mut scheduler = settings.scheduler.clone();
        scheduler.extend(self.feature_gates());
        if !scheduler.is_empty() {
            cluster["scheduler"] = json!({ "extraArgs": arguments(&scheduler) });
        }
        cluster
    }

    fn controller_manager(&self) -> Value {
        // Some 35 controllers begin with three requests each: at kubeadm's 20 a second a new cluster waits for them
        // for 5 s. And the first try to lead comes before the rules that allow it.
        let own = [
            ("kube-api-burst", "400"),
            ("kube-api-qps", "200"),
            ("leader-elect-retry-period", "1s"),
        ];
        let users = &self.settings.controller_manager;
        let is_users = |name: &str| users.iter().any(|argument| argument.name == name);
        let mut all: Vec<Argument> = own
            .into_iter()
            .filter(|(name, _)| !is_users(name))
            .map(|(name, value)| Argument::new(name, value))
            .collect();
        all.extend(users.iter().cloned());
        all.extend(self.feature_gates());
        arguments(&all)
    }

    fn feature_gates(&self) -> Option<Argument> {
        let gates = &self.settings.feature_gates;
        let gates: Vec<String> = gates
            .iter()
            .map(|(name, is_on)| format!("{name}={is_on}"))
            .collect();
        (!gates.is_empty()).then(|| Argument::new("feature-gates", gates.join(",")))
    }

    fn proxy(&self) -> Option<Value> {
        let mut proxy = json!({
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
        });
        if self.facts.shares_machine {
            // The table of connections is the machine's, and cannot be set from within a container.
            proxy["mode"] = json!("iptables");
            proxy["conntrack"] = json!({ "maxPerCore": 0 });
        }
        if !self.settings.feature_gates.is_empty() {
            proxy["featureGates"] = json!(self.settings.feature_gates);
        }
        let says_something = self.facts.shares_machine || !self.settings.feature_gates.is_empty();
        says_something.then_some(proxy)
    }
}

fn arguments(arguments: &[Argument]) -> Value {
    let argument = |it: &Argument| json!({ "name": it.name, "value": it.value });
    arguments.iter().map(argument).collect()
}

/// What kubelets are told, but for what kubeadm knows better.
fn kubelet(settings: &Settings, facts: &NodeFacts) -> Value {
    let mut kubelet = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
    });
    if facts.shares_machine {
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
    if !settings.feature_gates.is_empty() {
        kubelet["featureGates"] = json!(settings.feature_gates);
    }
    kubelet
}

/// What kubeadm has to know to start the kubelet of a worker that the cluster begins with.
pub(super) fn found_worker(
    node: &NodeName,
    address: IpAddr,
    facts: &NodeFacts,
    settings: &Settings,
) -> String {
    let mut cluster = cluster_of_worker(facts);
    cluster["networking"] = networking(settings);
    let mut kubelet = kubelet(settings, facts);
    // kubeadm's own default is in the folder that is not there.
    kubelet["authentication"] = json!({ "x509": { "clientCAFile": format!("{FOLDER}/ca.crt") } });
    let registration = registration(node, Role::Worker, address, true, facts);
    format!("{registration:#}\n---\n{cluster:#}\n---\n{kubelet:#}\n")
}

/// What kubeadm has to know to start the kubelet of a worker that joins, but for the kubelet's own configuration.
pub(super) fn kubelet_start(node: &NodeName, address: IpAddr, facts: &NodeFacts) -> String {
    let registration = registration(node, Role::Worker, address, true, facts);
    format!("{registration:#}\n---\n{:#}\n", cluster_of_worker(facts))
}

/// What kubeadm has to know of a worker's cluster.
fn cluster_of_worker(facts: &NodeFacts) -> Value {
    json!({
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": facts.version,
        // A folder that is not there: kubeadm refuses to begin where a CA's certificate lies without its key.
        "certificatesDir": "/etc/kubernetes/coe/pki",
    })
}

fn networking(settings: &Settings) -> Value {
    json!({
        "podSubnet": settings.pod_cidr.to_string(),
        "serviceSubnet": settings.service_cidr.to_string(),
    })
}

/// What kubeadm has to know to make a node another control plane. Whom it may ask is in the file `discovery`.
pub(super) fn join_control_plane(
    node: &NodeName,
    address: IpAddr,
    discovery: &str,
    facts: &NodeFacts,
) -> String {
    let mut registration = registration(node, Role::ControlPlane, address, false, facts);
    let join = json!({
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "JoinConfiguration",
        "discovery": { "file": { "kubeConfigPath": discovery } },
        "controlPlane": { "localAPIEndpoint": registration["localAPIEndpoint"].take() },
        "nodeRegistration": registration["nodeRegistration"].take(),
    });
    format!("{join:#}\n")
}

/// What keeps workloads from a node.
fn taints(role: Role, takes_work: bool) -> Value {
    if role == Role::ControlPlane && !takes_work {
        json!([{ "key": CONTROL_PLANE, "effect": "NoSchedule" }])
    } else {
        json!([])
    }
}

/// A node before its kubelet has registered it: with what kubeadm marks it with later, and its part of the addresses of
/// pods.
pub(super) fn node(node: &NodeName, role: Role, takes_work: bool, pods: Ipv4Net) -> Value {
    let labels = match role {
        Role::ControlPlane => json!({
            CONTROL_PLANE: "",
            MADE_HERE: "true",
            "node.kubernetes.io/exclude-from-external-load-balancers": "",
        }),
        Role::Worker => json!({ MADE_HERE: "true" }),
    };
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": node.as_str(), "labels": labels },
        "spec": {
            "podCIDR": pods.to_string(),
            "podCIDRs": [pods.to_string()],
            "taints": taints(role, takes_work),
        },
    })
}

/// How a node registers itself.
fn registration(
    node: &NodeName,
    role: Role,
    address: IpAddr,
    takes_work: bool,
    facts: &NodeFacts,
) -> Value {
    let mut all = vec![
        Argument::new("node-ip", address.to_string()),
        // The kubelet adds those of a further argument of that name.
        Argument::new("node-labels", format!("{MADE_HERE}=true")),
    ];
    all.extend_from_slice(&facts.kubelet_arguments);
    let taints = taints(role, takes_work);
    json!({
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "InitConfiguration",
        // The one that kubeadm makes in any case. Whoever wants to join a node by hand makes another.
        "bootstrapTokens": [{ "ttl": "10m0s" }],
        "localAPIEndpoint": { "advertiseAddress": address.to_string(), "bindPort": API_PORT },
        "nodeRegistration": {
            "name": node.as_str(),
            "taints": taints,
            "kubeletExtraArgs": arguments(&all),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Carries, ClusterSpec};

    const VERSIONS: [&str; 5] = ["v1.33.13", "v1.34.11", "v1.35.8", "v1.36.4", "v1.37.0"];

    fn facts(version: &str, shares_machine: bool) -> NodeFacts {
        NodeFacts {
            version: version.to_owned(),
            shares_machine,
            carries: Carries::AnyAddress,
            brings_network: true,
            brings_routes: true,
            kept_version: None,
            kubelet_arguments: Vec::new(),
        }
    }

    fn settings(labels: &[(&str, &str)]) -> Settings {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::of(&ClusterSpec {
            labels: labels.collect(),
            ..ClusterSpec::smallest("demo")
        })
    }

    fn of_cluster(facts: &NodeFacts, takes_work: bool) -> String {
        of_cluster_with(facts, takes_work, &[])
    }

    fn of_cluster_with(facts: &NodeFacts, takes_work: bool, labels: &[(&str, &str)]) -> String {
        ClusterConfiguration {
            settings: &settings(labels),
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

    #[test]
    fn a_kubelet_that_a_cluster_begins_with_is_told_what_the_cluster_would_tell() {
        let node = "demo-worker-1".parse().unwrap();
        let settings = Settings::of(&ClusterSpec::smallest("demo"));
        expect_test::expect_file!["golden/founding-worker-v1.34.4.yaml"].assert_eq(&found_worker(
            &node,
            [10, 1, 0, 3].into(),
            &facts("v1.34.4", true),
            &settings,
        ));
    }

    #[test]
    fn each_setting_is_where_its_component_reads_it() {
        let labels = [
            ("apiserver_cert_extra_sans", "api.example.org"),
            (
                "audit_policy",
                "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: Metadata }]\n",
            ),
            (
                "feature_gates",
                "UserNamespacesSupport=true,ContextualLogging=false",
            ),
            ("kubeapi_options", "--v=2 --profiling=false"),
            (
                "kubecontroller_options",
                "node-monitor-grace-period=20s kube-api-qps=50",
            ),
            ("kubescheduler_options", "v=3"),
            ("oidc_client_id", "kubernetes"),
            ("oidc_issuer_url", "https://id.example.org"),
            ("pod_cidr", "10.200.0.0/16"),
            ("pod_security", "baseline"),
            ("service_cidr", "10.201.0.0/20"),
        ];
        let facts = NodeFacts {
            kubelet_arguments: vec![Argument::new("max-pods", "50")],
            ..facts("v1.34.4", false)
        };
        expect_test::expect_file!["golden/cluster-with-settings.yaml"]
            .assert_eq(&of_cluster_with(&facts, false, &labels));
    }
}
