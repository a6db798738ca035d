//! Finds what Terraform would reject, and says which attribute and which rule.
//!
//! Terraform checks the same and calls the provider buggy, to the user and without a hint for the author.
//! No message has a value in it: it may be a secret.

mod applied;
mod identity;
mod known;
mod planned;

pub(crate) use applied::check_applied;
pub(crate) use identity::check_identity;
pub(crate) use known::{check_state, settled};
pub(crate) use planned::{check_answer, check_planned};

use crate::{Diagnostic, Path};

/// A rule of the protocol that a provider broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    ConfiguredValueChanged,
    NotComputedButSet,
    AppliedNotAsPlanned,
    UnknownInState,
    WriteOnlyKept,
    IdentityChanged,
    PlannedInDestroy,
    DestroyedInPlan,
}

impl Rule {
    fn text(self) -> &'static str {
        match self {
            Self::ConfiguredValueChanged => {
                "The configuration sets it, and the provider answered with another value. \
                 A configured value must come back as it is."
            }
            Self::NotComputedButSet => {
                "The configuration leaves it null and it is not computed, but the provider gave it a \
                 value. Only computed attributes may get one."
            }
            Self::AppliedNotAsPlanned => {
                "It is not what the plan promised. What the plan knew may not change in the apply; \
                 what may change must be planned as unknown."
            }
            Self::UnknownInState => "It is still unknown. Only a plan may have unknown values.",
            Self::WriteOnlyKept => {
                "It is write-only, but not null. A write-only value may be neither in a plan nor in \
                 state; it was taken out."
            }
            Self::IdentityChanged => {
                "It is part of the resource's identity, which may not change while the resource lives."
            }
            Self::PlannedInDestroy => {
                "The resource is to be destroyed, but its plan hook planned a state. A plan hook can \
                 refuse a destroy only by an error."
            }
            Self::DestroyedInPlan => {
                "The resource is configured, but its plan hook planned that it be destroyed. A plan \
                 hook must keep a planned state."
            }
        }
    }

    /// The broken rule as an error about the attribute at `path`.
    pub(crate) fn broken_at(self, path: &Path) -> Diagnostic {
        let place = if path.steps().is_empty() {
            "the resource".into()
        } else {
            path.to_string()
        };
        Diagnostic::error(
            format!("The provider broke a rule of Terraform's at {place}"),
            format!("{} This is a bug in the provider.", self.text()),
        )
        .at(path.clone())
    }
}
