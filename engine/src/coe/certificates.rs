//! Certificates that a cluster's CA signs: ECDSA on P-256, PEM.

use std::net::IpAddr;
use std::time::Duration;

use rcgen::{CertificateParams, DnType, Issuer, KeyPair, SanType};

use super::CoeError;
use crate::model::Secret;

/// Longer than a cluster lives; nothing renews a CA by itself.
pub(super) const AUTHORITY_LIFE: Duration = Duration::from_hours(10 * 365 * 24);
/// Clocks differ.
const VALID_SINCE: Duration = Duration::from_mins(5);

/// A certificate and its key, PEM.
pub(super) struct Signed {
    pub certificate: String,
    pub key: Secret<String>,
}

/// A certificate of that name and life, which may be used for nothing yet.
pub(super) fn params(common_name: &str, life: Duration) -> CertificateParams {
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

/// A CA's own certificate, by a new key.
pub(super) fn self_sign(params: &CertificateParams, what: &str) -> Result<Signed, CoeError> {
    let key = KeyPair::generate().map_err(|error| failed(what, &error))?;
    let certificate = params
        .self_signed(&key)
        .map_err(|error| failed(what, &error))?;
    Ok(Signed {
        certificate: certificate.pem(),
        key: Secret::new(key.serialize_pem()),
    })
}

/// A certificate by a new key, signed by the CA of that certificate and key.
pub(super) fn sign(
    ca_certificate: &str,
    ca_key: &Secret<String>,
    params: &CertificateParams,
    what: &str,
) -> Result<Signed, CoeError> {
    let authority = KeyPair::from_pem(ca_key.expose())
        .and_then(|key| Issuer::from_ca_cert_pem(ca_certificate, key))
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

/// A host's address or name, as certificates have it.
pub(super) fn alternative_name(name: &str, what: &str) -> Result<SanType, CoeError> {
    Ok(match name.parse::<IpAddr>() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(name.try_into().map_err(|error| failed(what, &error))?),
    })
}

pub(super) fn failed(what: &str, error: &dyn std::fmt::Display) -> CoeError {
    CoeError::Certificate {
        what: what.to_owned(),
        reason: error.to_string(),
    }
}
