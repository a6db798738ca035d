use regex_lite::Regex;

use super::{Literal, refuse};
use crate::{Diagnostic, Diagnostics, Path, Value, schema::Validator};

#[derive(Debug)]
struct Pattern {
    pattern: Result<Regex, regex_lite::Error>,
    meaning: String,
}

/// A text that the regular expression `pattern` finds something in; begin with `^` and end with `$` where
/// the whole is meant. `meaning` says it in words, after "must": `be lower-case letters only`.
pub fn pattern(pattern: &str, meaning: impl Into<String>) -> impl Validator {
    Pattern {
        pattern: Regex::new(pattern),
        meaning: meaning.into(),
    }
}

impl Validator for Pattern {
    fn description(&self) -> String {
        format!("must {}", self.meaning)
    }

    fn validate(&self, value: &Value, path: &Path) -> Diagnostics {
        match (&self.pattern, value.as_str()) {
            (Ok(pattern), Some(text)) if pattern.is_match(text) => Diagnostics::new(),
            (Ok(_), _) => refuse(path, &self.meaning, Literal(value)),
            (Err(error), _) => Diagnostic::error(
                "The provider has an invalid rule",
                format!(
                    "The pattern for `{path}` is no regular expression: {error}. Please report it."
                ),
            )
            .at(path.clone())
            .into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::answer;

    #[test]
    fn what_the_pattern_means_is_said() {
        let rule = pattern("^[a-z]+$", "be lower-case letters only");
        assert_eq!(answer(&rule, "abc"), "");
        assert_eq!(
            answer(&rule, "a b"),
            "`it` must be lower-case letters only, not \"a b\"."
        );
    }

    #[test]
    fn a_pattern_that_is_none_is_an_error_and_no_panic() {
        assert!(answer(&pattern("(", "be"), "a").contains("no regular expression"));
    }
}
