//! Puts defaults where the configuration says nothing.

use super::walk::{Place, Visited, walk};
use crate::server::members::Members;
use crate::server::set_elements::attribute_comes_from;
use crate::{Path, Value};

/// `planned` with the default of each attribute that the configuration leaves null. A default wins over the prior
/// value that Terraform proposes: taking a line out of the configuration brings the default back. But objects that
/// came from the default once keep what was computed for them, else their plan would never be empty.
pub(super) fn apply(members: Members<'_>, place: &Place<'_>, planned: Value) -> Value {
    walk(members, place, planned, &mut |visited, place, planned| {
        let (Visited::Attribute(attribute), true) = (visited, place.config.is_null()) else {
            return planned;
        };
        match (&attribute.default, place.prior) {
            (None, _) => planned,
            (Some(default), Some(prior)) if attribute_comes_from(attribute, default, prior) => {
                prior.clone()
            }
            (Some(default), _) => default.clone(),
        }
    })
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

#[cfg(test)]
mod tests {
    use crate::schema::Source;
    use crate::server::members::Members;
    use crate::server::planning::draft;
    use crate::{Attribute, AttributeKind, Mode, NestedObject, Type, Value};

    fn corner() -> [Attribute; 2] {
        let text = |name, source| Attribute::new(name, AttributeKind::Plain(Type::String), source);
        let label = text("label", Source::Required);
        let serial = text("serial", Source::Computed);
        let object = NestedObject {
            mode: Mode::Single,
            attributes: vec![label, serial],
        };
        let corner = Attribute {
            default: Some(part("plain", Value::Null)),
            ..Attribute::new(
                "corner",
                AttributeKind::Nested(object),
                Source::OptionalComputed,
            )
        };
        [corner, text("remark", Source::Optional)]
    }

    fn part(label: &str, serial: impl Into<Value>) -> Value {
        Value::object([("label", Value::from(label)), ("serial", serial.into())])
    }

    fn state(corner: Value, remark: impl Into<Value>) -> Value {
        Value::object([("corner", corner), ("remark", remark.into())])
    }

    #[test]
    fn a_default_object_has_its_computed_values_made_once() {
        let attributes = corner();
        let members = Members {
            attributes: &attributes,
            blocks: &[],
        };
        let config = state(Value::Null, Value::Null);
        let created = draft(members, &config, None, config.clone()).planned;
        assert_eq!(created, state(part("plain", Value::unknown()), Value::Null));

        let prior = state(part("plain", "stamped"), Value::Null);
        let again = draft(members, &config, Some(&prior), prior.clone()).planned;
        assert_eq!(again, prior);

        let other = state(part("gold", "stamped"), Value::Null);
        let back = draft(members, &config, Some(&other), other.clone()).planned;
        assert_eq!(back, state(part("plain", Value::unknown()), Value::Null));
    }
}
