//! Drops the values of write-only attributes.

use super::walk::{Place, Visited, walk};
use crate::server::members::{Members, null};
use crate::{Path, Value};

/// `value` with all write-only attributes null, as plans and states must have them. Terraform's proposal still
/// carries what the configuration says.
pub(crate) fn without_write_only(members: Members<'_>, value: Value) -> Value {
    let place = Place {
        path: Path::root(),
        config: null(),
        prior: None,
    };
    walk(
        members,
        &place,
        value,
        &mut |visited, _, value| match visited {
            Visited::Attribute(attribute) if attribute.write_only => Value::Null,
            _ => value,
        },
    )
}
