//! HTTP to the API of a cloud, plain or over TLS.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::{PlatformError, Retry};
use crate::error::chain;

/// How long a service may take for an answer.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);

pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// What a service answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// When a call that was put off may be made again (RFC 9110, 10.2.3).
    pub(super) fn later(&self) -> Retry {
        let header = self.headers.get("Retry-After");
        let seconds = header.and_then(|value| value.to_str().ok()?.parse().ok());
        seconds.map_or(Retry::Later, |seconds| {
            Retry::After(Duration::from_secs(seconds))
        })
    }
}

impl Http {
    /// A client that trusts the system's CAs and those given.
    pub(super) fn new(ca_certificate: Option<&str>) -> Result<Self, String> {
        let mut roots = rustls::RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(system.certs);
        for given in CertificateDer::pem_slice_iter(ca_certificate.unwrap_or_default().as_bytes()) {
            let given = given.map_err(|error| format!("the cloud's CA cannot be read: {error}"))?;
            roots
                .add(given)
                .map_err(|error| format!("the cloud's CA cannot be used: {error}"))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(HttpsConnector::from((tcp, tls)));
        Ok(Self { client })
    }

    /// What is answered to a request of `platform`, which is for `what`.
    pub(super) async fn send(
        &self,
        platform: &'static str,
        what: &str,
        request: http::request::Builder,
        body: &[u8],
    ) -> Result<Answer, PlatformError> {
        let request = request
            .body(Full::new(Bytes::copy_from_slice(body)))
            .map_err(|error| PlatformError::Refused {
                what: what.to_owned(),
                reason: format!("the address is not understood: {error}"),
                help: None,
                retry: Retry::Never,
            })?;
        let address = request.uri().clone();
        let unreachable = |source: Box<dyn Error + Send + Sync>| {
            let place = format!(
                "{}://{}",
                address.scheme_str().unwrap_or("http"),
                address
                    .authority()
                    .map_or("", |authority| authority.as_str())
            );
            PlatformError::Unreachable {
                what: what.to_owned(),
                platform,
                address: place,
                source,
            }
        };
        let answer = tokio::time::timeout(ANSWER_WITHIN, async {
            let answer = self
                .client
                .request(request)
                .await
                .map_err(|error| chain(&error))?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await.map_err(|error| chain(&error))?;
            Ok::<_, String>(Answer {
                status: head.status,
                headers: head.headers,
                body: body.to_bytes().to_vec(),
            })
        });
        match answer.await {
            Ok(answer) => answer.map_err(|reason| unreachable(reason.into())),
            Err(_late) => {
                let reason = format!("no answer within {} s", ANSWER_WITHIN.as_secs());
                Err(unreachable(reason.into()))
            }
        }
    }
}

/// A value of a query, encoded (RFC 3986, 2.1).
pub(super) fn encoded(value: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn a_query_says_what_was_meant() {
        assert_eq!(encoded("demo-worker_1.a~"), "demo-worker_1.a~");
        assert_eq!(encoded("^a b&c=ä$"), "%5Ea%20b%26c%3D%C3%A4%24");
    }
}
