//! State and identities as they were stored, perhaps by an older version.

use std::fmt;

use crate::codec::{document, json};
use crate::proto::tfplugin6::RawState;
use crate::{Diagnostic, Diagnostics, Type, Upgrader, Value};

/// What was stored, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stored<'a> {
    State(&'a str),
    Identity(&'a str),
}

impl fmt::Display for Stored<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(resource) => write!(formatter, "the state of {resource}"),
            Self::Identity(resource) => write!(formatter, "the identity of {resource}"),
        }
    }
}

/// The JSON in `raw`.
pub(super) fn json_of<'r>(
    raw: Option<&'r RawState>,
    stored: Stored<'_>,
) -> Result<&'r [u8], Diagnostics> {
    match raw {
        Some(raw) if !raw.json.is_empty() => Ok(&raw.json),
        Some(raw) if !raw.flatmap.is_empty() => Err(Diagnostic::error(
            format!("Terraform 0.11 or older wrote {stored}"),
            "That form is read no more. Apply once with Terraform 0.12 and the provider that wrote it.",
        )
        .into()),
        _ => Ok(b"null"),
    }
}

/// A JSON document that an author's code reads.
pub(super) fn parse(json: &[u8], stored: Stored<'_>) -> Result<serde_json::Value, Diagnostics> {
    document::read(json).map_err(|error| {
        Diagnostic::error(
            format!("Could not read {stored}"),
            format!("It should be JSON, but: {error}. Was the state file edited?"),
        )
        .into()
    })
}

/// A value of the type `wanted` from what an author's code wrote.
pub(super) fn decode(written: &serde_json::Value, wanted: &Type) -> Result<Value, Diagnostics> {
    Ok(json::decode(written.to_string().as_bytes(), wanted)?)
}

/// What was stored by version `from`, as version `to` has it. Attributes that it no longer has are dropped: also for
/// the same version, since this comes before every read.
pub(super) fn upgrade(
    raw: Option<&RawState>,
    from: i64,
    to: i64,
    upgraders: &[Upgrader],
    wanted: &Type,
    stored: Stored<'_>,
) -> Result<Value, Diagnostics> {
    let json = json_of(raw, stored)?;
    if from > to {
        return Err(Diagnostic::error(
            format!("A newer version of the provider wrote {stored}"),
            format!(
                "It has version {from}, and this provider knows versions up to {to}. \
                 Use a newer version of the provider."
            ),
        )
        .into());
    }
    if from == to {
        return Ok(json::decode(json, wanted)?);
    }
    let mut document = parse(json, stored)?;
    for version in from..to {
        let upgrader = upgraders.iter().find(|upgrader| upgrader.from == version);
        let upgrader = upgrader.ok_or_else(|| {
            Diagnostic::error(
                format!("The provider cannot upgrade {stored} from version {version}"),
                format!(
                    "It was stored in version {from}, and version {to} is needed. Use an older version of the \
                     provider first, which can."
                ),
            )
        })?;
        document = (upgrader.upgrade)(document)?;
    }
    decode(&document, wanted)
}
