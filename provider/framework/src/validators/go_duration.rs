use std::time::Duration;

use super::{Literal, refuse};
use crate::{Diagnostics, Path, Value, duration, schema::Validator};

#[derive(Debug)]
struct GoDuration {
    least: Duration,
    most: Option<Duration>,
}

/// A duration as Terraform's users know it: `90s`, `1h30m`.
pub fn go_duration() -> impl Validator {
    duration_from(Duration::ZERO)
}

/// Such a duration of `least` or more.
pub fn duration_from(least: Duration) -> impl Validator {
    GoDuration { least, most: None }
}

/// Such a duration of `least` to `most`.
pub fn duration_between(least: Duration, most: Duration) -> impl Validator {
    GoDuration {
        least,
        most: Some(most),
    }
}

impl GoDuration {
    fn rule(&self) -> String {
        let rule = "be a duration such as \"90s\" or \"1h30m\"";
        match self.most {
            Some(most) => format!("{rule}, {} to {}", spelled(self.least), spelled(most)),
            None if self.least.is_zero() => rule.to_owned(),
            None => format!("{rule}, {} or more", spelled(self.least)),
        }
    }

    fn allows(&self, duration: Duration) -> bool {
        duration >= self.least && self.most.is_none_or(|most| duration <= most)
    }
}

/// In whole hours, minutes or seconds.
fn spelled(duration: Duration) -> String {
    let seconds = duration.as_secs();
    for (unit, name) in [(3600, "h"), (60, "m")] {
        if seconds >= unit && seconds.is_multiple_of(unit) {
            return format!("{}{name}", seconds / unit);
        }
    }
    format!("{seconds}s")
}

impl Validator for GoDuration {
    fn description(&self) -> String {
        format!("must {}", self.rule())
    }

    fn validate(&self, value: &Value, path: &Path) -> Diagnostics {
        match value.as_str().map(duration::parse) {
            Some(Ok(duration)) if self.allows(duration) => Diagnostics::new(),
            Some(Ok(_)) => refuse(path, &self.rule(), Literal(value)),
            Some(Err(error)) => refuse(path, &self.rule(), format!("{} ({error})", Literal(value))),
            None => refuse(path, &self.rule(), value.kind_name()),
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
        assert_eq!(answer(&go_duration(), "0s"), "");
        assert_eq!(
            answer(&go_duration(), "10 minutes"),
            "`it` must be a duration such as \"90s\" or \"1h30m\", not \"10 minutes\" (there is no \
             unit \" minutes\")."
        );
    }

    #[test]
    fn bounds_are_kept_and_said() {
        let some = duration_from(Duration::from_secs(1));
        assert_eq!(answer(&some, "1s"), "");
        assert_eq!(
            answer(&some, "0s"),
            "`it` must be a duration such as \"90s\" or \"1h30m\", 1s or more, not \"0s\"."
        );
        let bounded = duration_between(Duration::from_mins(1), Duration::from_hours(24));
        assert_eq!(answer(&bounded, "1m"), "");
        assert_eq!(answer(&bounded, "24h"), "");
        for given in ["59s", "24h1s"] {
            assert_eq!(
                answer(&bounded, given),
                format!(
                    "`it` must be a duration such as \"90s\" or \"1h30m\", 1m to 24h, not {given:?}."
                )
            );
        }
    }
}
