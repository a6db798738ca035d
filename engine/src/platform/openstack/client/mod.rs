//! The cloud's API: who we are there, where its services are, and calls to them.
//!
//! A token is got at the first call and again when it is no longer taken. An answer that is no success is a
//! [`Failure`] with the service's own words; whether the call may be made again is decided here, for all services.

mod failure;
mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, Request, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

pub(super) use crate::platform::http::encoded;
pub(super) use failure::Failure;
use session::Session;

use super::NAME;
use super::settings::OpenStackSettings;
use crate::platform::http::{Answer, Http};
use crate::platform::{PlatformError, Retry};

/// The most objects of a page: what most clouds give at once.
const PAGE: usize = 1000;
/// How long one waits before one asks again.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(5),
];
/// Since Pike (2017): tags of servers in the creating call, flavors embedded.
const COMPUTE_MICROVERSION: &str = "compute 2.52";

/// A service of the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    /// Nova.
    Compute,
    /// Neutron.
    Network,
    /// Glance.
    Image,
}

impl Service {
    pub(super) const ALL: [Self; 3] = [Self::Compute, Self::Network, Self::Image];

    /// As in the catalogue.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Network => "network",
            Self::Image => "image",
        }
    }

    /// What follows an endpoint that does not name the version of its API.
    fn version(self) -> &'static str {
        match self {
            Self::Compute => "/v2.1",
            Self::Network => "/v2.0",
            Self::Image => "/v2",
        }
    }
}

/// A call.
pub(super) struct Call {
    pub(super) service: Service,
    pub(super) method: Method,
    /// With its query, encoded.
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) content_type: &'static str,
}

impl Call {
    fn new(service: Service, method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        Self {
            service,
            method,
            path: path.into(),
            body,
            content_type: "application/json",
        }
    }

    pub(super) fn get(service: Service, path: impl Into<String>) -> Self {
        Self::new(service, Method::GET, path, None)
    }

    pub(super) fn post(service: Service, path: impl Into<String>, body: Value) -> Self {
        Self::new(service, Method::POST, path, Some(body))
    }

    pub(super) fn put(service: Service, path: impl Into<String>, body: Value) -> Self {
        Self::new(service, Method::PUT, path, Some(body))
    }

    pub(super) fn delete(service: Service, path: impl Into<String>) -> Self {
        Self::new(service, Method::DELETE, path, None)
    }

    /// A change of an image, as Glance takes it.
    pub(super) fn patch_image(path: impl Into<String>, changes: Value) -> Self {
        Self {
            content_type: "application/openstack-images-v2.1-json-patch",
            ..Self::new(Service::Image, Method::PATCH, path, Some(changes))
        }
    }
}

/// The cloud.
pub(super) struct Client {
    http: Result<Http, String>,
    settings: Arc<OpenStackSettings>,
    session: Mutex<Option<Arc<Session>>>,
    /// How many calls were made, for the log.
    calls: AtomicU64,
}

impl Client {
    /// No I/O but the reading of the system's CAs.
    pub(super) fn new(settings: Arc<OpenStackSettings>) -> Self {
        Self {
            http: Http::new(settings.ca_certificate.as_deref()),
            settings,
            session: Mutex::default(),
            calls: AtomicU64::new(0),
        }
    }

    /// The id of the project that we are in.
    pub(super) async fn project(&self) -> Result<String, PlatformError> {
        Ok(self.session().await?.project.clone())
    }

    async fn session(&self) -> Result<Arc<Session>, PlatformError> {
        let mut session = self.session.lock().await;
        if let Some(session) = session.as_ref().filter(|session| session.lives()) {
            return Ok(Arc::clone(session));
        }
        let new = Arc::new(self.log_in().await?);
        *session = Some(Arc::clone(&new));
        Ok(new)
    }

    /// Forgets a token that was not taken, unless there is another one already.
    async fn forget(&self, refused: &Arc<Session>) {
        let mut session = self.session.lock().await;
        if session
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, refused))
        {
            *session = None;
        }
    }

    /// What a service answers to a call.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        what: &str,
        call: Call,
    ) -> Result<T, Failure> {
        let body = self.send(what, call).await?;
        serde_json::from_slice(&body).map_err(|error| {
            Failure::refused(
                what,
                None,
                format!("the answer is not understood: {error}"),
                Retry::Never,
            )
        })
    }

    /// Makes a call of whose answer nothing is needed.
    pub(super) async fn tell(&self, what: &str, call: Call) -> Result<(), Failure> {
        self.send(what, call).await.map(|_| ())
    }

    /// Asks again what does no harm when it is asked twice, and what may pass: late in a long step, where to begin anew
    /// would cost more.
    pub(super) async fn patiently<T, F>(attempt: impl Fn() -> F + Send) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>> + Send,
    {
        for pause in PAUSES {
            match attempt().await {
                Err(failure) if failure.may_pass() => tokio::time::sleep(pause).await,
                asked => return asked,
            }
        }
        attempt().await
    }

    /// Deletes something; that it is gone already is success.
    pub(super) async fn delete(
        &self,
        what: &str,
        service: Service,
        path: String,
    ) -> Result<(), PlatformError> {
        let delete = || self.tell(what, Call::delete(service, path.clone()));
        match Self::patiently(delete).await {
            Err(failure) if !failure.is_absent() => Err(failure.into()),
            _ => Ok(()),
        }
    }

    /// All objects of a list, page by page. `query` is without the question mark.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        what: &str,
        service: Service,
        (path, key): (&str, &str),
        query: &str,
    ) -> Result<Vec<T>, PlatformError> {
        let mut all = Vec::new();
        let mut marker = String::new();
        loop {
            let page = format!("{path}?limit={PAGE}&{query}{marker}");
            let mut answer: Value = self.ask(what, Call::get(service, page)).await?;
            let found = match answer.get_mut(key).map(Value::take) {
                Some(Value::Array(found)) => found,
                _ => Vec::new(),
            };
            let has_more = answer.get("next").is_some_and(|next| !next.is_null())
                || answer
                    .get(format!("{key}_links"))
                    .and_then(Value::as_array)
                    .is_some_and(|links| links.iter().any(|link| link["rel"] == "next"));
            let last = found
                .last()
                .and_then(|last| last["id"].as_str())
                .map(str::to_owned);
            for object in found {
                let object = serde_json::from_value(object).map_err(|error| {
                    let reason = format!("the answer is not understood: {error}");
                    Failure::refused(what, None, reason, Retry::Never)
                })?;
                all.push(object);
            }
            match last {
                Some(last) if has_more => marker = format!("&marker={last}"),
                _ => return Ok(all),
            }
        }
    }

    async fn send(&self, what: &str, call: Call) -> Result<Vec<u8>, Failure> {
        let mut is_second = false;
        loop {
            let session = self.session().await?;
            let url = session.url(call.service, &call.path).ok_or_else(|| {
                let (kind, region) = (call.service.kind(), self.settings.region.as_deref());
                let region = region.map_or(String::new(), |region| format!(" in region {region}"));
                Failure::refused(
                    what,
                    None,
                    format!("the catalogue has no service {kind:?}{region}"),
                    Retry::Never,
                )
            })?;
            let mut request = Request::builder()
                .method(call.method.clone())
                .uri(&url)
                .header("X-Auth-Token", session.token.expose())
                .header("Accept", "application/json");
            if call.service == Service::Compute {
                request = request.header("OpenStack-API-Version", COMPUTE_MICROVERSION);
            }
            let mut body = Zeroizing::new(Vec::new());
            if let Some(json) = &call.body {
                request = request.header("Content-Type", call.content_type);
                body = Zeroizing::new(json.to_string().into_bytes());
            }
            let answer = self.raw(what, request, &body).await?;
            tracing::debug!("{} {url}: {}", call.method, answer.status);
            if answer.status == StatusCode::UNAUTHORIZED && !is_second {
                // It has ended, or was taken back, in the middle.
                self.forget(&session).await;
                is_second = true;
                continue;
            }
            if answer.status.is_success() {
                return Ok(answer.body);
            }
            return Err(Failure::answered(what, &answer));
        }
    }

    async fn raw(
        &self,
        what: &str,
        request: http::request::Builder,
        body: &[u8],
    ) -> Result<Answer, Failure> {
        let http = self
            .http
            .as_ref()
            .map_err(|reason| Failure::refused(what, None, reason.clone(), Retry::Never))?;
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        tracing::trace!("call {number}: {what}");
        Ok(http.send(NAME, what, request, body).await?)
    }
}
