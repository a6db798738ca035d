//! What drivers say of labels that are none of theirs, and of values that are none.

use crate::model::{CoeKind, Finding, Subject};

/// How much of a value that is none is shown.
const SHOWN: usize = 60;

/// Why a text is no value of a label.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoValue {
    /// The value that was probably meant.
    pub meant: Option<String>,
    /// What a value is, as a sentence without its end.
    pub allowed: String,
}

impl NoValue {
    /// A text that resembles no value.
    pub(super) fn allowed(allowed: impl Into<String>) -> Self {
        Self {
            meant: None,
            allowed: allowed.into(),
        }
    }

    /// The finding about that label.
    pub(super) fn of(self, name: &str, value: &str) -> Finding {
        let meant = self
            .meant
            .map_or_else(String::new, |meant| format!("Did you mean {meant:?}? "));
        let shown: String = value.chars().take(SHOWN).collect();
        let more = if shown.len() < value.len() { "…" } else { "" };
        Finding::error(
            Subject::Label(name.to_owned()),
            format!("{shown:?}{more} is no value of {name}"),
            format!("{meant}{}.", self.allowed),
        )
    }
}

/// The finding about a label that the COE does not have; `all` are those that it has.
pub(super) fn unknown(coe: CoeKind, name: &str, all: &[&str]) -> Finding {
    let meant = nearest(name, all.iter().copied())
        .map_or_else(String::new, |meant| format!("Did you mean {meant:?}? "));
    Finding::error(
        Subject::Label(name.to_owned()),
        format!("{coe} has no label {name:?}"),
        format!("{meant}There are {}.", all.join(", ")),
    )
}

/// The one of `all` that `text` was probably meant to be.
pub(super) fn nearest<'a>(text: &str, all: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = text.to_lowercase();
    all.into_iter()
        .map(|one| (one, strsim::jaro_winkler(&lower, &one.to_lowercase())))
        .filter(|(_, likeness)| *likeness > 0.75)
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(one, _)| one)
}
