//! Scripts on nodes.

use crate::coe::CoeError;
use crate::model::Secret;
use crate::transport::{Command, Exec};

/// How much of what a command complained of an error shows.
const SHOWN_LINES: usize = 15;

/// A script of bash, whose `/dev/tcp` is used.
pub(super) fn script(text: String) -> Command {
    Command {
        argv: vec!["bash".to_owned(), "-c".to_owned(), text],
        ..Command::shell("")
    }
}

/// The same, which reads what may be secret.
pub(super) fn reading(text: String, input: Secret<Vec<u8>>) -> Command {
    script(text).with_secret(input)
}

/// Runs a command whose failure is an error.
pub(super) async fn succeed(node: &dyn Exec, what: &str, command: Command) -> Result<(), CoeError> {
    let output = node.run(command).await?;
    if output.status == 0 {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(CoeError::Refused {
        what: what.to_owned(),
        node: node.node().clone(),
        reason: format!(
            "ended with {}:\n{}",
            output.status,
            last_lines(&complaint, SHOWN_LINES)
        ),
    })
}

/// The last lines of the kubelet's log, for an error that they may explain.
pub(super) async fn last_words_of_kubelet(node: &dyn Exec) -> Option<String> {
    let ask = Command::new([
        "journalctl",
        "--unit=kubelet",
        "--no-pager",
        "--lines=5",
        "--output=cat",
    ]);
    let said = node.run(ask).await.ok()?;
    let said = String::from_utf8_lossy(&said.stdout).trim_end().to_owned();
    (!said.is_empty()).then_some(said)
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
