//! The connection to the engine: made at the first call, and then kept.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bollard::errors::Error as ApiError;
use bollard::{API_DEFAULT_VERSION, BollardRequest};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::settings::EngineAddress;
use super::{Docker, DockerSettings};
use crate::platform::{PlatformError, Retry};

/// For the head of an answer. Streams, pulls and commands are not bounded by it.
const ANSWER_WITHIN_SECONDS: u64 = 120;

const CLIENT_CERTIFICATE: &str = "cert.pem";
const CLIENT_KEY: &str = "key.pem";

/// Why the engine could not be reached, with what helps.
#[derive(Debug, thiserror::Error)]
enum ConnectionProblem {
    #[error(
        "there is no socket {path}: is the engine running? DOCKER_HOST, or `docker.host` in the \
         provider's configuration, names another one"
    )]
    NoSocket { path: String },
    #[error(
        "no permission to use {path}: run as root, or as a member of the group that owns the socket \
         (usually `docker`)"
    )]
    Forbidden { path: String },
    #[error(
        "nothing listens at {address} ({reason}): is the engine running, and are DOCKER_HOST and \
         DOCKER_TLS_VERIFY right?"
    )]
    Silent { address: String, reason: String },
    #[error("the TLS connection cannot be made: {reason}")]
    Tls { reason: String },
    #[error(
        "{path} cannot be read ({reason}): DOCKER_CERT_PATH names the folder of ca.pem, and of cert.pem and key.pem where the engine asks for them"
    )]
    File { path: PathBuf, reason: String },
}

impl Docker {
    /// The client, connected at the first call and with the newest API version that both sides speak.
    pub(super) async fn client(&self) -> Result<&bollard::Docker, PlatformError> {
        let connect = || async {
            let client = self
                .new_client()
                .map_err(|problem| self.unreachable("connect", problem))?;
            client
                .negotiate_version()
                .await
                .map_err(|error| self.failure("connect", error))
        };
        self.shared.client.get_or_try_init(connect).await
    }

    fn new_client(&self) -> Result<bollard::Docker, ConnectionProblem> {
        let connected = match &self.shared.address {
            EngineAddress::Unix(path) => {
                bollard::Docker::connect_with_unix(path, ANSWER_WITHIN_SECONDS, API_DEFAULT_VERSION)
            }
            EngineAddress::Tcp(address) => {
                let address = format!("http://{address}");
                bollard::Docker::connect_with_http(
                    &address,
                    ANSWER_WITHIN_SECONDS,
                    API_DEFAULT_VERSION,
                )
            }
            EngineAddress::Tls(address) => connect_with_tls(address, &self.shared.settings)?,
        };
        connected.map_err(|error| self.problem(&error))
    }

    /// What went wrong with a call, in this platform's words.
    pub(super) fn failure(&self, what: impl Into<String>, error: ApiError) -> PlatformError {
        match error {
            ApiError::DockerResponseServerError {
                status_code,
                message,
            } => PlatformError::Refused {
                what: what.into(),
                reason: message,
                help: None,
                retry: retry_after(status_code),
            },
            ApiError::RequestTimeoutError => PlatformError::Refused {
                what: what.into(),
                reason: format!("the engine did not answer within {ANSWER_WITHIN_SECONDS} s"),
                help: None,
                retry: Retry::Later,
            },
            ApiError::JsonDataError { .. } | ApiError::JsonSerdeError { .. } => {
                PlatformError::Refused {
                    what: what.into(),
                    reason: format!("the engine's answer was not understood: {error}"),
                    help: None,
                    retry: Retry::Never,
                }
            }
            error => self.unreachable(what, self.problem(&error)),
        }
    }

    fn unreachable(&self, what: impl Into<String>, problem: ConnectionProblem) -> PlatformError {
        PlatformError::Unreachable {
            what: what.into(),
            platform: super::NAME,
            address: self.shared.address.to_string(),
            source: Box::new(problem),
        }
    }

    fn problem(&self, error: &ApiError) -> ConnectionProblem {
        let reason = innermost(error);
        let kind = io_error_kind(error);
        match &self.shared.address {
            EngineAddress::Unix(path) => match kind {
                Some(io::ErrorKind::PermissionDenied) => {
                    ConnectionProblem::Forbidden { path: path.clone() }
                }
                Some(io::ErrorKind::NotFound) => ConnectionProblem::NoSocket { path: path.clone() },
                _ if matches!(error, ApiError::SocketNotFoundError(_)) => {
                    ConnectionProblem::NoSocket { path: path.clone() }
                }
                _ => ConnectionProblem::Silent {
                    address: path.clone(),
                    reason,
                },
            },
            EngineAddress::Tcp(address) | EngineAddress::Tls(address) => {
                ConnectionProblem::Silent {
                    address: address.clone(),
                    reason,
                }
            }
        }
    }
}

/// Whether the same call may succeed later. The engine says 500 to much that it will never do.
fn retry_after(status: u16) -> Retry {
    match status {
        429 | 502..=504 => Retry::Later,
        _ => Retry::Never,
    }
}

/// Whether the engine says that there is no such thing.
pub(super) fn is_absent(error: &ApiError) -> bool {
    status(error) == Some(404)
}

/// The status of the engine's answer, if it answered.
pub(super) fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// What the engine answered, or what kept it from answering.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn io_error_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        next = error.source();
    }
    None
}

/// bollard's own TLS connection also trusts every CA of the system, and takes files only. The docker
/// CLI trusts the given CA alone.
fn connect_with_tls(
    address: &str,
    settings: &DockerSettings,
) -> Result<Result<bollard::Docker, ApiError>, ConnectionProblem> {
    let ca = pem(settings.ca_certificate.as_deref(), settings, "ca.pem")?;
    let refused = |error: &dyn Error| ConnectionProblem::Tls {
        reason: error.to_string(),
    };
    let mut roots = rustls::RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(&ca) {
        roots
            .add(root.map_err(|error| refused(&error))?)
            .map_err(|error| refused(&error))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(&error))?
        .with_root_certificates(roots);
    let tls = match client_certificate(settings)? {
        Some(client) => {
            let chain = CertificateDer::pem_slice_iter(&client.certificate)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| refused(&error))?;
            let key =
                PrivateKeyDer::from_pem_slice(&client.key).map_err(|error| refused(&error))?;
            tls.with_client_auth_cert(chain, key)
                .map_err(|error| refused(&error))?
        }
        None => tls.with_no_client_auth(),
    };

    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    let connector = hyper_rustls::HttpsConnector::from((tcp, tls));
    // A connection that is kept may be cut by the engine just when it is used again.
    let client = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(connector);
    let transport = move |request: BollardRequest| {
        let answer = client.request(request);
        Box::pin(async move { answer.await.map_err(ApiError::from) })
    };
    Ok(bollard::Docker::connect_with_custom_transport(
        transport,
        Some(format!("https://{address}")),
        ANSWER_WITHIN_SECONDS,
        API_DEFAULT_VERSION,
    ))
}

/// A client's certificate and its key, PEM.
struct ClientPem {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

/// What the client has to show. As with the docker CLI there is none where none is given and no
/// file of either is there: an engine need not ask for one.
fn client_certificate(settings: &DockerSettings) -> Result<Option<ClientPem>, ConnectionProblem> {
    let given = settings.client_certificate.as_deref();
    let given_key = settings
        .client_key
        .as_ref()
        .map(|key| key.expose().as_str());
    let is_there = |file| folder(settings).join(file).exists();
    let any = given.is_some()
        || given_key.is_some()
        || is_there(CLIENT_CERTIFICATE)
        || is_there(CLIENT_KEY);
    if !any {
        return Ok(None);
    }
    Ok(Some(ClientPem {
        certificate: pem(given, settings, CLIENT_CERTIFICATE)?,
        key: Zeroizing::new(pem(given_key, settings, CLIENT_KEY)?),
    }))
}

fn folder(settings: &DockerSettings) -> &Path {
    settings.cert_path.as_deref().unwrap_or(Path::new("."))
}

fn pem(
    given: Option<&str>,
    settings: &DockerSettings,
    file: &str,
) -> Result<Vec<u8>, ConnectionProblem> {
    if let Some(text) = given {
        return Ok(text.as_bytes().to_vec());
    }
    let path = folder(settings).join(file);
    std::fs::read(&path).map_err(|error| ConnectionProblem::File {
        path,
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{Platform, Scope};

    #[tokio::test]
    async fn an_engine_that_is_not_there_is_an_error_that_helps() {
        let host = Some("unix:///nonexistent/docker.sock".to_owned());
        let settings = DockerSettings {
            host,
            ..DockerSettings::default()
        };
        let docker = Docker::connect(settings).unwrap();
        let error = docker.observe(&Scope::All).await.unwrap_err();
        expect_test::expect![[r"
            connect: docker does not answer at unix:///nonexistent/docker.sock
            there is no socket /nonexistent/docker.sock: is the engine running? DOCKER_HOST, or `docker.host` in the provider's configuration, names another one"]]
        .assert_eq(&format!("{error}\n{}", error.source().unwrap()));
    }

    #[tokio::test]
    async fn a_port_where_nothing_listens_is_an_error_that_names_it() {
        let host = Some("tcp://127.0.0.1:1".to_owned());
        let settings = DockerSettings {
            host,
            ..DockerSettings::default()
        };
        let docker = Docker::connect(settings).unwrap();
        let error = docker.observe(&Scope::All).await.unwrap_err();
        let reason = error.source().unwrap().to_string();
        assert!(
            reason.starts_with("nothing listens at 127.0.0.1:1 ("),
            "{reason}"
        );
    }

    #[tokio::test]
    async fn certificates_that_are_not_there_are_named() {
        let settings = DockerSettings {
            host: Some("tcp://127.0.0.1:1".to_owned()),
            tls_verify: Some(true),
            cert_path: Some(PathBuf::from("/nonexistent")),
            ..DockerSettings::default()
        };
        let docker = Docker::connect(settings).unwrap();
        let error = docker.observe(&Scope::All).await.unwrap_err();
        let reason = error.source().unwrap().to_string();
        assert!(reason.contains("/nonexistent/ca.pem"), "{reason}");
    }
}
