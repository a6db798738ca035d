//! The swarm's CA and what it signs.

use std::time::Duration;

use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};

use crate::coe::certificates::{AUTHORITY_LIFE, Signed, alternative_name, params, self_sign, sign};
use crate::coe::{ClusterSecrets, CoeError, Credentials};
use crate::model::{ClusterName, NodeName};

/// A new CA.
pub(super) fn new_authority(cluster: &ClusterName) -> Result<ClusterSecrets, CoeError> {
    let what = format!("make the CA of cluster {cluster}");
    let mut params = params(&format!("{cluster} CA"), AUTHORITY_LIFE);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let signed = self_sign(&params, &what)?;
    Ok(ClusterSecrets {
        ca_certificate: signed.certificate,
        ca_key: signed.key,
        shared: Vec::new(),
    })
}

/// The certificate by which a control plane answers to `names`, addresses and names.
pub(super) fn server(
    secrets: &ClusterSecrets,
    node: &NodeName,
    names: &[String],
) -> Result<Signed, CoeError> {
    let what = format!("make the certificate of {node}");
    let mut params = params(node.as_str(), AUTHORITY_LIFE);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let own = ["127.0.0.1", "::1", "localhost", node.as_str()];
    let mut seen: Vec<&str> = Vec::new();
    for name in own.into_iter().chain(names.iter().map(String::as_str)) {
        if seen.contains(&name) {
            continue;
        }
        seen.push(name);
        params
            .subject_alt_names
            .push(alternative_name(name, &what)?);
    }
    sign(&secrets.ca_certificate, &secrets.ca_key, &params, &what)
}

/// A client's certificate of that life.
pub(super) fn client(secrets: &ClusterSecrets, life: Duration) -> Result<Credentials, CoeError> {
    let mut params = params("admin", life);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let what = "make a client's certificate";
    let signed = sign(&secrets.ca_certificate, &secrets.ca_key, &params, what)?;
    Ok(Credentials {
        ca_certificate: secrets.ca_certificate.clone(),
        client_certificate: signed.certificate,
        client_key: signed.key,
    })
}
