use crate::{Diagnostics, Path, Value, schema::Validator};

#[derive(Debug)]
struct Each<V>(V);

/// `rule` for each element of a list, a set or a map that is known and not null.
pub fn each(rule: impl Validator) -> impl Validator {
    Each(rule)
}

impl<V: Validator> Validator for Each<V> {
    fn description(&self) -> String {
        format!("each {}", self.0.description())
    }

    fn validate(&self, value: &Value, path: &Path) -> Diagnostics {
        let mut found = Diagnostics::new();
        let mut check = |element: &Value, path: Path| {
            if element.is_wholly_known() && !element.is_null() {
                found.append(self.0.validate(element, &path));
            }
        };
        match value {
            Value::List(elements) => {
                for (index, element) in (0..).zip(elements) {
                    check(element, path.index(index));
                }
            }
            Value::Set(elements) => {
                for element in elements {
                    check(element, path.element(element.clone()));
                }
            }
            Value::Map(elements) => {
                for (key, element) in elements {
                    check(element, path.key(key));
                }
            }
            Value::Dynamic(_, value) => return self.validate(value, path),
            _ => {}
        }
        found
    }
}

#[derive(Debug)]
struct Keys<V>(V);

/// `rule` for each key of a map.
pub fn keys(rule: impl Validator) -> impl Validator {
    Keys(rule)
}

impl<V: Validator> Validator for Keys<V> {
    fn description(&self) -> String {
        format!("each key {}", self.0.description())
    }

    fn validate(&self, value: &Value, path: &Path) -> Diagnostics {
        let mut found = Diagnostics::new();
        for key in value
            .as_entries()
            .into_iter()
            .flat_map(|entries| entries.keys())
        {
            found.append(self.0.validate(&Value::from(key.as_str()), &path.key(key)));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::{answer, between, length};

    #[test]
    fn the_element_at_fault_is_named() {
        let rule = each(between(1, 5));
        assert_eq!(
            answer(&rule, Value::list([1, 9])),
            "`it[1]` must be from 1 to 5, not 9."
        );
        assert_eq!(
            answer(&rule, Value::map([("a", 9)])),
            "`it[\"a\"]` must be from 1 to 5, not 9."
        );
        assert_eq!(
            answer(&rule, Value::set([9])),
            "`it[…]` must be from 1 to 5, not 9."
        );
        assert_eq!(
            answer(&rule, Value::List(vec![Value::unknown(), Value::Null])),
            ""
        );
        assert_eq!(rule.description(), "each must be from 1 to 5");
    }

    #[test]
    fn the_key_at_fault_is_named() {
        assert_eq!(
            answer(&keys(length(2..)), Value::map([("a", 1), ("ab", 2)])),
            "`it[\"a\"]` must have at least 2 characters, not 1."
        );
    }
}
