//! The channel to a node that is a container: `docker exec`, three calls a command.

use std::error::Error;
use std::io;
use std::pin::Pin;

use async_trait::async_trait;
use bollard::container::LogOutput;
use bollard::errors::Error as ApiError;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::{Stream, StreamExt, future};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio_util::io::StreamReader;

use super::Docker;
use super::connection::status;
use crate::model::{NodeName, Secret};
use crate::platform::{PlatformError, Retry};
use crate::transport::{Command, Duplex, Exec, ExecError, NodeFile, Output, Stdin};

/// How much of a command an error shows.
const SHOWN_CHARACTERS: usize = 120;
/// How much of a dead container's log an error shows.
const SHOWN_LOG_LINES: &str = "10";
const OUTPUT_BUFFER_BYTES: usize = 64 * 1024;

/// Runs commands in one container.
pub(super) struct ContainerExec {
    docker: Docker,
    container: String,
    node: NodeName,
}

type ChannelError = Box<dyn Error + Send + Sync>;
type CommandOutput = Pin<Box<dyn Stream<Item = Result<LogOutput, ApiError>> + Send>>;
type CommandInput = Pin<Box<dyn AsyncWrite + Send>>;

/// The node's container does not run.
#[derive(Debug, thiserror::Error)]
#[error("its container does not run; the last lines of its log are:\n{log}")]
struct NotRunning {
    log: String,
}

impl ContainerExec {
    pub(super) fn new(docker: Docker, container: &str, node: NodeName) -> Self {
        Self {
            docker,
            container: container.to_owned(),
            node,
        }
    }

    fn channel_failed(&self, command: String, source: ChannelError) -> ExecError {
        ExecError::Channel {
            node: self.node.clone(),
            command,
            retry: retry(source.as_ref()),
            source,
        }
    }

    async fn execute(&self, argv: Vec<String>, stdin: Stdin) -> Result<Output, ChannelError> {
        let reads = !matches!(stdin, Stdin::Empty);
        let (exec, mut output, input) = self.start(argv, reads).await?;
        let client = self.docker.client().await?;

        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let feeding = feed(input, stdin);
        tokio::pin!(feeding);
        let mut fed = !reads;
        // The command's end is the end of its output: one that does not read all of its input, or whose
        // input never ends, ends all the same.
        loop {
            tokio::select! {
                written = &mut feeding, if !fed => { written?; fed = true; }
                piece = output.next() => match piece {
                    Some(piece) => match piece.map_err(|error| self.docker.failure("read the output", error))? {
                        LogOutput::StdErr { message } => stderr.extend_from_slice(&message),
                        LogOutput::StdOut { message }
                        | LogOutput::Console { message }
                        | LogOutput::StdIn { message } => stdout.extend_from_slice(&message),
                    },
                    None => break,
                },
            }
        }
        let status = self.exit_status(client, &exec).await?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    /// Starts a command: its id, what it writes, and what it reads.
    async fn start(
        &self,
        argv: Vec<String>,
        reads: bool,
    ) -> Result<(String, CommandOutput, CommandInput), ChannelError> {
        let client = self.docker.client().await?;
        let config = ExecConfig {
            attach_stdin: Some(reads),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(argv),
            ..ExecConfig::default()
        };
        let exec = match client.create_exec(&self.container, config).await {
            Ok(created) => created.id,
            Err(error) => return Err(self.explain(error).await),
        };
        let options = StartExecOptions {
            output_capacity: Some(OUTPUT_BUFFER_BYTES),
            ..Default::default()
        };
        let started = client.start_exec(&exec, Some(options)).await;
        match started.map_err(|error| self.docker.failure("start the command", error))? {
            StartExecResults::Attached { output, input } => Ok((exec, output, input)),
            StartExecResults::Detached => Err("the engine ran the command detached".into()),
        }
    }

    /// The output may end a moment before the engine has noted the exit status.
    async fn exit_status(&self, client: &bollard::Docker, exec: &str) -> Result<i64, ChannelError> {
        loop {
            let state = client
                .inspect_exec(exec)
                .await
                .map_err(|error| self.docker.failure("ask for the exit status", error))?;
            if let (Some(false), Some(status)) = (state.running, state.exit_code) {
                return Ok(status);
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// A container that ended says why in its log, and only there.
    async fn explain(&self, error: ApiError) -> ChannelError {
        if status(&error) != Some(409) {
            return self
                .docker
                .failure("make ready for the command", error)
                .into();
        }
        let Ok(client) = self.docker.client().await else {
            return error.into();
        };
        let options = LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .tail(SHOWN_LOG_LINES)
            .build();
        let mut lines = client.logs(&self.container, Some(options));
        let mut log = String::new();
        while let Some(Ok(line)) = lines.next().await {
            log.push_str("  ");
            log.push_str(&line.to_string());
        }
        NotRunning {
            log: log.trim_end().to_owned(),
        }
        .into()
    }
}

/// As much of a command as an error shows.
fn shown(command: &Command) -> String {
    let text = command.argv.join(" ");
    text.chars().take(SHOWN_CHARACTERS).collect()
}

/// A container that does not run will not by itself, and what the engine refused it will refuse again.
fn retry(error: &(dyn Error + Send + Sync + 'static)) -> Retry {
    if error.is::<NotRunning>() {
        return Retry::Never;
    }
    error
        .downcast_ref::<PlatformError>()
        .map_or(Retry::Later, PlatformError::retry)
}

/// Writes all of `stdin` and then its end. That the command does not read it is not an error of the
/// channel: the command's own status tells.
async fn feed<W: AsyncWrite + Unpin>(mut input: W, stdin: Stdin) -> Result<(), ChannelError> {
    match stdin {
        Stdin::Empty => return Ok(()),
        Stdin::Bytes(bytes) => {
            if input.write_all(bytes.expose()).await.is_err() {
                return Ok(());
            }
        }
        Stdin::Stream(mut pieces) => {
            while let Some(piece) = pieces.next().await {
                if input.write_all(&piece?).await.is_err() {
                    return Ok(());
                }
                // What is written may wait in a buffer for more, which need not come before an answer.
                if input.flush().await.is_err() {
                    return Ok(());
                }
            }
        }
    }
    let _ = input.shutdown().await;
    Ok(())
}

#[async_trait]
impl Exec for ContainerExec {
    fn node(&self) -> &NodeName {
        &self.node
    }

    async fn run(&self, command: Command) -> Result<Output, ExecError> {
        let shown = shown(&command);
        self.execute(command.argv, command.stdin)
            .await
            .map_err(|source| self.channel_failed(shown, source))
    }

    async fn open(&self, command: Command) -> Result<Box<dyn Duplex>, ExecError> {
        let shown = shown(&command);
        let (_, output, input) = self
            .start(command.argv, true)
            .await
            .map_err(|source| self.channel_failed(shown, source))?;
        let node = self.node.clone();
        let written = output.filter_map(move |piece| {
            future::ready(match piece {
                Ok(LogOutput::StdOut { message } | LogOutput::Console { message }) => {
                    Some(Ok(message))
                }
                Ok(LogOutput::StdErr { message }) => {
                    let complaint = String::from_utf8_lossy(&message);
                    tracing::debug!("{node}: {}", complaint.trim_end());
                    None
                }
                Ok(LogOutput::StdIn { .. }) => None,
                Err(error) => Some(Err(io::Error::other(error))),
            })
        });
        let reader = StreamReader::new(written);
        Ok(Box::new(tokio::io::join(reader, input)))
    }

    async fn read_file(&self, path: &str) -> Result<Option<Secret<Vec<u8>>>, ExecError> {
        let read = self.docker.download(&self.container, path).await;
        read.map_err(|error| ExecError::Channel {
            node: self.node.clone(),
            command: format!("read {path}"),
            retry: error.retry(),
            source: error.into(),
        })
    }

    /// The engine's archive call removes an old file before it writes the new one: the new files go
    /// beside the old ones, and one command moves them all into place.
    async fn put_files(&self, files: &[NodeFile]) -> Result<(), ExecError> {
        const SUFFIX: &str = ".coe-new";
        const MOVE_EACH: &str = "set -e; for path do mv -f -- \"$path.coe-new\" \"$path\"; done";
        if files.is_empty() {
            return Ok(());
        }
        let mut command = Command::new(["sh", "-c", MOVE_EACH, "sh"]);
        command
            .argv
            .extend(files.iter().map(|file| file.path.clone()));
        self.docker
            .upload(&self.container, files, SUFFIX)
            .await
            .map_err(|error| ExecError::Channel {
                node: self.node.clone(),
                command: "put files".to_owned(),
                retry: error.retry(),
                source: error.into(),
            })?;
        let output = self.run(command).await?;
        if output.status == 0 {
            return Ok(());
        }
        Err(ExecError::Failed {
            node: self.node.clone(),
            command: "mv".to_owned(),
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr)
                .trim_end()
                .to_owned(),
        })
    }
}
