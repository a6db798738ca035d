//! The cluster's CA and what it signs: ECDSA on P-256, PEM.

use std::net::IpAddr;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

use crate::coe::{ClusterSecrets, CoeError, Credentials};
use crate::model::{ClusterName, NodeName, Secret};

/// Longer than a cluster lives; nothing renews them.
const AUTHORITY_LIFE: Duration = Duration::from_hours(10 * 365 * 24);
/// Clocks differ.
const VALID_SINCE: Duration = Duration::from_mins(5);

/// A certificate and its key, PEM.
pub(super) struct Signed {
    pub certificate: String,
    pub key: Secret<String>,
}

/// A new CA.
pub(super) fn new_authority(cluster: &ClusterName) -> Result<ClusterSecrets, CoeError> {
    let what = format!("make the CA of cluster {cluster}");
    let mut params = params(&format!("{cluster} CA"), AUTHORITY_LIFE);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().map_err(|error| failed(&what, &error))?;
    let certificate = params
        .self_signed(&key)
        .map_err(|error| failed(&what, &error))?;
    Ok(ClusterSecrets {
        ca_certificate: certificate.pem(),
        ca_key: Secret::new(key.serialize_pem()),
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
        params.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.try_into().map_err(|error| failed(&what, &error))?),
        });
    }
    sign(secrets, &params, &what)
}

/// A client's certificate of that life.
pub(super) fn client(secrets: &ClusterSecrets, life: Duration) -> Result<Credentials, CoeError> {
    let mut params = params("admin", life);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let signed = sign(secrets, &params, "make a client's certificate")?;
    Ok(Credentials {
        ca_certificate: secrets.ca_certificate.clone(),
        client_certificate: signed.certificate,
        client_key: signed.key,
    })
}

fn params(common_name: &str, life: Duration) -> CertificateParams {
    let now = std::time::SystemTime::now();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.not_before = (now - VALID_SINCE).into();
    params.not_after = (now + life).into();
    params.use_authority_key_identifier_extension = true;
    params
}

fn sign(
    secrets: &ClusterSecrets,
    params: &CertificateParams,
    what: &str,
) -> Result<Signed, CoeError> {
    let authority = KeyPair::from_pem(secrets.ca_key.expose())
        .and_then(|key| Issuer::from_ca_cert_pem(&secrets.ca_certificate, key))
        .map_err(|error| failed(what, &error))?;
    let key = KeyPair::generate().map_err(|error| failed(what, &error))?;
    let certificate = params
        .signed_by(&key, &authority)
        .map_err(|error| failed(what, &error))?;
    Ok(Signed {
        certificate: certificate.pem(),
        key: Secret::new(key.serialize_pem()),
    })
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> CoeError {
    CoeError::Certificate {
        what: what.to_owned(),
        reason: error.to_string(),
    }
}
