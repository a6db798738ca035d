//! One request: read, verified, done, answered; or what is to go wrong with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use coe_tests::cloudstack::signature::signature;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::accounts::{self, Caller, Role};
use crate::call::{Call, Method};
use crate::cloud::Cloud;
use crate::commands::{Command, Run};
use crate::faults::{Fault, Kind};
use crate::jobs;
use crate::refusal::{Code, Refusal};
use crate::state::{Phase, State};

const FORM: &[u8] = b"application/x-www-form-urlencoded";
const PATH: &str = "/client/api";
/// What the servlet's container takes of a form.
const LARGEST_FORM: usize = 4 << 20;
/// How far ahead the end of a signature's life may be.
const LONGEST_LIFE: SignedDuration = SignedDuration::from_mins(15);

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Silent;

impl std::fmt::Display for Silent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the connection is closed on purpose")
    }
}

impl std::error::Error for Silent {}

/// Answers a request; an error closes its connection.
pub(crate) async fn answer(
    cloud: Arc<Cloud>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Silent> {
    if cloud.state().phase == Phase::Restarting {
        return Ok(plain(&cloud, StatusCode::SERVICE_UNAVAILABLE));
    }
    if request.uri().path() != PATH {
        return Ok(plain(&cloud, StatusCode::NOT_FOUND));
    }
    let method = match *request.method() {
        hyper::Method::GET => Method::Get,
        hyper::Method::POST => Method::Post,
        _ => return Ok(plain(&cloud, StatusCode::METHOD_NOT_ALLOWED)),
    };
    let mut sent = form(request.uri().query().unwrap_or_default().as_bytes());
    let kind = request.headers().get("Content-Type");
    let is_form = kind.is_some_and(|kind| kind.as_bytes().starts_with(FORM));
    // The servlet finds no parameters in a body of any other kind.
    if method == Method::Post && is_form {
        let body = Limited::new(request.into_body(), LARGEST_FORM)
            .collect()
            .await;
        let Ok(body) = body else {
            return Ok(plain(&cloud, StatusCode::PAYLOAD_TOO_LARGE));
        };
        sent.extend(form(&body.to_bytes()));
    }
    let command = sent.get("command").cloned().unwrap_or_default();
    let wants_json = sent.get("response").is_some_and(|kind| kind == "json");
    let (outcome, fault) = match begin(&cloud, &sent, method) {
        Ok((call, run, fault)) => (carry_out(&cloud, call, run, fault.as_ref()).await?, fault),
        Err(refusal) => (Err(refusal), None),
    };
    match fault.map(|fault| fault.kind) {
        Some(Kind::Drop) => return Err(Silent),
        Some(Kind::Silence) => std::future::pending().await,
        _ => {}
    }
    Ok(reply(&cloud, &command, wants_json, outcome))
}

/// The fields of a form.
fn form(text: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(text);
    let fields = text.split('&').filter(|field| !field.is_empty());
    fields
        .map(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            (decode(name), decode(value))
        })
        .collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => std::str::from_utf8(&[*high, *low])
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok()),
            _ => None,
        };
        rest = if escaped.is_some() {
            &after[2..]
        } else {
            after
        };
        bytes.push(escaped.unwrap_or(if *first == b'+' { b' ' } else { *first }));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The signature's age, as its version 3 says it.
fn check_age(state: &State, sent: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let refusal = |text: String| Err(Refusal::new(Code::UNAUTHORIZED, text));
    let field = |name: &str| {
        let mut fields = sent.iter();
        let field = fields.find(|(sent, _)| sent.eq_ignore_ascii_case(name));
        field.map(|(_, value)| value.as_str())
    };
    if field("signatureversion") != Some("3") {
        return if state.settings.enforce_post {
            refusal("signature version 3 with expires is required here".to_owned())
        } else {
            Ok(())
        };
    }
    let Some(expires) = field("expires") else {
        return refusal("missing expires parameter: the request has signatureversion=3".to_owned());
    };
    let Some(at) = expiry(expires) else {
        return refusal(format!("expires is no moment of ISO 8601: {expires}"));
    };
    let now = state.now();
    if at < now {
        return refusal(format!("Request expired at {expires}"));
    }
    if state.settings.enforce_post && at > now + LONGEST_LIFE {
        return refusal(format!("expires should be within 15 minutes: {expires}"));
    }
    Ok(())
}

/// `2026-01-31T12:00:00+0000`, or with a colon in the offset, or with `Z`.
fn expiry(text: &str) -> Option<Timestamp> {
    text.parse()
        .ok()
        .or_else(|| Timestamp::strptime("%Y-%m-%dT%H:%M:%S%z", text).ok())
}

/// The call that a request is, counted, and the fault that befalls it.
fn begin(
    cloud: &Cloud,
    sent: &BTreeMap<String, String>,
    method: Method,
) -> Result<(Call, Run, Option<Fault>), Refusal> {
    let mut state = cloud.state();
    let parameters: BTreeMap<String, String> = sent
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value.clone()))
        .collect();
    let account = accounts::authenticate(
        &state,
        parameters.get("apikey").map(String::as_str),
        |secret| parameters.get("signature") == Some(&signature(sent, secret)),
    )?;
    let caller = Caller {
        account: account.id,
        user: account.user,
        role: account.role,
    };
    check_age(&state, sent)?;
    let name = parameters.get("command").cloned().unwrap_or_default();
    let command = Command::of(&name).ok_or_else(|| {
        Refusal::new(
            Code::UNSUPPORTED,
            "The given command does not exist or it is not available for user",
        )
    })?;
    if method == Method::Get && state.settings.enforce_post && !command.run.is_read() {
        return Err(Refusal::new(
            Code::BAD_REQUEST,
            format!(
                "State changing command {} needs to be sent using POST request",
                command.name
            ),
        ));
    }
    throttle(&mut state, caller)?;
    let name = name.to_lowercase();
    *state.calls.entry(name.clone()).or_default() += 1;
    for parameter in parameters
        .keys()
        .filter(|parameter| !command.knows(parameter))
    {
        state
            .unknown_parameters
            .insert(format!("{name} {parameter}"));
    }
    let fault = state.faults.at(&name);
    let call = Call {
        command: name,
        method,
        caller,
        parameters,
        fault: fault.clone(),
    };
    jobs::check_custom_id(&call)?;
    Ok((call, command.run, fault))
}

/// Refuses calls of an account that has had all of its.
fn throttle(state: &mut State, caller: Caller) -> Result<(), Refusal> {
    let Some(throttle) = state.settings.throttle else {
        return Ok(());
    };
    if caller.role == Role::Administrator {
        return Ok(());
    }
    let window = std::time::Duration::from_secs_f64(throttle.seconds.max(0.0));
    state.recent.retain(|at| at.elapsed() < window);
    if state.recent.len() >= throttle.calls {
        let left = state
            .recent
            .first()
            .map(Instant::elapsed)
            .unwrap_or_default();
        return Err(Refusal::new(
            Code::THROTTLED,
            format!(
                "The given user has reached his/her account api limit, please retry after {} ms.",
                window.saturating_sub(left).as_millis()
            ),
        ));
    }
    state.recent.push(Instant::now());
    Ok(())
}

/// Does what a call asks for, unless something is to go wrong before.
async fn carry_out(
    cloud: &Arc<Cloud>,
    call: Call,
    run: Run,
    fault: Option<&Fault>,
) -> Result<Result<Value, Refusal>, Silent> {
    match fault {
        Some(fault) if fault.kind == Kind::Fail => {
            return Ok(Err(Refusal::new(Code(fault.code), fault.text.clone())));
        }
        Some(fault) if fault.kind == Kind::Close => return Err(Silent),
        Some(fault) if fault.kind == Kind::Hang => {
            std::future::pending::<()>().await;
        }
        _ => {}
    }
    // In a task of its own: who goes away does not take back what was asked for.
    let cloud = Arc::clone(cloud);
    let work = tokio::spawn(async move {
        match run {
            Run::Read(run) | Run::Change(run) => run(&cloud, &call),
            Run::ChangeSlowly(run) => run(&cloud, &call).await,
            Run::Begin(run) => run(&cloud, &call),
        }
    });
    Ok(work.await.unwrap_or_else(|error| {
        Err(Refusal::internal(format!(
            "the server itself failed: {error}"
        )))
    }))
}

fn dated(cloud: &Cloud, status: StatusCode) -> hyper::http::response::Builder {
    let date = cloud.state().now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    Response::builder()
        .status(status)
        .header("Date", date.to_string())
}

fn plain(cloud: &Cloud, status: StatusCode) -> Response<Full<Bytes>> {
    let answer = dated(cloud, status).body(Full::new(Bytes::new()));
    answer.unwrap_or_default()
}

fn reply(
    cloud: &Cloud,
    command: &str,
    wants_json: bool,
    outcome: Result<Value, Refusal>,
) -> Response<Full<Bytes>> {
    let (code, body) = match outcome {
        Ok(body) => (200, body),
        Err(refusal) => (refusal.code.0, refusal.body()),
    };
    let name = match Command::of(command) {
        Some(command) => format!("{}response", command.name.to_lowercase()),
        None => "errorresponse".to_owned(),
    };
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (kind, body) = if wants_json {
        let kind = "application/json; charset=UTF-8";
        (kind, json!({ name: body }).to_string())
    } else {
        // CloudStack's own choice where JSON is not asked for. What would be in it is left out.
        let kind = "text/xml; charset=UTF-8";
        (
            kind,
            format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><{name}/>"),
        )
    };
    let answer = dated(cloud, status)
        .header("Content-Type", kind)
        .body(Full::new(Bytes::from(body)));
    answer.unwrap_or_default()
}
