//! One run of the real `terraform`, or of the provider by hand.

use std::fmt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// How a run ended, and all that it printed.
pub struct Run {
    command: String,
    output: Output,
}

impl Run {
    pub(crate) fn new(command: String, output: Output) -> Self {
        Self { command, output }
    }

    /// What it printed, standard output first, without colours.
    pub fn text(&self) -> String {
        without_colours(&format!(
            "{}{}",
            String::from_utf8_lossy(&self.output.stdout),
            String::from_utf8_lossy(&self.output.stderr)
        ))
    }

    /// What it printed, in one line: terraform wraps its messages at the width of the terminal.
    pub fn unwrapped(&self) -> String {
        self.text()
            .lines()
            .map(|line| line.trim_start_matches(['│', '╷', '╵', ' ']))
            .collect::<Vec<_>>()
            .join(" ")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Its standard output alone.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Its exit status; `None`: a signal ended it.
    pub fn status(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// The same run, which has to have succeeded.
    ///
    /// # Panics
    /// When it did not.
    #[must_use = "a run that succeeded has something to say"]
    pub fn succeeded(self) -> Self {
        assert!(self.output.status.success(), "{self}");
        self
    }

    /// The same run, which has to have failed and to have said each of `words`.
    ///
    /// # Panics
    /// When it succeeded, or did not say one of them.
    pub fn failed_saying(self, words: &[&str]) -> Self {
        assert!(
            !self.output.status.success(),
            "it should have failed: {self}"
        );
        let said = self.unwrapped();
        for word in words {
            assert!(said.contains(word), "it should have said {word:?}: {self}");
        }
        self
    }
}

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} ended with {}\n{}",
            self.command,
            self.output.status,
            self.text()
        )
    }
}

/// Terraform has no variable that turns its colours off for every command.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    plain
}

/// A terraform that is about to start in `folder`, with the provider that was built from the sources.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let terraform = std::env::var_os("COE_TEST_TERRAFORM").unwrap_or_else(|| "terraform".into());
    let mut command = Command::new(terraform);
    command
        .args(arguments)
        .current_dir(folder)
        .env("TF_CLI_CONFIG_FILE", folder.join("terraform.rc"))
        .env("TF_IN_AUTOMATION", "1")
        .env("CHECKPOINT_DISABLE", "1")
        // Journals go with the test, and are not among those of who runs it.
        .env("XDG_STATE_HOME", folder.join("state"))
        .stdin(Stdio::null());
    command
}
