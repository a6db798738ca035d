//! What the cloud says where it does not do what it was asked.

use serde_json::{Value, json};

/// CloudStack's own codes, which are HTTP's status as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) u16);

impl Code {
    pub(crate) const BAD_REQUEST: Self = Self(400);
    pub(crate) const UNAUTHORIZED: Self = Self(401);
    pub(crate) const THROTTLED: Self = Self(429);
    pub(crate) const MALFORMED: Self = Self(430);
    pub(crate) const PARAMETER: Self = Self(431);
    pub(crate) const UNSUPPORTED: Self = Self(432);
    pub(crate) const INTERNAL: Self = Self(530);
    pub(crate) const ACCOUNT: Self = Self(531);
    pub(crate) const CAPACITY: Self = Self(533);
    pub(crate) const CONFLICT: Self = Self(537);

    /// The number that goes with the class of the exception behind the code.
    fn of_exception(self) -> u16 {
        match self.0 {
            431 => 4350,
            530 => 4250,
            531 => 4365,
            532 | 535 => 4370,
            533 => 4265,
            536 => 4375,
            537 => 4360,
            _ => 9999,
        }
    }
}

/// A refusal.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) text: String,
}

impl Refusal {
    pub(crate) fn new(code: Code, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }

    pub(crate) fn parameter(text: impl Into<String>) -> Self {
        Self::new(Code::PARAMETER, text)
    }

    pub(crate) fn internal(text: impl Into<String>) -> Self {
        Self::new(Code::INTERNAL, text)
    }

    /// Inside a reply.
    pub(crate) fn body(&self) -> Value {
        json!({
            "uuidList": [],
            "errorcode": self.code.0,
            "cserrorcode": self.code.of_exception(),
            "errortext": self.text,
        })
    }

    /// As what comes of a job.
    pub(crate) fn result(&self) -> Value {
        json!({ "errorcode": self.code.0, "errortext": self.text })
    }
}
