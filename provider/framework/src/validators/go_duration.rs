use super::{Literal, refuse};
use crate::{Diagnostics, Path, Value, duration, schema::Validator};

#[derive(Debug)]
struct GoDuration;

/// A duration as Terraform's users know it: `90s`, `1h30m`.
pub fn go_duration() -> impl Validator {
    GoDuration
}

const RULE: &str = "be a duration such as \"90s\" or \"1h30m\"";

impl Validator for GoDuration {
    fn description(&self) -> String {
        format!("must {RULE}")
    }

    fn validate(&self, value: &Value, path: &Path) -> Diagnostics {
        match value.as_str().map(duration::parse) {
            Some(Ok(_)) => Diagnostics::new(),
            Some(Err(error)) => refuse(path, RULE, format!("{} ({error})", Literal(value))),
            None => refuse(path, RULE, value.kind_name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::answer;

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(answer(&go_duration(), "1h30m"), "");
        assert_eq!(
            answer(&go_duration(), "10 minutes"),
            "`it` must be a duration such as \"90s\" or \"1h30m\", not \"10 minutes\" (there is no \
             unit \" minutes\")."
        );
    }
}
