//! Arguments of the cluster's own components, as Magnum's users write them: `--v=2 --profiling=false`.

use crate::coe::labels::NoValue;

/// An argument of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::coe::kubernetes) struct Argument {
    /// Without its hyphens.
    pub name: String,
    pub value: String,
}

impl Argument {
    pub(in crate::coe::kubernetes) fn new(name: &str, value: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            value: value.into(),
        }
    }
}

/// A program whose arguments may be added to.
pub(super) struct Component {
    name: &'static str,
    /// Those that the cluster could not work with otherwise: how they begin. kubeadm sets them, or this driver.
    own: &'static [&'static str],
    /// Those that another label says: how they begin, and the label.
    said_by: &'static [(&'static str, &'static str)],
}

pub(super) const API_SERVER: Component = Component {
    name: "kube-apiserver",
    own: &[
        "advertise-address",
        "client-ca-file",
        "etcd-",
        "kubelet-client-",
        "proxy-client-",
        "requestheader-",
        "secure-port",
        "service-account-key-file",
        "service-account-signing-key-file",
        "tls-cert-file",
        "tls-private-key-file",
    ],
    said_by: &[
        ("admission-control-config-file", "pod_security"),
        ("audit-policy-file", "audit_policy"),
        ("feature-gates", "feature_gates"),
        ("oidc-ca-file", "oidc_ca_certificate"),
        ("oidc-client-id", "oidc_client_id"),
        ("oidc-groups-claim", "oidc_groups_claim"),
        ("oidc-groups-prefix", "oidc_groups_prefix"),
        ("oidc-issuer-url", "oidc_issuer_url"),
        ("oidc-username-claim", "oidc_username_claim"),
        ("oidc-username-prefix", "oidc_username_prefix"),
        ("service-cluster-ip-range", "service_cidr"),
    ],
};

pub(super) const CONTROLLER_MANAGER: Component = Component {
    name: "kube-controller-manager",
    own: &[
        "allocate-node-cidrs",
        "authentication-kubeconfig",
        "authorization-kubeconfig",
        "client-ca-file",
        "cluster-name",
        "cluster-signing-cert-file",
        "cluster-signing-key-file",
        "kubeconfig",
        "node-cidr-mask-size",
        "requestheader-",
        "root-ca-file",
        "service-account-private-key-file",
        "use-service-account-credentials",
    ],
    said_by: &[
        ("cluster-cidr", "pod_cidr"),
        ("feature-gates", "feature_gates"),
        ("service-cluster-ip-range", "service_cidr"),
    ],
};

pub(super) const SCHEDULER: Component = Component {
    name: "kube-scheduler",
    own: &[
        "authentication-kubeconfig",
        "authorization-kubeconfig",
        "kubeconfig",
    ],
    said_by: &[("feature-gates", "feature_gates")],
};

pub(super) const KUBELET: Component = Component {
    name: "kubelet",
    own: &[
        "bootstrap-kubeconfig",
        "client-ca-file",
        "cluster-dns",
        "cluster-domain",
        "config",
        "container-runtime-endpoint",
        "hostname-override",
        "kubeconfig",
        "node-ip",
        "pod-manifest-path",
        "register-with-taints",
    ],
    said_by: &[("feature-gates", "feature_gates")],
};

impl Component {
    /// Arguments with spaces or line breaks between them: commas are part of many a value.
    pub(super) fn parse(&self, text: &str) -> Result<Vec<Argument>, NoValue> {
        text.split_whitespace()
            .map(|word| self.argument(word))
            .collect()
    }

    fn argument(&self, word: &str) -> Result<Argument, NoValue> {
        let split = word.trim_start_matches("--").split_once('=');
        let Some((name, value)) = split.filter(|(name, _)| is_name(name)) else {
            return Err(NoValue::allowed(format!(
                "{word:?} is no argument of {}. Arguments are name=value, with or without --, and spaces or line breaks \
                 between them",
                self.name
            )));
        };
        if let Some((_, label)) = self.said_by.iter().find(|(own, _)| name == *own) {
            return Err(NoValue::allowed(format!(
                "{name} is said by the label {label}"
            )));
        }
        let begins = |own: &&&str| name == **own || (own.ends_with('-') && name.starts_with(**own));
        if self.own.iter().any(|own| begins(&own)) {
            return Err(NoValue::allowed(format!(
                "{name} is the cluster's own: it would not work with another one"
            )));
        }
        Ok(Argument::new(name, value))
    }
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.bytes().all(is_plain)
        && name
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_lowercase())
}
