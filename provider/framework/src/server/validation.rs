//! Checks a configuration, attribute by attribute.

use super::members::{Members, member};
use crate::schema::{Secrecy, Source};
use crate::{Attribute, AttributeKind, Diagnostic, Diagnostics, Mode, Path, Value};

/// Whether the Terraform that calls knows write-only attributes (1.11 and newer).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteOnly {
    Allowed,
    NotAllowed,
}

/// What holds for all that is inside.
#[derive(Debug, Clone, Copy)]
struct Around {
    write_only: WriteOnly,
    secrecy: Secrecy,
}

/// What is wrong with `config` by the rules of its attributes. What is not known is not judged.
pub(crate) fn check_config(
    members: Members<'_>,
    config: &Value,
    write_only: WriteOnly,
) -> Diagnostics {
    let mut found = Diagnostics::new();
    let around = Around {
        write_only,
        secrecy: Secrecy::Shown,
    };
    check_object(members, config, &Path::root(), around, &mut found);
    found
}

fn check_object(
    members: Members<'_>,
    config: &Value,
    path: &Path,
    around: Around,
    found: &mut Diagnostics,
) {
    if !matches!(config, Value::Object(_)) {
        return;
    }
    for attribute in members.attributes {
        let path = path.attribute(&attribute.name);
        check_attribute(
            attribute,
            member(config, &attribute.name),
            &path,
            around,
            found,
        );
    }
    for block in members.blocks {
        let path = path.attribute(&block.name);
        let blocks = member(config, &block.name);
        if !blocks.is_null() && !blocks.is_unknown() {
            found.append(block.check(blocks, &path, around.secrecy));
        }
        check_elements(
            (&block.block).into(),
            block.mode,
            blocks,
            &path,
            around,
            found,
        );
    }
}

fn check_attribute(
    attribute: &Attribute,
    config: &Value,
    path: &Path,
    around: Around,
    found: &mut Diagnostics,
) {
    if config.is_null() {
        if attribute.source == Source::Required {
            found.push(
                Diagnostic::error(format!("{path} is missing"), "It is required here.")
                    .at(path.clone()),
            );
        }
        return;
    }
    if attribute.source == Source::Computed {
        found.push(
            Diagnostic::error(
                format!("{path} cannot be set"),
                "The provider alone gives it a value. Remove it from the configuration.",
            )
            .at(path.clone()),
        );
        return;
    }
    if attribute.write_only && around.write_only == WriteOnly::NotAllowed {
        found.push(
            Diagnostic::error(
                format!("{path} needs a newer Terraform"),
                "It is write-only: it is kept in no plan and in no state. That needs Terraform 1.11 or newer.",
            )
            .at(path.clone()),
        );
    }
    if config.is_unknown() {
        return;
    }
    found.append(attribute.check(config, path, around.secrecy));
    if let AttributeKind::Nested(object) = &attribute.kind {
        let around = Around {
            secrecy: attribute.secrecy(around.secrecy),
            ..around
        };
        check_elements(object.into(), object.mode, config, path, around, found);
    }
}

fn check_elements(
    members: Members<'_>,
    mode: Mode,
    config: &Value,
    path: &Path,
    around: Around,
    found: &mut Diagnostics,
) {
    match (mode, config) {
        (Mode::Single, config) => check_object(members, config, path, around, found),
        (_, Value::List(elements)) => {
            for (index, element) in (0..).zip(elements) {
                check_object(members, element, &path.index(index), around, found);
            }
        }
        (_, Value::Map(entries)) => {
            for (key, entry) in entries {
                check_object(members, entry, &path.key(key), around, found);
            }
        }
        (_, Value::Set(elements)) => {
            for element in elements {
                let path = path.element(element.clone());
                check_object(members, element, &path, around, found);
            }
        }
        _ => {}
    }
}
