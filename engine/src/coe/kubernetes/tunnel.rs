//! HTTP/2 over TLS to a port of a node, through the one channel to nodes: the port need not be reachable from
//! here.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::uri::{Authority, Scheme, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use crate::coe::CoeError;
use crate::coe::certificates::{Signed, failed};
use crate::error::chain;
use crate::transport::{Command, Exec};

/// How long a connection may take to come about: a server that starts takes it before it serves.
const CONNECT: Duration = Duration::from_secs(20);

/// How long an answer is waited for before the server is asked whether it is there at all: a way to it that swallows
/// everything would never end a wait.
const ARE_YOU_THERE: Duration = Duration::from_secs(10);

/// A connection, for as many requests at once as wanted.
pub(super) struct Tunnel {
    sender: http2::SendRequest<Full<Bytes>>,
    _connection: AbortOnDropHandle<()>,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// What was to be sent is no request.
    #[error(transparent)]
    Request(#[from] http::Error),
    /// The connection failed.
    #[error(transparent)]
    Connection(#[from] hyper::Error),
}

impl Tunnel {
    /// Connects to a port of the node, whose server has a certificate of that CA for 127.0.0.1. The client is
    /// known by `identity`.
    pub(super) async fn open(
        node: &dyn Exec,
        port: u16,
        ca_certificate: &str,
        identity: &Signed,
    ) -> Result<Self, CoeError> {
        let tls = tls(ca_certificate, identity)?;
        let silent = |reason: String| CoeError::Silent {
            what: format!("connect to port {port}"),
            node: node.node().clone(),
            reason,
        };
        let connecting = async {
            let address = format!("TCP:127.0.0.1:{port}");
            let stream = node.open(Command::new(["socat", "-", &address])).await?;
            let server = ServerName::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
            let stream = TlsConnector::from(Arc::new(tls))
                .connect(server, stream)
                .await
                .map_err(|error| silent(chain(&error)))?;
            http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(ARE_YOU_THERE)
                .keep_alive_timeout(CONNECT)
                .handshake(TokioIo::new(stream))
                .await
                .map_err(|error| silent(chain(&error)))
        };
        let (sender, connection) = match tokio::time::timeout(CONNECT, connecting).await {
            Ok(connected) => connected?,
            Err(_late) => {
                return Err(silent(format!("nothing within {} s", CONNECT.as_secs())));
            }
        };
        let connection = tokio::spawn(async move {
            // Whoever waits for an answer is told by the answer's own failure.
            _ = connection.await;
        });
        Ok(Self {
            sender,
            _connection: AbortOnDropHandle::new(connection),
        })
    }

    /// Sends a request whose address is a path; what came back.
    pub(super) async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<(StatusCode, Bytes), NoAnswer> {
        let (mut parts, body) = request.into_parts();
        let mut uri = parts.uri.into_parts();
        uri.scheme = Some(Scheme::HTTPS);
        uri.authority = Some(Authority::from_static("localhost"));
        parts.uri = Uri::from_parts(uri).map_err(http::Error::from)?;
        let request = http::Request::from_parts(parts, Full::new(Bytes::from(body)));
        let answer = self.sender.clone().send_request(request).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }
}

fn tls(ca_certificate: &str, identity: &Signed) -> Result<ClientConfig, CoeError> {
    const WHAT: &str = "use the cluster's CA";
    let certificate = |pem: &str| {
        CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| failed(WHAT, &error))
    };
    let mut trusted = RootCertStore::empty();
    trusted
        .add(certificate(ca_certificate)?)
        .map_err(|error| failed(WHAT, &error))?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.expose().as_bytes())
        .map_err(|error| failed(WHAT, &error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(WHAT, &error))?
        .with_root_certificates(trusted)
        .with_client_auth_cert(vec![certificate(&identity.certificate)?], key)
        .map_err(|error| failed(WHAT, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}
