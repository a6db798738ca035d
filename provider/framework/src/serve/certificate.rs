//! Mutual TLS between two processes that have never met: each knows the other by one certificate.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName as Subject, Error, ServerConfig,
    SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{
        WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime},
    server::{
        NoServerSessionStorage,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use tokio_rustls::TlsAcceptor;

use super::error::ServeError;

/// The name that Terraform expects in the provider's certificate.
const HOST_NAME: &str = "localhost";

/// The provider's own certificate, made for one run of the process.
pub(super) struct Identity {
    pub(super) certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
}

/// Makes a new certificate. Terraform takes it for the root of its trust, hence the CA flag.
pub(super) fn generate() -> Result<Identity, ServeError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(ServeError::Certificate)?;
    let mut parameters =
        CertificateParams::new([HOST_NAME.to_owned()]).map_err(ServeError::Certificate)?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters
        .distinguished_name
        .push(DnType::CommonName, HOST_NAME);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyCertSign,
    ];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = parameters
        .self_signed(&key)
        .map_err(ServeError::Certificate)?;
    Ok(Identity {
        certificate: certificate.into(),
        key: key.serialize_der().into(),
    })
}

/// Takes TLS connections of the holder of `client_certificate`, and of nobody else.
pub(super) fn acceptor(
    identity: Identity,
    client_certificate: CertificateDer<'static>,
) -> Result<TlsAcceptor, ServeError> {
    // aws-lc, because Terraform's certificate is on the curve P-521, which ring does not have.
    let provider = aws_lc_rs::default_provider();
    let verifier = PinnedClient {
        certificate: client_certificate,
        algorithms: provider.signature_verification_algorithms,
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(ServeError::Tls)?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(vec![identity.certificate], identity.key.into())
        .map_err(ServeError::Tls)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    // Each connection proves anew that it holds the key.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Knows its client by the certificate itself: no chain, no name and no clock that could be forged.
#[derive(Debug)]
struct PinnedClient {
    certificate: CertificateDer<'static>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for PinnedClient {
    fn root_hint_subjects(&self) -> &[Subject] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if *end_entity == self.certificate {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
