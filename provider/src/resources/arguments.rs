//! From the values of arguments to what they mean, as far as they are known.

use terraform_framework::{Attr, Diagnostic, Diagnostics, Path};

/// Why a value is not there: it is not known yet, or it is wrong.
pub(crate) enum Missing {
    NotYet,
    Wrong(Diagnostics),
}

impl From<Diagnostic> for Missing {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Wrong(diagnostic.into())
    }
}

/// The value of an argument that has to be there.
pub(crate) fn required<T: Clone>(value: &Attr<T>, path: Path) -> Result<T, Missing> {
    optional(value)?.ok_or_else(|| {
        Diagnostic::error("A value is missing", "It is required.")
            .at(path)
            .into()
    })
}

/// The value, or what it is where nobody says.
pub(crate) fn or_default<T: Clone>(value: &Attr<T>, default: impl Into<T>) -> Result<T, Missing> {
    Ok(optional(value)?.unwrap_or_else(|| default.into()))
}

/// The value, if there is one.
pub(crate) fn optional<T: Clone>(value: &Attr<T>) -> Result<Option<T>, Missing> {
    match value {
        Attr::Unknown => Err(Missing::NotYet),
        Attr::Null => Ok(None),
        Attr::Known(value) => Ok(Some(value.clone())),
    }
}
