//! An identity stays what it is.

use super::Rule;
use crate::server::members::member;
use crate::{Diagnostics, Path, Value};

/// What changed between the identity `before` and the one `after`. An identity that was not known before may become
/// anything.
pub(crate) fn check_identity(before: &Value, after: &Value) -> Diagnostics {
    let Value::Object(attributes) = before else {
        return Diagnostics::new();
    };
    attributes
        .iter()
        .filter(|(name, value)| {
            !value.is_null() && !value.is_unknown() && *value != member(after, name)
        })
        .map(|(name, _)| Rule::IdentityChanged.broken_at(&Path::attribute_name(name)))
        .collect()
}
