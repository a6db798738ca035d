//! Why a call had no success, in the words of the service.

use http::StatusCode;
use serde_json::Value;

use crate::platform::http::Answer;
use crate::platform::{PlatformError, Retry};

/// A call without success.
#[derive(Debug)]
pub(in crate::platform::openstack) struct Failure {
    status: Option<StatusCode>,
    error: PlatformError,
}

impl From<Failure> for PlatformError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl From<PlatformError> for Failure {
    fn from(error: PlatformError) -> Self {
        Self {
            status: None,
            error,
        }
    }
}

impl Failure {
    pub(super) fn refused(
        what: &str,
        status: Option<StatusCode>,
        reason: String,
        retry: Retry,
    ) -> Self {
        Self {
            status,
            error: PlatformError::Refused {
                what: what.to_owned(),
                reason,
                help: status.and_then(help).map(str::to_owned),
                retry,
            },
        }
    }

    pub(super) fn answered(what: &str, answer: &Answer) -> Self {
        let reason = said(&answer.body);
        let status = answer.status;
        let retry = retry(answer, &reason);
        let reason = if reason.is_empty() {
            format!("it answered {status}")
        } else {
            format!("{reason} ({})", status.as_u16())
        };
        Self::refused(what, Some(status), reason, retry)
    }

    /// What was asked about is not there.
    pub(in crate::platform::openstack) fn is_absent(&self) -> bool {
        self.status == Some(StatusCode::NOT_FOUND)
    }

    /// We may not ask that.
    pub(in crate::platform::openstack) fn is_forbidden(&self) -> bool {
        self.status == Some(StatusCode::FORBIDDEN)
    }

    /// Something stands in the way: an object of that kind is there, or in use.
    pub(in crate::platform::openstack) fn is_conflict(&self) -> bool {
        self.status == Some(StatusCode::CONFLICT)
    }

    /// The service did not answer, or says that it cannot now.
    pub(super) fn may_pass(&self) -> bool {
        !self.is_conflict() && self.error.retry() != Retry::Never
    }

    /// The project may have no more.
    pub(in crate::platform::openstack) fn is_quota(&self) -> bool {
        self.says("uota")
    }

    /// Whether the service said so.
    pub(in crate::platform::openstack) fn says(&self, words: &str) -> bool {
        match &self.error {
            PlatformError::Refused { reason, .. } => reason.contains(words),
            _ => false,
        }
    }
}

fn help(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::UNAUTHORIZED => Some(
            "Look at the credentials, and whether they have ended: `openstack token issue` tells.",
        ),
        StatusCode::NOT_ACCEPTABLE => {
            Some("This cloud is older than Pike (2017), which this program needs.")
        }
        _ => None,
    }
}

fn retry(answer: &Answer, reason: &str) -> Retry {
    let is_quota = || reason.to_lowercase().contains("quota");
    match answer.status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => answer.later(),
        // Nova's "over the rate limit" of old, and quotas that somebody else may free.
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::FORBIDDEN => Retry::Never,
        // Something is still in use, or somebody else was faster.
        StatusCode::CONFLICT if !is_quota() => Retry::Later,
        status if status.is_server_error() => Retry::Later,
        _ => Retry::Never,
    }
}

/// The message of an error's body, whichever service it is from.
fn said(body: &[u8]) -> String {
    if let Ok(json) = serde_json::from_slice::<Value>(body)
        && let Some(message) = message(&json)
    {
        return without_tags(&message);
    }
    without_tags(&String::from_utf8_lossy(body))
}

/// Glance writes a page, or a part of one.
fn without_tags(text: &str) -> String {
    let mut plain = String::new();
    let mut in_tag = false;
    for character in text.chars() {
        match character {
            '<' => in_tag = true,
            '>' => {
                in_tag = false;
                plain.push(' ');
            }
            character if !in_tag => plain.push(character),
            _ => {}
        }
    }
    let words: Vec<&str> = plain.split_whitespace().collect();
    words.join(" ").chars().take(500).collect()
}

/// `{"NeutronError": {"message": …}}`, `{"badRequest": {…}}`, `{"error": {…}}`.
fn message(json: &Value) -> Option<String> {
    let fields = json.as_object()?;
    let own = fields.get("message").and_then(Value::as_str);
    own.map(str::to_owned)
        .or_else(|| fields.values().find_map(message))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn every_services_own_words_are_told() {
        for (body, expected) in [
            (
                r#"{"NeutronError": {"type": "X", "message": "No such port", "detail": ""}}"#,
                "No such port",
            ),
            (
                r#"{"badRequest": {"code": 400, "message": "Flavor is bad"}}"#,
                "Flavor is bad",
            ),
            (
                r#"{"message": "It is there<br\n/>", "code": "409"}"#,
                "It is there",
            ),
            (
                "<html><head><title>409 Conflict</title></head><body><h1>409</h1> It is there<br /></body></html>",
                "409 Conflict 409 It is there",
            ),
            ("", ""),
        ] {
            assert_eq!(said(body.as_bytes()), expected);
        }
    }

    #[test]
    fn what_may_pass_is_tried_again_and_a_quota_is_not() {
        let retry = |status, body| Failure::answered("x", &answer(status, body)).error.retry();
        assert_eq!(retry(503, ""), Retry::Later);
        assert_eq!(retry(500, ""), Retry::Later);
        assert_eq!(
            retry(409, r#"{"NeutronError": {"message": "in use"}}"#),
            Retry::Later
        );
        assert_eq!(
            retry(
                409,
                r#"{"NeutronError": {"message": "Quota exceeded for resources: ['port']."}}"#
            ),
            Retry::Never
        );
        assert_eq!(retry(403, ""), Retry::Never);
        assert_eq!(retry(400, ""), Retry::Never);
    }
}
