//! Users whom an issuer of OpenID Connect tells.

use std::collections::BTreeMap;

use super::argument::Argument;
use crate::coe::labels::NoValue;
use crate::model::{Finding, Subject};

pub(super) const CA_CERTIFICATE: &str = "oidc_ca_certificate";
pub(super) const CLIENT_ID: &str = "oidc_client_id";
pub(super) const GROUPS_CLAIM: &str = "oidc_groups_claim";
pub(super) const GROUPS_PREFIX: &str = "oidc_groups_prefix";
pub(super) const ISSUER_URL: &str = "oidc_issuer_url";
pub(super) const USERNAME_CLAIM: &str = "oidc_username_claim";
pub(super) const USERNAME_PREFIX: &str = "oidc_username_prefix";

/// Those that are arguments of the API server: the label, and the argument.
const ARGUMENTS: [(&str, &str); 6] = [
    (ISSUER_URL, "oidc-issuer-url"),
    (CLIENT_ID, "oidc-client-id"),
    (USERNAME_CLAIM, "oidc-username-claim"),
    (USERNAME_PREFIX, "oidc-username-prefix"),
    (GROUPS_CLAIM, "oidc-groups-claim"),
    (GROUPS_PREFIX, "oidc-groups-prefix"),
];

pub(super) fn arguments(labels: &BTreeMap<String, String>) -> Vec<Argument> {
    ARGUMENTS
        .iter()
        .filter_map(|(label, name)| Some(Argument::new(name, labels.get(*label)?.clone())))
        .collect()
}

/// What the API server would not start with.
pub(super) fn check(labels: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(issuer) = labels.get(ISSUER_URL)
        && !issuer.starts_with("https://")
    {
        let wrong = NoValue {
            meant: issuer
                .strip_prefix("http://")
                .map(|rest| format!("https://{rest}")),
            allowed: "It is a URL that begins with https://".to_owned(),
        };
        findings.push(wrong.of(ISSUER_URL, issuer));
    }
    let others = ARGUMENTS
        .map(|(label, _)| label)
        .into_iter()
        .chain([CA_CERTIFICATE]);
    let mut given = others.filter(|label| labels.contains_key(*label));
    if let Some(given) = given.next_back() {
        for needed in [ISSUER_URL, CLIENT_ID] {
            if !labels.contains_key(needed) {
                findings.push(Finding::error(
                    Subject::Label(given.to_owned()),
                    format!("{given} needs {needed} beside it"),
                    format!(
                        "Add the label {needed}: both are needed to tell users by OpenID Connect."
                    ),
                ));
            }
        }
    }
    findings
}

/// A CA's certificate.
pub(super) fn certificate(text: &str) -> Result<String, NoValue> {
    let is_pem = text.trim_start().starts_with("-----BEGIN CERTIFICATE-----")
        && text.trim_end().ends_with("-----END CERTIFICATE-----");
    if is_pem {
        Ok(text.to_owned())
    } else {
        Err(NoValue::allowed("It is a certificate, PEM"))
    }
}
