//! Files of the API server that settings ask for, on each control plane. Pure.
//!
//! An API server reads them when it starts. Their names change with what is in them, so that another content is
//! another argument, and it is started anew.

use serde_json::{Value, json};

use super::authorities::public;
use super::settings::{Argument, Settings};
use crate::transport::NodeFile;

/// Where they are, also in the API server's container.
pub(super) const FOLDER: &str = "/etc/kubernetes/coe/api-server";

/// A file, and the argument that names it.
struct File {
    argument: &'static str,
    name: &'static str,
    content: String,
}

impl File {
    fn path(&self) -> String {
        let mark = crc32fast::hash(self.content.as_bytes());
        format!("{FOLDER}/{mark:08x}-{}", self.name)
    }
}

/// The files.
pub(super) fn files(settings: &Settings) -> Vec<NodeFile> {
    let file = |file: File| public(&file.path(), file.content);
    all(settings).into_iter().map(file).collect()
}

/// What tells the API server of them.
pub(super) fn arguments(settings: &Settings) -> Vec<Argument> {
    let mut arguments: Vec<Argument> = all(settings)
        .iter()
        .map(|file| Argument::new(file.argument, file.path()))
        .collect();
    let says_where = |argument: &Argument| argument.name == "audit-log-path";
    if settings.audit_policy.is_some() && !settings.api_server.iter().any(says_where) {
        // To where its container's log is kept.
        arguments.push(Argument::new("audit-log-path", "-"));
    }
    arguments
}

fn all(settings: &Settings) -> Vec<File> {
    let admission = settings.pod_security.map(|level| File {
        argument: "admission-control-config-file",
        name: "admission.yaml",
        content: format!("{:#}\n", admission(level.as_str())),
    });
    let audit_policy = settings.audit_policy.clone().map(|content| File {
        argument: "audit-policy-file",
        name: "audit-policy.yaml",
        content,
    });
    let oidc_ca = settings.oidc_ca_certificate.clone().map(|content| File {
        argument: "oidc-ca-file",
        name: "oidc-ca.crt",
        content,
    });
    [admission, audit_policy, oidc_ca]
        .into_iter()
        .flatten()
        .collect()
}

/// What namespaces let pods do that do not say so by labels of their own. The cluster's own namespace needs more than
/// any level but the first allows.
fn admission(level: &str) -> Value {
    json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [{
            "name": "PodSecurity",
            "configuration": {
                "apiVersion": "pod-security.admission.config.k8s.io/v1",
                "kind": "PodSecurityConfiguration",
                "defaults": {
                    "enforce": level,
                    "enforce-version": "latest",
                    "warn": level,
                    "warn-version": "latest",
                    "audit": level,
                    "audit-version": "latest",
                },
                "exemptions": { "namespaces": ["kube-system"] },
            },
        }],
    })
}
