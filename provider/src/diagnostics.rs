//! From the engine's errors and findings to Terraform's diagnostics.

use std::error::Error;
use std::fmt::Write as _;

use coe_engine::error::{EngineError, Failure};
use coe_engine::model::{Finding, Severity, Subject};
use terraform_framework::{Diagnostic, Diagnostics, Path};

/// Each finding, at the argument that it is about.
pub(crate) fn findings(findings: Vec<Finding>) -> Diagnostics {
    findings.into_iter().map(diagnostic).collect()
}

fn diagnostic(finding: Finding) -> Diagnostic {
    let diagnostic = match finding.severity {
        Severity::Error => Diagnostic::error(finding.summary, finding.detail),
        Severity::Warning => Diagnostic::warning(finding.summary, finding.detail),
    };
    match path(&finding.subject) {
        Some(path) => diagnostic.at(path),
        None => diagnostic,
    }
}

/// The argument of `coe_container_cluster` that spells `subject`.
fn path(subject: &Subject) -> Option<Path> {
    let attribute = Path::attribute_name;
    let element = |name: &str, index: usize| {
        let list = attribute(name.to_owned());
        u32::try_from(index).map_or(list.clone(), |index| list.index(index))
    };
    Some(match subject {
        Subject::Cluster => return None,
        Subject::Name => attribute("name".to_owned()),
        Subject::Version => attribute("cluster_version".to_owned()),
        Subject::Label(key) => attribute("labels".to_owned()).key(key.clone()),
        Subject::ControlPlanes => attribute("control_plane_count".to_owned()),
        Subject::Workers => attribute("node_count".to_owned()),
        Subject::Flavor => attribute("flavor".to_owned()),
        Subject::ControlPlaneFlavor => attribute("control_plane_flavor".to_owned()),
        Subject::Image => attribute("image".to_owned()),
        Subject::PreloadImage(index) => element("preload_images", *index),
        Subject::Port(index) => element("ports", *index),
        Subject::Mount(index) => element("mounts", *index),
        Subject::Volume(index) => element("volumes", *index),
        Subject::Network => attribute("network".to_owned()),
        Subject::DesiredState => attribute("desired_state".to_owned()),
    })
}

/// An error of the engine's, with everything that caused it.
pub(crate) fn engine_error(error: &EngineError) -> Diagnostics {
    Diagnostic::error(summary(error), with_causes(error)).into()
}

/// A failed operation, with what it left behind.
pub(crate) fn failure_diagnostics(failure: &Failure) -> Diagnostics {
    let mut detail = with_causes(&failure.error);
    if !failure.leftovers.is_empty() {
        detail.push_str("\nWhat could not be removed, and stays in state until it is:");
        for leftover in &failure.leftovers {
            let _ = write!(detail, "\n  - {leftover}");
        }
    }
    Diagnostic::error(summary(&failure.error), detail).into()
}

/// The first line of an error, which a reader sees before the rest.
fn summary(error: &EngineError) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let mut characters = line.chars();
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).collect())
        .unwrap_or_default()
}

/// An error and what caused it, each said once, a line each.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            let _ = write!(text, "\n{said}");
        }
        cause = error.source();
    }
    text
}
