//! Where journals are kept when nobody says where.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use terraform_framework::{Diagnostic, Diagnostics};

/// The folder of journals of the user who runs this process.
///
/// State that belongs to one machine, by the XDG Base Directory Specification: a relative path there is to be
/// ignored.
pub(crate) fn default_dir() -> Result<PathBuf, Diagnostics> {
    dir_in(|name| std::env::var_os(name)).ok_or_else(|| {
        Diagnostic::error(
            "No folder for journals",
            "What is being done to clusters is remembered in a folder of the user who runs Terraform, and neither \
             XDG_STATE_HOME nor HOME names one. Set one of them, or `journal_dir` in the provider's configuration.",
        )
        .at(terraform_framework::Path::attribute_name("journal_dir"))
        .into()
    })
}

fn dir_in(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(Path::new(".local/state"))))?;
    Some(state.join("coe/journal"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir_with(variables: &[(&str, &str)]) -> Option<PathBuf> {
        dir_in(|name| {
            let found = variables.iter().find(|(of, _)| *of == name)?;
            Some(found.1.into())
        })
    }

    #[test]
    fn the_state_folder_comes_before_the_home() {
        let both = [("XDG_STATE_HOME", "/state"), ("HOME", "/home/a")];
        assert_eq!(dir_with(&both), Some("/state/coe/journal".into()));
        let home = Some("/home/a/.local/state/coe/journal".into());
        assert_eq!(dir_with(&both[1..]), home);
        let relative = [("XDG_STATE_HOME", "state"), ("HOME", "/home/a")];
        assert_eq!(dir_with(&relative), home);
    }

    #[test]
    fn nobodys_journals_have_no_folder() {
        assert_eq!(dir_with(&[]), None);
        assert_eq!(dir_with(&[("HOME", "")]), None);
    }
}
