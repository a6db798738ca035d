use std::ops::{Bound, RangeBounds};

use super::refuse;
use crate::{Diagnostics, Path, Value, schema::Validator};

#[derive(Debug)]
struct Length(Bound<usize>, Bound<usize>);

/// A number of characters in a text, or of elements in a collection: `length(1..=63)`.
pub fn length(range: impl RangeBounds<usize>) -> impl Validator {
    Length(range.start_bound().cloned(), range.end_bound().cloned())
}

impl Length {
    fn bounds(&self) -> String {
        let least = match self.0 {
            Bound::Included(least) => least,
            Bound::Excluded(below) => below.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let most = match self.1 {
            Bound::Included(most) => Some(most),
            Bound::Excluded(above) => Some(above.saturating_sub(1)),
            Bound::Unbounded => None,
        };
        match most {
            Some(most) if most == least => most.to_string(),
            Some(most) if least == 0 => format!("at most {most}"),
            Some(most) => format!("{least} to {most}"),
            None => format!("at least {least}"),
        }
    }
}

impl Validator for Length {
    fn description(&self) -> String {
        format!("must have {} characters or elements", self.bounds())
    }

    fn validate(&self, value: &Value, path: &Path) -> Diagnostics {
        let (length, what) = if let Some(text) = value.as_str() {
            (text.chars().count(), "characters")
        } else if let Some(elements) = value.as_elements() {
            (elements.len(), "elements")
        } else if let Some(entries) = value.as_entries() {
            (entries.len(), "elements")
        } else {
            return refuse(path, "have a length", value.kind_name());
        };
        if (self.0, self.1).contains(&length) {
            Diagnostics::new()
        } else {
            refuse(path, &format!("have {} {what}", self.bounds()), length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::answer;

    #[test]
    fn characters_and_elements_are_counted() {
        assert_eq!(answer(&length(1..=3), "äöü"), "");
        assert_eq!(
            answer(&length(1..=3), ""),
            "`it` must have 1 to 3 characters, not 0."
        );
        assert_eq!(
            answer(&length(2..), Value::list(["a"])),
            "`it` must have at least 2 elements, not 1."
        );
        assert_eq!(
            answer(&length(..2), Value::map([("a", 1), ("b", 2)])),
            "`it` must have at most 1 elements, not 2."
        );
    }
}
