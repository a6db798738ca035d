//! How long an operation may take, as the user says.

use std::time::Duration;

use crate::{Attr, Model, duration, validators::duration_from};

/// Less is no time for anything: what is meant by it is something else.
const LEAST: Duration = Duration::from_secs(1);

/// How long each operation may take. An operation that is not named here has the provider's own bound.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Model)]
pub struct Timeouts {
    /// How long creating may take, such as `30m` or `1h30m`.
    #[attribute(optional, validate = [duration_from(LEAST)])]
    pub create: Attr<String>,
    /// How long reading may take.
    #[attribute(optional, validate = [duration_from(LEAST)])]
    pub read: Attr<String>,
    /// How long updating may take.
    #[attribute(optional, validate = [duration_from(LEAST)])]
    pub update: Attr<String>,
    /// How long deleting may take.
    #[attribute(optional, validate = [duration_from(LEAST)])]
    pub delete: Attr<String>,
}

/// An operation that may take its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Making what is not there.
    Create,
    /// Looking at what is there.
    Read,
    /// Changing what is there.
    Update,
    /// Removing what is there.
    Delete,
}

impl Timeouts {
    /// How long `operation` may take; `None`: the user does not say, or not yet.
    ///
    /// What is not a duration was refused when the configuration was validated.
    pub fn of(&self, operation: Operation) -> Option<Duration> {
        let text = match operation {
            Operation::Create => &self.create,
            Operation::Read => &self.read,
            Operation::Update => &self.update,
            Operation::Delete => &self.delete,
        };
        duration::parse(text.known()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AttributeKind, AttributeType};

    #[test]
    fn what_is_not_said_is_the_providers_to_choose() {
        let timeouts = Timeouts {
            create: "1h30m".to_owned().into(),
            ..Timeouts::default()
        };
        assert_eq!(
            timeouts.of(Operation::Create),
            Some(Duration::from_mins(90))
        );
        assert_eq!(timeouts.of(Operation::Delete), None);
    }

    #[test]
    fn it_is_a_nested_attribute() {
        let AttributeKind::Nested(nested) = Attr::<Timeouts>::kind() else {
            panic!("timeouts are not nested");
        };
        let names: Vec<_> = nested
            .attributes
            .iter()
            .map(|attribute| attribute.name.as_str())
            .collect();
        assert_eq!(names, ["create", "read", "update", "delete"]);
        assert!(
            nested
                .attributes
                .iter()
                .all(|attribute| attribute.validators.len() == 1)
        );
    }
}
