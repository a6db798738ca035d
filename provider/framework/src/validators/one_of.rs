use super::{Literal, refuse};
use crate::{Diagnostics, Path, Value, schema::Validator};

#[derive(Debug)]
struct OneOf(Vec<Value>);

/// One of a few values. A text that is nearly one of them is answered with that one.
pub fn one_of<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> impl Validator {
    OneOf(values.into_iter().map(Into::into).collect())
}

impl OneOf {
    fn choices(&self) -> String {
        let mut literals: Vec<String> = self
            .0
            .iter()
            .map(|value| Literal(value).to_string())
            .collect();
        match literals.pop() {
            None => "absent".to_owned(),
            Some(last) if literals.is_empty() => last,
            Some(last) => format!("{} or {last}", literals.join(", ")),
        }
    }

    fn nearest(&self, given: &str) -> Option<&str> {
        let texts = self.0.iter().filter_map(Value::as_str);
        let likeness =
            |text: &str| strsim::jaro_winkler(&text.to_lowercase(), &given.to_lowercase());
        texts
            .map(|text| (text, likeness(text)))
            .filter(|(_, likeness)| *likeness > 0.7)
            .max_by(|(_, one), (_, two)| one.total_cmp(two))
            .map(|(text, _)| text)
    }
}

impl Validator for OneOf {
    fn description(&self) -> String {
        format!("must be {}", self.choices())
    }

    fn validate(&self, value: &Value, path: &Path) -> Diagnostics {
        if self.0.contains(value) {
            return Diagnostics::new();
        }
        let given = match value.as_str().and_then(|given| self.nearest(given)) {
            Some(nearest) => format!("{} (the nearest is {nearest:?})", Literal(value)),
            None => Literal(value).to_string(),
        };
        refuse(path, &format!("be {}", self.choices()), given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::answer;

    #[test]
    fn the_choices_are_named() {
        let rule = one_of([1, 3, 5, 7]);
        assert_eq!(answer(&rule, 3), "");
        assert_eq!(answer(&rule, 4), "`it` must be 1, 3, 5 or 7, not 4.");
        assert_eq!(rule.description(), "must be 1, 3, 5 or 7");
    }

    #[test]
    fn the_nearest_choice_is_named() {
        let rule = one_of(["steady", "alternating"]);
        assert_eq!(answer(&rule, "steady"), "");
        assert_eq!(
            answer(&rule, "Alternatin"),
            "`it` must be \"steady\" or \"alternating\", not \"Alternatin\" (the nearest \
             is \"alternating\")."
        );
        assert_eq!(
            answer(&rule, "x"),
            "`it` must be \"steady\" or \"alternating\", not \"x\"."
        );
    }
}
