//! The settings of a cluster, as its labels say them. Pure.
//!
//! Labels have the names that users of Magnum and kubeadm know. A label that has no value of its own is left at its
//! default here: that is found, and told, before anything is made ([`check`]).

mod argument;
mod feature_gate;
mod manifest;
mod mirror;
mod names;
mod oidc;
mod subnet;

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

pub(super) use argument::Argument;
use argument::Component;

use super::version;
use crate::coe::labels::{self, NoValue, nearest};
use crate::model::{ClusterSpec, CoeKind, Finding, Subject};

/// Where pods get their addresses where nothing is said: users of flannel and kind know it.
const POD_CIDR: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::new(10, 244, 0, 0), 16);
/// Where services get theirs: kubeadm's default.
const SERVICE_CIDR: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::new(10, 96, 0, 0), 16);
/// The part of the pods' addresses that each node has (the controller manager's default).
pub(super) const NODE_PREFIX: u8 = 24;

/// All labels that there are.
const LABELS: [&str; 20] = [
    "apiserver_cert_extra_sans",
    "audit_policy",
    "cni_manifest",
    "feature_gates",
    "kubeapi_options",
    "kubecontroller_options",
    "kubelet_options",
    "kubescheduler_options",
    "network_driver",
    oidc::CA_CERTIFICATE,
    oidc::CLIENT_ID,
    oidc::GROUPS_CLAIM,
    oidc::GROUPS_PREFIX,
    oidc::ISSUER_URL,
    oidc::USERNAME_CLAIM,
    oidc::USERNAME_PREFIX,
    "pod_cidr",
    "pod_security",
    "registry_mirrors",
    "service_cidr",
];

/// What lets pods reach one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PodNetwork {
    /// What the node image brings, or else [`PodNetwork::Native`]: where nothing is said.
    Default,
    /// What the node image brings.
    Image,
    /// Routes from node to node, which each node keeps by itself.
    Native,
    /// Nothing: somebody installs one later.
    Nothing,
    /// The objects of a manifest.
    Manifest(String),
}

impl PodNetwork {
    /// Which of them it is, without its content.
    fn driver(&self) -> &'static str {
        match self {
            Self::Default => "",
            Self::Image => "image",
            Self::Native => "native",
            Self::Nothing => "none",
            Self::Manifest(_) => "cni_manifest",
        }
    }
}

/// What a namespace that says nothing of its own lets pods do (the Pod Security Standards).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PodSecurity {
    Privileged,
    Baseline,
    Restricted,
}

impl PodSecurity {
    const ALL: [Self; 3] = [Self::Privileged, Self::Baseline, Self::Restricted];

    /// As the API has it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }
}

/// What the labels of a cluster say, and the defaults of what they do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// Where pods get their addresses.
    pub pod_cidr: Ipv4Net,
    /// Where services get theirs.
    pub service_cidr: Ipv4Net,
    /// What lets pods reach one another.
    pub network: PodNetwork,
    /// What the API server is given beside what it needs, those of OpenID Connect included.
    pub api_server: Vec<Argument>,
    /// The same for the controller manager.
    pub controller_manager: Vec<Argument>,
    /// The same for the scheduler.
    pub scheduler: Vec<Argument>,
    /// The same for each kubelet.
    pub kubelet: Vec<Argument>,
    /// Feature gates, of all components.
    pub feature_gates: BTreeMap<String, bool>,
    /// Further names and addresses that the API's certificate is to carry.
    pub certificate_names: Vec<String>,
    /// The CA of the issuer of identities, PEM.
    pub oidc_ca_certificate: Option<String>,
    /// Where images of a registry are looked for before it: registry → URLs.
    pub mirrors: BTreeMap<String, Vec<String>>,
    /// What namespaces let pods do where they do not say.
    pub pod_security: Option<PodSecurity>,
    /// What the API server keeps a log of: an audit policy.
    pub audit_policy: Option<String>,
}

impl Settings {
    /// The settings of a cluster.
    pub(super) fn of(spec: &ClusterSpec) -> Self {
        read(spec).0
    }

    /// How many nodes have room among the addresses of pods.
    fn nodes(&self) -> u64 {
        1 << NODE_PREFIX.saturating_sub(self.pod_cidr.prefix_len())
    }
}

/// See `Coe::lasting_labels`. Addresses are in certificates and in every pod, and a network leaves what it did to nodes
/// behind it.
pub(super) fn lasting(was: &ClusterSpec, now: &ClusterSpec) -> Vec<String> {
    let (was, now) = (Settings::of(was), Settings::of(now));
    let mut labels = Vec::new();
    if was.pod_cidr != now.pod_cidr {
        labels.push("pod_cidr");
    }
    if was.service_cidr != now.service_cidr {
        labels.push("service_cidr");
    }
    if was.network.driver() != now.network.driver() {
        let is_manifest = |network: &PodNetwork| matches!(network, PodNetwork::Manifest(_));
        labels.push(if is_manifest(&was.network) || is_manifest(&now.network) {
            "cni_manifest"
        } else {
            "network_driver"
        });
    }
    labels.into_iter().map(str::to_owned).collect()
}

/// What is wrong with the labels.
pub(super) fn check(spec: &ClusterSpec) -> Vec<Finding> {
    let (settings, mut findings) = read(spec);
    let unknown = spec
        .labels
        .keys()
        .filter(|name| !LABELS.contains(&name.as_str()))
        .map(|name| labels::unknown(CoeKind::Kubernetes, name, &LABELS));
    findings.extend(unknown);
    findings.extend(oidc::check(&spec.labels));
    let label = |name: &str| Subject::Label(name.to_owned());
    if spec.labels.contains_key("cni_manifest") && spec.labels.contains_key("network_driver") {
        findings.push(Finding::error(
            label("network_driver"),
            "cni_manifest is a network by itself",
            "Leave network_driver out, or cni_manifest.",
        ));
    }
    let wanted = u64::from(spec.control_planes.get()) + u64::from(spec.workers);
    if wanted > settings.nodes() {
        findings.push(Finding::error(
            label("pod_cidr"),
            format!(
                "{} has room for the pods of {} nodes, and {wanted} are asked for",
                settings.pod_cidr,
                settings.nodes()
            ),
            format!("Each node has a /{NODE_PREFIX} of it. Choose a shorter prefix."),
        ));
    }
    findings
}

fn read(spec: &ClusterSpec) -> (Settings, Vec<Finding>) {
    let mut reader = Reader {
        labels: &spec.labels,
        findings: Vec::new(),
    };
    let minor = version::minor(spec.version.as_deref());
    let options = |component: &'static Component| move |text: &str| component.parse(text);
    let mut api_server = oidc::arguments(&spec.labels);
    api_server.extend(
        reader
            .read("kubeapi_options", options(&argument::API_SERVER))
            .unwrap_or_default(),
    );
    let named = reader.read("network_driver", network_driver);
    let manifest = reader.read("cni_manifest", manifest::objects);
    let settings = Settings {
        pod_cidr: reader
            .read("pod_cidr", |text| subnet::parse(text, 8..=NODE_PREFIX))
            .unwrap_or(POD_CIDR),
        // The API server takes no larger one, and kubeadm no smaller one.
        service_cidr: reader
            .read("service_cidr", |text| subnet::parse(text, 12..=28))
            .unwrap_or(SERVICE_CIDR),
        network: match manifest {
            Some(manifest) => PodNetwork::Manifest(manifest),
            None => named.unwrap_or(PodNetwork::Default),
        },
        api_server,
        controller_manager: reader
            .read(
                "kubecontroller_options",
                options(&argument::CONTROLLER_MANAGER),
            )
            .unwrap_or_default(),
        scheduler: reader
            .read("kubescheduler_options", options(&argument::SCHEDULER))
            .unwrap_or_default(),
        kubelet: reader
            .read("kubelet_options", options(&argument::KUBELET))
            .unwrap_or_default(),
        feature_gates: reader
            .read("feature_gates", |text| feature_gate::parse(text, minor))
            .unwrap_or_default(),
        certificate_names: reader
            .read("apiserver_cert_extra_sans", names::parse)
            .unwrap_or_default(),
        oidc_ca_certificate: reader.read(oidc::CA_CERTIFICATE, oidc::certificate),
        mirrors: reader
            .read("registry_mirrors", mirror::parse)
            .unwrap_or_default(),
        pod_security: reader.read("pod_security", pod_security),
        audit_policy: reader.read("audit_policy", manifest::audit_policy),
    };
    (settings, reader.findings)
}

struct Reader<'a> {
    labels: &'a BTreeMap<String, String>,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    /// The value of a label; `None` where there is none, or where it is none of the label's.
    fn read<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, NoValue>) -> Option<T> {
        let text = self.labels.get(name)?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.findings.push(wrong.of(name, text));
                None
            }
        }
    }
}

/// What stands between spaces, commas and line breaks.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| character.is_whitespace() || character == ',')
        .filter(|word| !word.is_empty())
}

fn one_of<T: Copy>(text: &str, all: &[(&'static str, T)]) -> Result<T, NoValue> {
    if let Some((_, value)) = all.iter().find(|(name, _)| *name == text) {
        return Ok(*value);
    }
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    Err(NoValue {
        meant: nearest(text, names.iter().copied()).map(str::to_owned),
        allowed: format!("It is one of {}", names.join(", ")),
    })
}

fn network_driver(text: &str) -> Result<PodNetwork, NoValue> {
    let all = [PodNetwork::Image, PodNetwork::Native, PodNetwork::Nothing];
    let named: Vec<(&str, usize)> = all
        .iter()
        .enumerate()
        .map(|(position, network)| (network.driver(), position))
        .collect();
    one_of(text, &named).map(|position| all[position].clone())
}

fn pod_security(text: &str) -> Result<PodSecurity, NoValue> {
    one_of(text, &PodSecurity::ALL.map(|level| (level.as_str(), level)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(labels: &[(&str, &str)]) -> ClusterSpec {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ClusterSpec {
            labels: labels.collect(),
            coe: CoeKind::Kubernetes,
            ..ClusterSpec::smallest("demo")
        }
    }

    fn said(labels: &[(&str, &str)]) -> String {
        let text = |finding: Finding| format!("{}. {}", finding.summary, finding.detail);
        check(&spec(labels))
            .into_iter()
            .map(text)
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn every_label_has_a_value_that_is_taken() {
        let values = [
            ("apiserver_cert_extra_sans", "api.example.org, 192.0.2.7"),
            (
                "audit_policy",
                "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: Metadata }]\n",
            ),
            (
                "cni_manifest",
                "apiVersion: v1\nkind: Namespace\nmetadata: { name: net }\n",
            ),
            ("feature_gates", "UserNamespacesSupport=true"),
            ("kubeapi_options", "--v=2 --profiling=false"),
            ("kubecontroller_options", "node-monitor-grace-period=20s"),
            ("kubelet_options", "max-pods=50"),
            ("kubescheduler_options", "v=2"),
            ("network_driver", "native"),
            (
                "oidc_ca_certificate",
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            ),
            ("oidc_client_id", "kubernetes"),
            ("oidc_groups_claim", "groups"),
            ("oidc_groups_prefix", "oidc:"),
            ("oidc_issuer_url", "https://id.example.org/realms/demo"),
            ("oidc_username_claim", "email"),
            ("oidc_username_prefix", "oidc:"),
            ("pod_cidr", "10.200.0.0/16"),
            ("pod_security", "baseline"),
            ("registry_mirrors", "docker.io=https://mirror.example.org"),
            ("service_cidr", "10.201.0.0/20"),
        ];
        assert_eq!(values.map(|(name, _)| name), LABELS);
        for left_out in ["network_driver", "cni_manifest"] {
            let values: Vec<_> = values
                .into_iter()
                .filter(|(name, _)| *name != left_out)
                .collect();
            assert_eq!(said(&values), "");
            assert_ne!(Settings::of(&spec(&values)), Settings::of(&spec(&[])));
        }
    }

    #[test]
    fn what_is_no_label_or_no_value_gets_the_nearest_one() {
        expect_test::expect![[r#"
            kubernetes has no label "pod_cdir". Did you mean "pod_cidr"? There are apiserver_cert_extra_sans, audit_policy, cni_manifest, feature_gates, kubeapi_options, kubecontroller_options, kubelet_options, kubescheduler_options, network_driver, oidc_ca_certificate, oidc_client_id, oidc_groups_claim, oidc_groups_prefix, oidc_issuer_url, oidc_username_claim, oidc_username_prefix, pod_cidr, pod_security, registry_mirrors, service_cidr."#]]
        .assert_eq(&said(&[("pod_cdir", "10.0.0.0/16")]));
        for (name, value, words) in [
            (
                "network_driver",
                "nativ",
                "Did you mean \"native\"? It is one of image, native, none.",
            ),
            (
                "network_driver",
                "flannel",
                "is no value of network_driver. It is one of",
            ),
            ("pod_security", "Restricted", "Did you mean \"restricted\"?"),
            (
                "pod_cidr",
                "10.200.7.0/16",
                "Did you mean \"10.200.0.0/16\"?",
            ),
            (
                "pod_cidr",
                "10.200.0.0/25",
                "Did you mean \"10.200.0.0/24\"?",
            ),
            ("pod_cidr", "fd00::/48", "IPv4"),
            (
                "service_cidr",
                "10.0.0.0/8",
                "Did you mean \"10.0.0.0/12\"?",
            ),
            (
                "feature_gates",
                "UserNamespaceSupport=true",
                "Did you mean \"UserNamespacesSupport=true\"?",
            ),
            (
                "feature_gates",
                "UserNamespacesSupport=yes",
                "true or false",
            ),
            ("feature_gates", "UserNamespacesSupport", "true or false"),
            (
                "feature_gates",
                "AnyVolumeDataSource=false",
                "cannot be set to false",
            ),
            (
                "kubeapi_options",
                "--service-cluster-ip-range=10.0.0.0/16",
                "label service_cidr",
            ),
            (
                "kubeapi_options",
                "--etcd-servers=https://192.0.2.1:2379",
                "etcd-servers is the cluster's own",
            ),
            ("kubelet_options", "max pods", "name=value"),
            (
                "apiserver_cert_extra_sans",
                "api_1.example.org",
                "names and addresses",
            ),
            (
                "registry_mirrors",
                "https://mirror.example.org",
                "registry=url",
            ),
            ("cni_manifest", "a: [", "YAML"),
            ("cni_manifest", "kind: Pod", "apiVersion"),
            ("cni_manifest", "", "no object"),
            (
                "audit_policy",
                "apiVersion: v1\nkind: Policy",
                "audit.k8s.io/v1",
            ),
            ("oidc_issuer_url", "http://id.example.org", "https://"),
            ("oidc_ca_certificate", "AAAA", "PEM"),
        ] {
            let said = said(&[(name, value)]);
            assert!(said.contains(words), "{name} = {value}: {said}");
        }
    }

    #[test]
    fn labels_that_do_not_go_together_are_found() {
        for (labels, words) in [
            (
                &[
                    (
                        "cni_manifest",
                        "apiVersion: v1\nkind: Pod\nmetadata: { name: a }",
                    ),
                    ("network_driver", "none"),
                ][..],
                "a network by itself",
            ),
            (
                &[("oidc_issuer_url", "https://id.example.org")],
                "oidc_client_id",
            ),
            (&[("oidc_groups_claim", "groups")], "oidc_issuer_url"),
        ] {
            let said = said(labels);
            assert!(said.contains(words), "{labels:?}: {said}");
        }
        let crowded = ClusterSpec {
            workers: 4,
            ..spec(&[("pod_cidr", "10.200.0.0/22")])
        };
        assert_eq!(check(&crowded).len(), 1);
        assert_eq!(
            check(&ClusterSpec {
                workers: 3,
                ..crowded
            }),
            []
        );
    }

    #[test]
    fn a_label_that_says_the_default_is_no_other_cluster() {
        let none = spec(&[]);
        let same = spec(&[
            ("pod_cidr", "10.244.0.0/16"),
            ("service_cidr", "10.96.0.0/16"),
            ("pod_security", "baseline"),
        ]);
        assert!(lasting(&none, &same).is_empty());
        let other = spec(&[("pod_cidr", "10.200.0.0/16"), ("network_driver", "none")]);
        assert_eq!(lasting(&none, &other), ["pod_cidr", "network_driver"]);
        let manifest = |name: &str| {
            let text = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {name} }}\n");
            spec(&[("cni_manifest", text.as_str())])
        };
        assert_eq!(lasting(&none, &manifest("a")), ["cni_manifest"]);
        assert!(lasting(&manifest("a"), &manifest("b")).is_empty());
    }
}
