//! What a plan may have: the configuration, and computed values where it says nothing.

use super::Rule;
use super::known::{check_state, find_kept_write_only};
use crate::schema::Source;
use crate::server::members::{Members, element, entry, member};
use crate::server::set_elements::{Unpaired, comes_from, same_as_configured};
use crate::{Attribute, AttributeKind, Diagnostics, Mode, Path, Value};

/// What is wrong with `planned`, which a plan answers to `config` and `prior`.
pub(crate) fn check_planned(
    members: Members<'_>,
    config: &Value,
    prior: Option<&Value>,
    planned: &Value,
) -> Diagnostics {
    let mut found = find_kept_write_only(members, planned);
    check_object(
        members,
        &Compared {
            path: Path::root(),
            config,
            prior,
            planned,
        },
        &mut found,
    );
    found
}

/// What is wrong with `answer`, which a data source or an ephemeral resource gives to `config`.
pub(crate) fn check_answer(members: Members<'_>, config: &Value, answer: &Value) -> Diagnostics {
    let mut found = check_state(members, answer);
    let compared = Compared {
        path: Path::root(),
        config,
        prior: None,
        planned: answer,
    };
    check_object(members, &compared, &mut found);
    found
}

struct Compared<'a> {
    path: Path,
    config: &'a Value,
    prior: Option<&'a Value>,
    planned: &'a Value,
}

impl<'a> Compared<'a> {
    fn inside(&self, path: Path, step: impl Fn(&'a Value) -> &'a Value) -> Self {
        Self {
            path,
            config: step(self.config),
            prior: self.prior.map(&step),
            planned: step(self.planned),
        }
    }

    /// A provider may keep the prior value where it means the same as the configured one (normalisation).
    fn keeps_prior(&self) -> bool {
        !self.config.is_null()
            && self
                .prior
                .is_some_and(|prior| !prior.is_null() && prior == self.planned)
    }
}

fn check_object(members: Members<'_>, compared: &Compared<'_>, found: &mut Diagnostics) {
    for attribute in members.attributes {
        let name = attribute.name.as_str();
        let inside = compared.inside(compared.path.attribute(name), |value| member(value, name));
        check_attribute(attribute, &inside, found);
    }
    for block in members.blocks {
        let name = block.name.as_str();
        let inside = compared.inside(compared.path.attribute(name), |value| member(value, name));
        check_elements((&block.block).into(), block.mode, &inside, found);
    }
}

fn check_attribute(attribute: &Attribute, compared: &Compared<'_>, found: &mut Diagnostics) {
    let Compared {
        path,
        config,
        planned,
        ..
    } = compared;
    // What is never configured is free. `ignore_changes` puts its prior value into the configuration all the same.
    if attribute.write_only || attribute.source == Source::Computed || compared.keeps_prior() {
        return;
    }
    if config.is_null() {
        if !attribute.source.is_computed() && !planned.is_null() {
            found.push(Rule::NotComputedButSet.broken_at(path));
        }
        return;
    }
    match &attribute.kind {
        AttributeKind::Nested(object) if !config.is_unknown() => {
            check_elements(object.into(), object.mode, compared, found);
        }
        _ if same_as_configured(config, planned) => {}
        _ => found.push(Rule::ConfiguredValueChanged.broken_at(path)),
    }
}

fn check_elements(
    members: Members<'_>,
    mode: Mode,
    compared: &Compared<'_>,
    found: &mut Diagnostics,
) {
    let Compared {
        path,
        config,
        planned,
        ..
    } = compared;
    match (mode, config, planned) {
        (Mode::Single, Value::Object(_), Value::Object(_)) => {
            check_object(members, compared, found);
        }
        (Mode::List, Value::List(configured), Value::List(elements))
            if configured.len() == elements.len() =>
        {
            for index in 0..elements.len() {
                let path = path.index(u32::try_from(index).unwrap_or(u32::MAX));
                let inside = compared.inside(path, |value| element(value, index));
                check_object(members, &inside, found);
            }
        }
        (Mode::Map, Value::Map(configured), Value::Map(entries))
            if configured.keys().eq(entries.keys()) =>
        {
            for key in entries.keys() {
                let inside = compared.inside(path.key(key), |value| entry(value, key));
                check_object(members, &inside, found);
            }
        }
        (Mode::Set, Value::Set(configured), Value::Set(elements))
            if configured.len() == elements.len() =>
        {
            let mut unpaired = Unpaired::new(config);
            for element in elements {
                if unpaired
                    .take(|config| comes_from(members, config, element))
                    .is_none()
                {
                    let path = path.element(element.clone());
                    found.push(Rule::ConfiguredValueChanged.broken_at(&path));
                }
            }
        }
        _ if same_as_configured(config, planned) => {}
        _ => found.push(Rule::ConfiguredValueChanged.broken_at(path)),
    }
}
