use super::{Literal, refuse};
use crate::{Diagnostics, Number, Path, Value, schema::Validator};

#[derive(Debug)]
struct Range {
    least: Option<Number>,
    most: Option<Number>,
}

/// A number from `least` to `most`, both included.
pub fn between(least: impl Into<Number>, most: impl Into<Number>) -> impl Validator {
    Range {
        least: Some(least.into()),
        most: Some(most.into()),
    }
}

/// A number from `least` up.
pub fn at_least(least: impl Into<Number>) -> impl Validator {
    Range {
        least: Some(least.into()),
        most: None,
    }
}

/// A number up to `most`.
pub fn at_most(most: impl Into<Number>) -> impl Validator {
    Range {
        least: None,
        most: Some(most.into()),
    }
}

impl Range {
    fn rule(&self) -> String {
        match (&self.least, &self.most) {
            (Some(least), Some(most)) => format!("be from {least} to {most}"),
            (Some(least), None) => format!("be at least {least}"),
            (None, Some(most)) => format!("be at most {most}"),
            (None, None) => "be a number".to_owned(),
        }
    }
}

impl Validator for Range {
    fn description(&self) -> String {
        format!("must {}", self.rule())
    }

    fn validate(&self, value: &Value, path: &Path) -> Diagnostics {
        let fits = value.as_number().is_some_and(|number| {
            self.least.as_ref().is_none_or(|least| number >= least)
                && self.most.as_ref().is_none_or(|most| number <= most)
        });
        if fits {
            Diagnostics::new()
        } else {
            refuse(path, &self.rule(), Literal(value))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::answer;

    #[test]
    fn both_ends_are_included() {
        let rule = between(0, 10);
        assert_eq!(answer(&rule, 0), "");
        assert_eq!(answer(&rule, 10), "");
        assert_eq!(answer(&rule, 11), "`it` must be from 0 to 10, not 11.");
        assert_eq!(answer(&at_least(1), -1), "`it` must be at least 1, not -1.");
        assert_eq!(answer(&at_most(1), 2), "`it` must be at most 1, not 2.");
    }
}
