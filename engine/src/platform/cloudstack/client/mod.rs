//! The cloud's API: calls, their signatures, pages, jobs, and which answers are worth another try.
//!
//! What makes an object is a job whose id is ours (`customjobid`): where a reply was lost, the job is asked after before
//! the call is sent again, because a call that is sent twice makes two.

mod failure;
mod jobs;
mod signature;

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

pub(super) use failure::{Failure, code};
use jobs::{Job, Jobs};
use signature::Parameters;

use super::NAME;
use super::settings::CloudStackSettings;
use crate::platform::http::Http;
use crate::platform::{PlatformError, Retry};

/// The most objects of a page: what a server gives at once unless it is told otherwise.
const PAGE: usize = 500;
/// How long one waits before one asks again.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// A call.
#[derive(Clone)]
pub(super) struct Call {
    command: &'static str,
    parameters: Parameters,
}

impl Call {
    pub(super) fn new(command: &'static str) -> Self {
        let parameters = Parameters::from([("command".to_owned(), command.to_owned())]);
        Self {
            command,
            parameters,
        }
    }

    /// The same with a parameter, whose name is in lower case.
    pub(super) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    /// The same with a parameter, if there is a value for it.
    pub(super) fn maybe(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Whether it changes nothing.
    fn is_read(&self) -> bool {
        ["list", "query"]
            .iter()
            .any(|verb| self.command.starts_with(verb))
    }
}

/// What was begun.
pub(super) struct Begun {
    job: String,
    /// The object that is being made.
    pub(super) id: Option<String>,
}

/// The answer to what begins a job. Some say its id under an older name.
#[derive(Deserialize)]
struct BegunAnswer {
    #[serde(default, alias = "jobId")]
    jobid: Option<String>,
    #[serde(default)]
    id: Option<String>,
}

/// A part of a list.
struct Page<T> {
    found: Vec<T>,
    /// How many the whole list has, where the cloud says.
    count: Option<usize>,
}

/// The cloud.
pub(super) struct Client {
    http: Result<Http, String>,
    settings: Arc<CloudStackSettings>,
    jobs: Jobs,
}

impl Client {
    /// No I/O but the reading of the system's CAs.
    pub(super) fn new(settings: Arc<CloudStackSettings>) -> Self {
        Self {
            http: Http::new(settings.ca_certificate.as_deref()),
            settings,
            jobs: Jobs::default(),
        }
    }

    /// What the cloud answers to a call.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        what: &str,
        call: Call,
    ) -> Result<T, Failure> {
        let answer = self.send(what, &call).await?;
        serde_json::from_value(answer).map_err(|error| Failure::not_understood(what, &error))
    }

    /// Asks again what does no harm when it is asked twice, and what may pass.
    pub(super) async fn patiently<T, F>(attempt: impl Fn() -> F + Send) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>> + Send,
    {
        for pause in PAUSES {
            match attempt().await {
                Err(failure) if failure.may_pass() => {
                    let asked_for = failure.after();
                    tokio::time::sleep(asked_for.unwrap_or(pause)).await;
                }
                asked => return asked,
            }
        }
        attempt().await
    }

    /// All objects of a list, page by page. `key` is what the list is called in the answer.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        what: &str,
        call: Call,
        key: &str,
    ) -> Result<Vec<T>, PlatformError> {
        Ok(self.try_list(what, call, key).await?)
    }

    /// The same, where a refusal is an answer too.
    pub(super) async fn try_list<T: DeserializeOwned>(
        &self,
        what: &str,
        call: Call,
        key: &str,
    ) -> Result<Vec<T>, Failure> {
        let mut all = Vec::new();
        for number in 1_usize.. {
            let page = self.page::<T>(what, call.clone(), key, number).await?;
            let is_empty = page.found.is_empty();
            let is_full = page.found.len() >= PAGE;
            all.extend(page.found);
            // A cloud may give fewer at once than it is asked for, and says how many there are.
            let there_are_more = page.count.is_some_and(|count| all.len() < count);
            if is_empty || !(is_full || there_are_more) {
                break;
            }
        }
        Ok(all)
    }

    async fn first_page<T: DeserializeOwned>(
        &self,
        what: &str,
        call: Call,
        key: &str,
    ) -> Result<Vec<T>, Failure> {
        Ok(self.page(what, call, key, 1).await?.found)
    }

    async fn page<T: DeserializeOwned>(
        &self,
        what: &str,
        call: Call,
        key: &str,
        number: usize,
    ) -> Result<Page<T>, Failure> {
        let call = call
            .with("page", number.to_string())
            .with("pagesize", PAGE.to_string());
        let mut answer = self.send(what, &call).await?;
        let count = answer.get("count").and_then(Value::as_u64);
        let count = count.and_then(|count| usize::try_from(count).ok());
        // A list without objects does not have its key.
        let found = match answer.get_mut(key).map(Value::take) {
            Some(found) => serde_json::from_value(found)
                .map_err(|error| Failure::not_understood(what, &error))?,
            None => Vec::new(),
        };
        Ok(Page { found, count })
    }

    /// Begins a job. It is begun once, whatever becomes of the replies.
    pub(super) async fn begin(&self, what: &str, call: Call) -> Result<Begun, Failure> {
        let job = Uuid::new_v4().to_string();
        let call = call.with("customjobid", job.as_str());
        let mut pauses = PAUSES.into_iter();
        loop {
            let failure = match self.ask::<BegunAnswer>(what, call.clone()).await {
                Ok(answer) => {
                    return Ok(Begun {
                        job: answer.jobid.unwrap_or(job),
                        id: answer.id,
                    });
                }
                Err(failure) if failure.may_pass() => failure,
                Err(failure) => return Err(failure),
            };
            let Some(pause) = pauses.next() else {
                return Err(failure);
            };
            tokio::time::sleep(failure.after().unwrap_or(pause)).await;
            if failure.is_lost()
                && let Some(begun) = self.job(&job).await?
            {
                return Ok(Begun {
                    job,
                    id: begun.jobinstanceid,
                });
            }
        }
    }

    /// A job; `None`: the cloud knows none of that id.
    async fn job(&self, id: &str) -> Result<Option<Job>, Failure> {
        let what = "look how a job does";
        let ask = || {
            let call = Call::new("queryAsyncJobResult").with("jobid", id);
            self.ask::<Job>(what, call)
        };
        match Self::patiently(ask).await {
            Ok(mut job) => {
                id.clone_into(&mut job.jobid);
                Ok(Some(job))
            }
            Err(failure) if failure.is(code::PARAMETER) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// What a job has come to.
    pub(super) async fn end(&self, what: &str, begun: &Begun) -> Result<Value, Failure> {
        self.jobs.outcome(self, what, &begun.job).await
    }

    /// Begins a job and awaits its end; the id of what it made, if it made something.
    pub(super) async fn carry_out(
        &self,
        what: &str,
        call: Call,
    ) -> Result<Option<String>, Failure> {
        let begun = self.begin(what, call).await?;
        self.end(what, &begun).await?;
        Ok(begun.id)
    }

    /// Ends something; that it is gone already is success.
    pub(super) async fn remove(&self, what: &str, call: Call) -> Result<(), PlatformError> {
        match self.carry_out(what, call).await {
            Err(failure) if !failure.is_absent() => Err(failure.into()),
            _ => Ok(()),
        }
    }

    /// What is in an answer under the one name that it has.
    async fn send(&self, what: &str, call: &Call) -> Result<Value, Failure> {
        let settings = &self.settings;
        let http = self
            .http
            .as_ref()
            .map_err(|reason| PlatformError::Refused {
                what: what.to_owned(),
                reason: reason.clone(),
                help: None,
                retry: Retry::Never,
            })?;
        let now = Timestamp::now();
        let body = signature::signed(
            &call.parameters,
            &settings.api_key,
            &settings.secret_key,
            now,
        );
        // Always: changes are not taken otherwise where a server insists on it, and user data is longer than an address
        // may be.
        let request = Request::builder()
            .method(Method::POST)
            .uri(&settings.api_url)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Accept", "application/json");
        let answer = http
            .send(NAME, what, request, body.expose().as_bytes())
            .await?;
        tracing::debug!("{}: {}", call.command, answer.status);
        if !failure::is_success(answer.status) {
            return Err(Failure::answered(what, call, &answer, now));
        }
        let answer: Value = serde_json::from_slice(&answer.body)
            .map_err(|error| Failure::not_understood(what, &error))?;
        let Value::Object(answer) = answer else {
            return Err(Failure::not_understood(what, &"it is no object"));
        };
        Ok(answer
            .into_iter()
            .next()
            .map_or(Value::Null, |(_, inner)| inner))
    }
}
