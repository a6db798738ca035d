//! Makes unknown what only the apply will tell.

use super::walk::{Place, Visited, walk};
use crate::Value;
use crate::server::members::Members;

/// `planned` with each computed attribute unknown that neither the configuration nor a default decides. What is
/// unknown already stays as it is: more may be known about it.
pub(super) fn mark(members: Members<'_>, place: &Place<'_>, planned: Value) -> Value {
    walk(members, place, planned, &mut |visited, place, planned| {
        let Visited::Attribute(attribute) = visited else {
            return planned;
        };
        let computed = attribute.source.is_computed();
        // `ignore_changes` puts the prior value of what is never configured into the configuration.
        let configured = attribute.source.is_configurable() && !place.config.is_null();
        let decided = configured || attribute.default.is_some();
        if computed && !decided && !planned.is_unknown() {
            Value::unknown()
        } else {
            planned
        }
    })
}
