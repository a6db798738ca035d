//! Why a call had no success, in the words of the cloud.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::Call;
use crate::platform::http::Answer;
use crate::platform::{PlatformError, Retry};

/// How far the clocks may be apart before that is told.
const MOST_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// The API's own numbers, beside those of HTTP that it uses as they are meant.
pub(in crate::platform::cloudstack) mod code {
    pub(in crate::platform::cloudstack) const NOT_LET_IN: u16 = 401;
    pub(in crate::platform::cloudstack) const TOO_MANY_CALLS: u16 = 429;
    pub(in crate::platform::cloudstack) const PARAMETER: u16 = 431;
    pub(in crate::platform::cloudstack) const UNSUPPORTED: u16 = 432;
    pub(in crate::platform::cloudstack) const BUSY: u16 = 503;
    pub(in crate::platform::cloudstack) const INTERNAL: u16 = 530;
    pub(in crate::platform::cloudstack) const ACCOUNT: u16 = 531;
    pub(in crate::platform::cloudstack) const LIMIT: u16 = 532;
    pub(in crate::platform::cloudstack) const CAPACITY: u16 = 533;
    pub(in crate::platform::cloudstack) const UNAVAILABLE: u16 = 534;
    pub(in crate::platform::cloudstack) const ALLOCATION: u16 = 535;
    pub(in crate::platform::cloudstack) const RULE_CONFLICT: u16 = 537;
}

/// A call without success.
#[derive(Debug)]
pub(in crate::platform::cloudstack) struct Failure {
    code: Option<u16>,
    error: PlatformError,
}

impl From<Failure> for PlatformError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl From<PlatformError> for Failure {
    fn from(error: PlatformError) -> Self {
        Self { code: None, error }
    }
}

/// What the body of a refusal says, under whichever name.
#[derive(Default, Deserialize)]
pub(super) struct Said {
    errorcode: Option<u16>,
    #[serde(default)]
    errortext: String,
}

impl Failure {
    pub(super) fn not_understood(what: &str, reason: &dyn std::fmt::Display) -> Self {
        Self::from(PlatformError::Refused {
            what: what.to_owned(),
            reason: format!("the answer is not understood: {reason}"),
            help: None,
            retry: Retry::Never,
        })
    }

    /// Of an answer that is no success.
    pub(super) fn answered(what: &str, call: &Call, answer: &Answer, now: Timestamp) -> Self {
        let said = said(&answer.body);
        let code = said.errorcode.unwrap_or(answer.status.as_u16());
        let retry = match code {
            code::TOO_MANY_CALLS | code::BUSY | code::UNAVAILABLE => answer.later(),
            code::INTERNAL if call.is_read() => Retry::Later,
            // What stands before the cloud answered for it.
            502 | 504 => Retry::Later,
            _ => Retry::Never,
        };
        let reason = if said.errortext.is_empty() {
            format!("it answered {}", answer.status)
        } else {
            said.errortext
        };
        let skew = (code == code::NOT_LET_IN)
            .then(|| skew(answer, now))
            .flatten();
        let reason = match skew {
            Some(skew) => format!("{reason}. {skew}"),
            None => reason,
        };
        Self::refused(what, code, &reason, retry)
    }

    /// Of a job that had no success.
    pub(super) fn of_job(what: &str, result: &Value) -> Self {
        let said: Said = serde_json::from_value(result.clone()).unwrap_or_default();
        let code = said.errorcode.unwrap_or(code::INTERNAL);
        // A restart ends jobs, and what it says of them cannot always be read back.
        let was_cut_off = result.is_null() || said.errortext.contains("management server restart");
        let retry = match code {
            code::TOO_MANY_CALLS | code::BUSY | code::UNAVAILABLE => Retry::Later,
            // Whoever asks again looks first what there is of it.
            _ if was_cut_off => Retry::Later,
            _ => Retry::Never,
        };
        let reason = if said.errortext.is_empty() {
            "the job failed, and the cloud does not say why".to_owned()
        } else {
            said.errortext
        };
        Self::refused(what, code, &reason, retry)
    }

    fn refused(what: &str, code: u16, reason: &str, retry: Retry) -> Self {
        let help = help(meant(code, reason));
        let what = what.to_owned();
        let told = format!("{} ({code})", reason.trim_end_matches('.'));
        let error = match (meant(code, reason), help) {
            (code::LIMIT | code::CAPACITY, Some(help)) => PlatformError::NoRoom {
                what,
                reason: told,
                help,
            },
            (_, help) => PlatformError::Refused {
                what,
                reason: told,
                help,
                retry,
            },
        };
        Self {
            code: Some(code),
            error,
        }
    }

    /// There was no answer, or one from what stands before the cloud: it may have done what it was told.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self.error, PlatformError::Unreachable { .. })
            || matches!(self.code, Some(502 | 504))
    }

    /// The cloud says that it cannot now, or did not answer.
    pub(in crate::platform::cloudstack) fn may_pass(&self) -> bool {
        self.error.retry() != Retry::Never
    }

    /// When it may be asked again, where it says so.
    pub(super) fn after(&self) -> Option<std::time::Duration> {
        match self.error.retry() {
            Retry::After(pause) => Some(pause),
            Retry::Never | Retry::Later => None,
        }
    }

    pub(in crate::platform::cloudstack) fn is(&self, code: u16) -> bool {
        self.code == Some(code)
    }

    /// Whether the cloud said so.
    pub(in crate::platform::cloudstack) fn says(&self, words: &str) -> bool {
        match &self.error {
            PlatformError::Refused { reason, .. } | PlatformError::NoRoom { reason, .. } => {
                reason.contains(words)
            }
            _ => false,
        }
    }

    /// What was asked about is not there. The API has no number for that.
    pub(in crate::platform::cloudstack) fn is_absent(&self) -> bool {
        self.is(code::PARAMETER)
            && [
                "nable to find",
                "does not exist",
                "doesn't exist",
                "not found",
            ]
            .iter()
            .any(|words| self.says(words))
    }

    /// Such a rule or tag is there.
    pub(in crate::platform::cloudstack) fn is_there_already(&self) -> bool {
        self.is(code::RULE_CONFLICT) || self.says("already")
    }
}

/// The number that is meant: of a limit CloudStack 4.22 says 535 for machines, and 530 for other things.
fn meant(code: u16, reason: &str) -> u16 {
    let tells_of_limit = reason.starts_with("Maximum ") && reason.contains("exceeded");
    match code {
        code::INTERNAL | code::ALLOCATION if tells_of_limit => code::LIMIT,
        code => code,
    }
}

fn help(code: u16) -> Option<String> {
    let help = match code {
        code::NOT_LET_IN => {
            "Look at the API key and the secret key: `CLOUDSTACK_API_KEY`, `CLOUDSTACK_SECRET_KEY`, or the profile."
        }
        404 | 405 => {
            "Look at the address of the API: `CLOUDSTACK_API_URL`, or `api_url`. It ends in /client/api in most clouds."
        }
        code::UNSUPPORTED => {
            "The role of the account may not call it, or this CloudStack is older than 4.18, which this program needs."
        }
        code::ACCOUNT => "The account may not do that: look at its role.",
        code::LIMIT => {
            "The account or project has reached its limit: give back what is not needed, or ask for more."
        }
        code::CAPACITY => {
            "The zone has no room for it: take a smaller offering, fewer nodes, or another zone."
        }
        _ => return None,
    };
    Some(help.to_owned())
}

/// Calls say until when they are good, so a clock that is wrong is not let in.
fn skew(answer: &Answer, now: Timestamp) -> Option<String> {
    let date = answer.headers.get("Date")?.to_str().ok()?;
    let theirs = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    let apart = now.duration_since(theirs);
    if apart.abs() < MOST_SKEW {
        return None;
    }
    let direction = if apart.is_negative() {
        "behind"
    } else {
        "ahead of"
    };
    Some(format!(
        "The clock here is {} s {direction} the cloud's, and a call is good for a quarter of an hour: set the clock.",
        apart.abs().as_secs()
    ))
}

/// `{"deployvirtualmachineresponse": {"errorcode": …, "errortext": …}}`; what stands before the cloud writes pages.
fn said(body: &[u8]) -> Said {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let inner = json
        .as_ref()
        .and_then(Value::as_object)
        .and_then(|object| object.values().next().cloned());
    inner
        .and_then(|inner| serde_json::from_value(inner).ok())
        .unwrap_or_default()
}

/// Whether an answer is a success.
pub(super) fn is_success(status: StatusCode) -> bool {
    status == StatusCode::OK
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: map,
            body: body.as_bytes().to_vec(),
        }
    }

    fn failure(command: &'static str, status: u16) -> Failure {
        let answer = answer(status, &[], "");
        Failure::answered("x", &Call::new(command), &answer, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn what_may_pass_is_asked_again_and_what_will_not_is_not() {
        for status in [429, 503, 534] {
            assert_eq!(
                failure("deployVirtualMachine", status).error.retry(),
                Retry::Later
            );
        }
        assert_eq!(failure("listZones", 530).error.retry(), Retry::Later);
        assert_eq!(failure("createNetwork", 530).error.retry(), Retry::Never);
        for status in [401, 430, 431, 432, 531, 532, 533, 535, 536, 537] {
            assert_eq!(
                failure("listZones", status).error.retry(),
                Retry::Never,
                "{status}"
            );
        }
    }

    #[test]
    fn a_cloud_that_wants_to_be_left_alone_is() {
        let answer = answer(429, &[("Retry-After", "7")], "");
        let now = Timestamp::UNIX_EPOCH;
        let failure = Failure::answered("x", &Call::new("listZones"), &answer, now);
        assert_eq!(failure.after(), Some(std::time::Duration::from_secs(7)));
    }

    #[test]
    fn the_clouds_own_words_and_number_are_told() {
        let body = r#"{"createnetworkresponse":{"uuidList":[],"errorcode":431,"cserrorcode":4350,"errortext":"No such zone"}}"#;
        let answer = answer(431, &[], body);
        let now = Timestamp::UNIX_EPOCH;
        let failure = Failure::answered("make it", &Call::new("createNetwork"), &answer, now);
        assert_eq!(
            PlatformError::from(failure).to_string(),
            "make it: No such zone (431)"
        );
    }

    #[test]
    fn a_limit_is_known_by_its_words_where_its_number_is_another() {
        let told = |code: u16, text: &str| {
            let result = serde_json::json!({ "errorcode": code, "errortext": text });
            PlatformError::from(Failure::of_job("x", &result))
        };
        let text = "Maximum number of resources of type 'user_vm' has been exceeded.";
        for code in [530, 532, 535] {
            let error = told(code, text);
            assert!(matches!(error, PlatformError::NoRoom { .. }), "{error:?}");
            let told = error.to_string();
            let words = format!("has been exceeded ({code}). The account or project has reached");
            assert!(told.contains(&words), "{told}");
        }
        let other = told(535, "Unable to allocate");
        assert!(matches!(other, PlatformError::Refused { .. }), "{other:?}");
    }

    #[test]
    fn a_wrong_clock_is_told() {
        let date = "Sat, 28 Nov 2026 02:00:00 GMT";
        let answer = answer(401, &[("Date", date)], "");
        let told = |now: &str| skew(&answer, now.parse().unwrap());
        assert_eq!(told("2026-11-28T02:01:00Z"), None);
        let ahead = told("2026-11-28T03:00:00Z").unwrap();
        assert!(ahead.contains("3600 s ahead of the cloud's"), "{ahead}");
        let behind = told("2026-11-28T01:00:00Z").unwrap();
        assert!(behind.contains("3600 s behind the cloud's"), "{behind}");
    }

    #[test]
    fn a_job_that_a_restart_cut_off_may_be_asked_for_again() {
        let job = |code: u16, text: &str| {
            let result = serde_json::json!({ "errorcode": code, "errortext": text });
            Failure::of_job("x", &result).error.retry()
        };
        let cut_off = "job cancelled because of management server restart or shutdown";
        assert_eq!(job(530, cut_off), Retry::Later);
        let nothing = Failure::of_job("x", &Value::Null).error.retry();
        assert_eq!(nothing, Retry::Later);
        assert_eq!(job(533, "no room"), Retry::Never);
        assert_eq!(job(534, "router is down"), Retry::Later);
    }
}
