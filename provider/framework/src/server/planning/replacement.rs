//! Which changes replace the resource.

use crate::server::members::null;
use crate::{Diagnostic, Diagnostics, Path, Step, Value};

/// Those of `paths` where `planned` differs from `prior`, each once. Inside what is null everything is null. An error
/// for a path that is in neither: Terraform calls that an invalid plan.
pub(crate) fn replaced_paths(
    paths: &[Path],
    prior: &Value,
    planned: &Value,
) -> Result<Vec<Path>, Diagnostics> {
    let mut changed = Vec::new();
    for path in paths {
        let path = until_set(path);
        let (before, after) = (find(prior, &path), find(planned, &path));
        if before.is_none() && after.is_none() {
            return Err(Diagnostic::error(
                "The provider planned to replace a resource for an attribute that it does not have",
                format!("Nothing is at {path}. This is a bug in the provider."),
            )
            .into());
        }
        if before.unwrap_or(null()) != after.unwrap_or(null()) && !changed.contains(&path) {
            changed.push(path);
        }
    }
    Ok(changed)
}

/// `path` up to the first set: the wire has no spelling for what is inside it.
fn until_set(path: &Path) -> Path {
    path.steps()
        .iter()
        .take_while(|step| !matches!(step, Step::Element(_)))
        .fold(Path::root(), |path, step| path.step(step.clone()))
}

fn find<'a>(root: &'a Value, path: &Path) -> Option<&'a Value> {
    path.steps()
        .iter()
        .try_fold(root, |value, step| match value {
            Value::Unknown(_) | Value::Null => Some(value),
            _ => value.get(step),
        })
}
