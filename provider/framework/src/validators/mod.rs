//! Ready-made rules for the values of attributes.
//!
//! Each is a function that gives the rule: `validate = [one_of([1, 3, 5, 7])]`. A rule looks only at known
//! values; what a message says is a sentence that begins with the attribute: "`count` must be 1, 3, 5 or 7,
//! not 4."

use std::fmt;

use crate::{Diagnostic, Diagnostics, Path, Value};

mod cidr;
mod elements;
mod go_duration;
mod length;
mod one_of;
mod pattern;
mod range;

pub use cidr::cidr;
pub use elements::{each, keys};
pub use go_duration::{duration_between, duration_from, go_duration};
pub use length::length;
pub use one_of::one_of;
pub use pattern::pattern;
pub use range::{at_least, at_most, between};

/// The answer of a rule that `given` breaks: `rule` is what it "must …".
fn refuse(path: &Path, rule: &str, given: impl fmt::Display) -> Diagnostics {
    let detail = if path.steps().is_empty() {
        format!("The value must {rule}, not {given}.")
    } else {
        format!("`{path}` must {rule}, not {given}.")
    };
    Diagnostic::error("Invalid value", detail)
        .at(path.clone())
        .into()
}

/// A value as a configuration writes it; long ones are cut.
struct Literal<'a>(&'a Value);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 80;
        match self.0 {
            Value::String(text) if text.chars().count() > LONGEST => {
                let beginning: String = text.chars().take(LONGEST).collect();
                write!(formatter, "{:?}", format!("{beginning}…"))
            }
            Value::String(text) => write!(formatter, "{text:?}"),
            Value::Number(number) => number.fmt(formatter),
            Value::Bool(truth) => truth.fmt(formatter),
            Value::Dynamic(_, value) => Literal(value).fmt(formatter),
            other => formatter.write_str(other.kind_name()),
        }
    }
}

#[cfg(test)]
fn answer(rule: &impl crate::schema::Validator, value: impl Into<Value>) -> String {
    let diagnostics = rule.validate(&value.into(), &Path::attribute_name("it"));
    let details: Vec<_> = diagnostics
        .iter()
        .map(|found| found.detail.clone())
        .collect();
    details.join("\n")
}
