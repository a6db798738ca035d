//! From the engine's errors and findings to Terraform's diagnostics.

use std::error::Error;
use std::fmt::Write as _;

use coe_engine::error::{EngineError, Failure};
use coe_engine::model::{Finding, Severity, Subject};
use coe_engine::platform::PlatformError;
use coe_engine::saga::StepError;
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

/// The argument of `coe_container_cluster` or `coe_cluster_node` that spells `subject`.
fn path(subject: &Subject) -> Option<Path> {
    let attribute = |name: &str| Path::attribute_name(name);
    let element = |name: &str, index: usize| {
        let list = attribute(name);
        u32::try_from(index).map_or(list.clone(), |index| list.index(index))
    };
    Some(match subject {
        Subject::Cluster => return None,
        Subject::Name => attribute("name"),
        Subject::Version => attribute("cluster_version"),
        Subject::Label(key) => attribute("labels").key(key.clone()),
        Subject::ControlPlanes => attribute("control_plane_count"),
        Subject::Workers => attribute("node_count"),
        Subject::Flavor => attribute("flavor"),
        Subject::ControlPlaneFlavor => attribute("control_plane_flavor"),
        Subject::Image => attribute("image"),
        Subject::PreloadImage(index) => element("preload_images", *index),
        Subject::Port(index) => element("ports", *index),
        Subject::Mount(index) => element("mounts", *index),
        Subject::Volume(index) => element("volumes", *index),
        Subject::Network => attribute("network"),
        Subject::DesiredState => attribute("desired_state"),
        Subject::NodeLabel(key) => attribute("node_labels").key(key.clone()),
        Subject::Taints => attribute("taints"),
    })
}

/// What is said of an error of the engine's in a call that did not do `what`: "The cluster could not be read".
pub(crate) fn failed(what: &'static str) -> impl FnOnce(EngineError) -> Diagnostics {
    move |error| match error {
        EngineError::Invalid(wrong) => findings(wrong),
        error => Diagnostic::error(what, sentence(&error)).into(),
    }
}

/// What is said of an operation that did not do `what`, with what it left behind.
pub(crate) fn failed_operation(what: &'static str, failure: &Failure) -> Diagnostics {
    if let EngineError::Invalid(wrong) = &failure.error
        && failure.leftovers.is_empty()
    {
        return findings(wrong.clone());
    }
    let mut detail = sentence(&failure.error);
    if !failure.leftovers.is_empty() {
        detail.push_str("\n\nWhat could not be removed, and stays in state until it is:");
        for leftover in &failure.leftovers {
            let _ = write!(detail, "\n  - {leftover}");
        }
    }
    let diagnostic = Diagnostic::error(what, detail);
    let no_room = matches!(
        &failure.error,
        EngineError::Step {
            source: StepError::Platform(PlatformError::NoRoom { .. }),
            ..
        }
    );
    match path(&Subject::Workers).filter(|_| no_room) {
        Some(path) => diagnostic.at(path).into(),
        None => diagnostic.into(),
    }
}

/// An error with its causes, as the beginning of a text.
pub(crate) fn sentence(error: &dyn Error) -> String {
    let text = with_causes(error);
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => text,
    }
}

/// An error and what caused it, each said once, a line each.
fn with_causes(error: &dyn Error) -> String {
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
