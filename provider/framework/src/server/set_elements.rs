//! Which element of a set is which: they have neither a place nor a key.
//!
//! An element of a plan or a state belongs to the configured element that it agrees with in everything that the
//! configuration says. Of several that agree with the same one, each is taken once.

use super::members::{Members, element, elements, entry, member};
use crate::{Attribute, AttributeKind, Mode, Value};

/// Hands out the elements of a set, each once.
pub(crate) struct Unpaired<'a>(Vec<&'a Value>);

impl<'a> Unpaired<'a> {
    /// All elements of `set`.
    pub(crate) fn new(set: &'a Value) -> Self {
        Self(elements(set).iter().collect())
    }

    /// Takes the first element for which `belongs` holds.
    pub(crate) fn take(&mut self, belongs: impl Fn(&Value) -> bool) -> Option<&'a Value> {
        let position = self.0.iter().position(|candidate| belongs(candidate))?;
        Some(self.0.remove(position))
    }

    /// Whether all were taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Equal, with what is unknown in the configuration still unknown: a plan may know more of it than Terraform did.
pub(crate) fn same_as_configured(config: &Value, planned: &Value) -> bool {
    match (config, planned) {
        (config, planned) if config.is_unknown() => planned.is_unknown(),
        (Value::Dynamic(config_type, config), Value::Dynamic(planned_type, planned)) => {
            config_type == planned_type && same_as_configured(config, planned)
        }
        (Value::List(config), Value::List(planned)) => {
            config.len() == planned.len()
                && config
                    .iter()
                    .zip(planned)
                    .all(|(one, two)| same_as_configured(one, two))
        }
        (Value::Map(config), Value::Map(planned))
        | (Value::Object(config), Value::Object(planned)) => {
            config.len() == planned.len()
                && config.iter().all(|(key, one)| {
                    planned
                        .get(key)
                        .is_some_and(|two| same_as_configured(one, two))
                })
        }
        (config_set @ Value::Set(config), Value::Set(planned)) => {
            let mut unpaired = Unpaired::new(config_set);
            config.len() == planned.len()
                && planned.iter().all(|planned| {
                    let belongs = |config: &Value| same_as_configured(config, planned);
                    unpaired.take(belongs).is_some()
                })
        }
        (config, planned) => config == planned,
    }
}

/// Whether `value` could have come from `config`: equal in all that is configured, and free in what is computed.
pub(crate) fn comes_from(members: Members<'_>, config: &Value, value: &Value) -> bool {
    let (Value::Object(_), Value::Object(_)) = (config, value) else {
        return same_as_configured(config, value);
    };
    members.attributes.iter().all(|attribute| {
        attribute_comes_from(
            attribute,
            member(config, &attribute.name),
            member(value, &attribute.name),
        )
    }) && members.blocks.iter().all(|block| {
        let (config, value) = (member(config, &block.name), member(value, &block.name));
        all_come_from((&block.block).into(), block.mode, config, value)
    })
}

/// Whether `value` could have come from `config` by the rules of its attribute.
pub(crate) fn attribute_comes_from(attribute: &Attribute, config: &Value, value: &Value) -> bool {
    if config.is_null() {
        return value.is_null() || attribute.source.is_computed();
    }
    match &attribute.kind {
        AttributeKind::Plain(_) => same_as_configured(config, value),
        AttributeKind::Nested(object) => all_come_from(object.into(), object.mode, config, value),
    }
}

fn all_come_from(members: Members<'_>, mode: Mode, config: &Value, value: &Value) -> bool {
    match (mode, config, value) {
        (Mode::Single, _, _) => comes_from(members, config, value),
        (Mode::List, Value::List(configured), Value::List(values)) => {
            configured.len() == values.len()
                && configured
                    .iter()
                    .enumerate()
                    .all(|(index, config)| comes_from(members, config, element(value, index)))
        }
        (Mode::Map, Value::Map(configured), Value::Map(values)) => {
            configured.len() == values.len()
                && configured
                    .iter()
                    .all(|(key, config)| comes_from(members, config, entry(value, key)))
        }
        (Mode::Set, Value::Set(_), Value::Set(values)) => {
            let mut unpaired = Unpaired::new(config);
            values.iter().all(|value| {
                unpaired
                    .take(|config| comes_from(members, config, value))
                    .is_some()
            }) && unpaired.is_empty()
        }
        (_, config, value) => same_as_configured(config, value),
    }
}
