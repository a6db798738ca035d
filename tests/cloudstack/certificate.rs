//! The server's certificate, and that of the authority that signed it, both made for one run.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

/// The authority's certificate in PEM, and what speaks TLS as `127.0.0.1`.
pub(crate) fn make() -> (String, TlsAcceptor) {
    let authority_key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority
        .distinguished_name
        .push(DnType::CommonName, "cloudstack_server");
    let certificate = authority
        .self_signed(&authority_key)
        .expect("a certificate");
    let issuer = Issuer::new(authority, authority_key);

    let key = KeyPair::generate().expect("a key");
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let own = CertificateParams::new(names)
        .and_then(|own| own.signed_by(&key, &issuer))
        .expect("a certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key in PKCS 8");
    let configuration = ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .expect("the provider has a version of TLS")
    .with_no_client_auth()
    .with_single_cert(vec![own.der().clone()], key)
    .expect("key and certificate are one another's");
    (
        certificate.pem(),
        TlsAcceptor::from(Arc::new(configuration)),
    )
}
