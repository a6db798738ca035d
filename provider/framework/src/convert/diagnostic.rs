//! Diagnostics, as Terraform shows them to the user.

use super::path;
use crate::proto::tfplugin6;
use crate::{Diagnostic, Diagnostics, Severity};

pub(crate) fn to_proto(diagnostics: Diagnostics) -> Vec<tfplugin6::Diagnostic> {
    diagnostics.into_iter().map(one_to_proto).collect()
}

fn one_to_proto(diagnostic: Diagnostic) -> tfplugin6::Diagnostic {
    let severity = match diagnostic.severity {
        Severity::Error => tfplugin6::diagnostic::Severity::Error,
        Severity::Warning => tfplugin6::diagnostic::Severity::Warning,
    };
    tfplugin6::Diagnostic {
        severity: severity.into(),
        summary: diagnostic.summary,
        detail: diagnostic.detail,
        attribute: diagnostic.path.as_ref().map(path::to_proto),
    }
}
