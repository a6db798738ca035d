//! Puts defaults where the configuration says nothing.

use super::walk::{Place, walk};
use crate::server::members::Members;
use crate::{Path, Value};

/// `planned` with the default of each attribute that the configuration leaves null. A default wins over the prior
/// value that Terraform proposes: taking a line out of the configuration brings the default back.
pub(super) fn apply(members: Members<'_>, place: &Place<'_>, planned: Value) -> Value {
    walk(
        members,
        place,
        planned,
        &mut |attribute, place, planned| match &attribute.default {
            Some(default) if place.config.is_null() => default.clone(),
            _ => planned,
        },
    )
}

/// A configuration with its defaults, for what has no plan: providers, data sources and ephemeral resources.
pub(crate) fn with_defaults(members: Members<'_>, config: &Value) -> Value {
    let place = Place {
        path: Path::root(),
        config,
        prior: None,
    };
    apply(members, &place, config.clone())
}
