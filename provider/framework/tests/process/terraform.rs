//! Terraform's side of a connection.

use std::{io, path::Path, sync::Arc};

use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, PKCS_ECDSA_P521_SHA512};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
};
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::provider::Address;

/// A certificate as Terraform makes one for itself: on the curve P-521.
#[derive(Clone)]
pub(crate) struct Certificate {
    der: CertificateDer<'static>,
    key: Vec<u8>,
    pem: String,
}

impl Certificate {
    pub(crate) fn generate() -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
        let mut parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&key).unwrap();
        Self {
            der: certificate.der().clone(),
            key: key.serialize_der(),
            pem: certificate.pem(),
        }
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }
}

pub(crate) async fn connect_over_tls(
    address: &Address,
    certificate: Option<&Certificate>,
) -> Result<Channel, tonic::transport::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let pinned = PinnedServer {
        certificate: address.certificate().clone(),
        provider: provider.clone(),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pinned));
    let mut config = match certificate {
        Some(Certificate { der, key, .. }) => config
            .with_client_auth_cert(
                vec![der.clone()],
                PrivatePkcs8KeyDer::from(key.clone()).into(),
            )
            .unwrap(),
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    let socket = address.socket().to_path_buf();
    let connect = move |_uri: Uri| {
        let (connector, socket) = (connector.clone(), socket.clone());
        async move {
            let stream = UnixStream::connect(socket).await?;
            let name = ServerName::try_from("localhost").unwrap();
            Ok::<_, io::Error>(TokioIo::new(connector.connect(name, stream).await?))
        }
    };
    Endpoint::from_static("http://localhost")
        .connect_with_connector(tower::service_fn(connect))
        .await
}

pub(crate) async fn connect_plainly(socket: &Path) -> Result<Channel, tonic::transport::Error> {
    let socket = socket.to_path_buf();
    let connect = move |_uri: Uri| {
        let socket = socket.clone();
        async move { Ok::<_, io::Error>(TokioIo::new(UnixStream::connect(socket).await?)) }
    };
    Endpoint::from_static("http://localhost")
        .connect_with_connector(tower::service_fn(connect))
        .await
}

#[derive(Debug)]
struct PinnedServer {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        assert_eq!(
            *end_entity, self.certificate,
            "the provider shows another certificate than it announced"
        );
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
