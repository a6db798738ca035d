//! Commands on a machine that is reached over SSH: one round trip each, on a channel of their own.

use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelStream, ChannelWriteHalf};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::error::{SshError, SshErrorKind};
use super::{SshHost, quoted};
use crate::model::{NodeName, Secret};
use crate::transport::{Command, Duplex, Exec, ExecError, NodeFile, Output, Stdin};

/// How much of a command an error shows.
const SHOWN_CHARACTERS: usize = 120;
/// By which status a file that is not there is told; no program of `read_file` ends with it otherwise.
const NO_SUCH_FILE: i64 = 44;
/// RFC 4254, 5.2: the type of extended data that is the standard error.
const STDERR: u32 = 1;
/// What a channel takes at once.
const PIECE_BYTES: usize = 32 * 1024;

/// Runs commands as root on one machine.
pub(crate) struct SshExec {
    host: Arc<SshHost>,
    node: NodeName,
    /// What runs commands, and may refuse to: files are read and put without it.
    guard: Vec<String>,
}

/// Tells the server that the command is not waited for any more, whatever becomes of the future that did.
struct Closing(Option<ChannelWriteHalf<Msg>>);

impl Drop for Closing {
    fn drop(&mut self) {
        if let (Some(half), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { half.close().await });
        }
    }
}

impl SshExec {
    pub(crate) fn new(host: Arc<SshHost>, node: NodeName) -> Self {
        Self {
            host,
            node,
            guard: Vec::new(),
        }
    }

    /// The same, whose commands are the last arguments of `guard`: whoever may not run them says so.
    pub(crate) fn guarded(self, guard: Vec<String>) -> Self {
        Self { guard, ..self }
    }

    /// The command as the user's shell is given it. Whoever is not root becomes root first.
    fn line(&self, argv: &[String]) -> String {
        let command = quoted(argv);
        if self.host.address.user == "root" {
            return command;
        }
        format!("sudo -n -- {command}")
    }

    fn failed(&self, command: &str, source: SshError) -> ExecError {
        ExecError::Channel {
            node: self.node.clone(),
            command: command.to_owned(),
            retry: source.kind.retry(),
            source: source.into(),
        }
    }

    fn lost(&self, command: &str, error: &russh::Error) -> ExecError {
        let kind = SshErrorKind::connection("speak to it", error);
        self.failed(
            command,
            SshError {
                location: self.host.location(),
                kind,
            },
        )
    }

    async fn start(
        &self,
        guard: &[String],
        argv: &[String],
        shown: &str,
    ) -> Result<Channel<Msg>, ExecError> {
        let opened = self.host.channel().await;
        let channel = opened.map_err(|error| self.failed(shown, error))?;
        tracing::debug!("{}: $ {shown}", self.node);
        let started = channel
            .exec(false, self.line(&[guard, argv].concat()))
            .await;
        started.map_err(|error| self.lost(shown, &error))?;
        Ok(channel)
    }

    async fn execute(
        &self,
        guard: &[String],
        argv: &[String],
        stdin: Stdin,
    ) -> Result<Output, ExecError> {
        let shown = shown(argv);
        // Never closed: the permit is always given.
        let _turn = self.host.commands.acquire().await.ok();
        let (mut reading, writing) = self.start(guard, argv, &shown).await?.split();
        let writing = Closing(Some(writing));
        let feeding = feed(writing.0.as_ref(), stdin);
        tokio::pin!(feeding);
        let mut fed = false;
        let mut heard = Heard::new(&self.node);
        // The command's end is the end of its channel, whether or not it has read all of its input.
        loop {
            tokio::select! {
                written = &mut feeding, if !fed => {
                    fed = true;
                    written.map_err(|error| self.lost(&shown, &russh::Error::IO(error)))?;
                }
                message = reading.wait() => match message {
                    Some(message) => heard.take(message),
                    None => break,
                },
            }
        }
        heard.output(self, &shown)
    }
}

/// What has come from a command until now.
struct Heard<'a> {
    node: &'a NodeName,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// How much of the complaints has been logged.
    logged: usize,
    status: Option<i64>,
    killed_by: Option<String>,
}

impl<'a> Heard<'a> {
    fn new(node: &'a NodeName) -> Self {
        Self {
            node,
            stdout: Vec::new(),
            stderr: Vec::new(),
            logged: 0,
            status: None,
            killed_by: None,
        }
    }

    fn take(&mut self, message: ChannelMsg) {
        match message {
            ChannelMsg::Data { data } => self.stdout.extend_from_slice(&data),
            ChannelMsg::ExtendedData { data, ext: STDERR } => {
                self.stderr.extend_from_slice(&data);
                self.log_lines();
            }
            ChannelMsg::ExitStatus { exit_status } => self.status = Some(exit_status.into()),
            ChannelMsg::ExitSignal { signal_name, .. } => {
                self.killed_by = Some(format!("{signal_name:?}"));
            }
            _ => {}
        }
    }

    /// What a command writes may be secret; what it complains of is not.
    fn log_lines(&mut self) {
        while let Some(end) = self.stderr[self.logged..]
            .iter()
            .position(|byte| *byte == b'\n')
        {
            let line = &self.stderr[self.logged..self.logged + end];
            tracing::debug!("{}: {}", self.node, String::from_utf8_lossy(line));
            self.logged += end + 1;
        }
    }

    fn output(self, exec: &SshExec, shown: &str) -> Result<Output, ExecError> {
        let status = match (self.status, self.killed_by) {
            (Some(status), _) => status,
            // As a shell tells it.
            (None, Some(signal)) => {
                tracing::debug!("{}: `{shown}` was ended by {signal}", self.node);
                128
            }
            (None, None) => return Err(exec.lost(shown, &russh::Error::Disconnect)),
        };
        Ok(Output {
            status,
            stdout: self.stdout,
            stderr: self.stderr,
        })
    }
}

fn shown(argv: &[String]) -> String {
    argv.join(" ").chars().take(SHOWN_CHARACTERS).collect()
}

/// Writes all of `stdin` and then its end. That the command does not read it is not an error of the channel: the
/// command's own status tells.
async fn feed(half: Option<&ChannelWriteHalf<Msg>>, stdin: Stdin) -> io::Result<()> {
    let Some(half) = half else { return Ok(()) };
    match stdin {
        Stdin::Empty => {}
        Stdin::Bytes(bytes) => {
            for piece in bytes.expose().chunks(PIECE_BYTES) {
                if half
                    .data_bytes(Bytes::copy_from_slice(piece))
                    .await
                    .is_err()
                {
                    return Ok(());
                }
            }
        }
        Stdin::Stream(mut pieces) => {
            while let Some(piece) = pieces.next().await {
                if half.data_bytes(piece?).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
    _ = half.eof().await;
    Ok(())
}

/// A stream to a command. It holds the connection for as long as it lives.
struct CommandStream {
    stream: ChannelStream<Msg>,
    _host: Arc<SshHost>,
}

impl AsyncRead for CommandStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for CommandStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[async_trait]
impl Exec for SshExec {
    fn node(&self) -> &NodeName {
        &self.node
    }

    async fn run(&self, command: Command) -> Result<Output, ExecError> {
        self.execute(&self.guard, &command.argv, command.stdin)
            .await
    }

    async fn open(&self, command: Command) -> Result<Box<dyn Duplex>, ExecError> {
        let channel = self
            .start(&self.guard, &command.argv, &shown(&command.argv))
            .await?;
        Ok(Box::new(CommandStream {
            stream: channel.into_stream(),
            _host: Arc::clone(&self.host),
        }))
    }

    async fn read_file(&self, path: &str) -> Result<Option<Secret<Vec<u8>>>, ExecError> {
        const READ: &str = "[ -e \"$1\" ] || exit 44; exec cat -- \"$1\"";
        let argv = ["sh", "-c", READ, "sh", path].map(str::to_owned);
        let output = self.execute(&[], &argv, Stdin::Empty).await?;
        match output.status {
            0 => Ok(Some(Secret::new(output.stdout))),
            NO_SUCH_FILE => Ok(None),
            status => Err(ExecError::Failed {
                node: self.node.clone(),
                command: format!("read {path}"),
                status,
                stderr: complaint(&output.stderr),
            }),
        }
    }

    /// One command takes all contents on its input, one after the other, and moves the files into place when all are
    /// there.
    async fn put_files(&self, files: &[NodeFile]) -> Result<(), ExecError> {
        if files.is_empty() {
            return Ok(());
        }
        let length = files.iter().map(|file| file.content.expose().len()).sum();
        let mut contents = Vec::with_capacity(length);
        for file in files {
            contents.extend_from_slice(file.content.expose());
        }
        let argv = ["sh", "-c", &placing(files)].map(str::to_owned);
        let stdin = Stdin::Bytes(Secret::new(contents));
        let output = self.execute(&[], &argv, stdin).await?;
        if output.status == 0 {
            return Ok(());
        }
        Err(ExecError::Failed {
            node: self.node.clone(),
            command: "put files".to_owned(),
            status: output.status,
            stderr: complaint(&output.stderr),
        })
    }
}

/// The script that reads the contents of `files` and puts them in place.
fn placing(files: &[NodeFile]) -> String {
    let mut script = "set -eu; umask 077; ".to_owned();
    let mut moves = String::new();
    for file in files {
        let folder = file.path.rsplit_once('/').map_or("/", |(folder, _)| folder);
        let in_folder = |other: &&NodeFile| {
            other.path.rsplit_once('/').map(|(folder, _)| folder) == Some(folder)
        };
        let all_private = files
            .iter()
            .filter(in_folder)
            .all(|file| file.mode == 0o600);
        let folder_mode = if all_private { 0o700 } else { 0o755 };
        let (path, new) = (
            quoted([&file.path]),
            quoted([format!("{}.coe-new", file.path)]),
        );
        let folder = quoted([folder]);
        // Writing to a text cannot fail.
        _ = write!(
            script,
            "[ -d {folder} ] || {{ (umask 022; mkdir -p {folder}); chmod {folder_mode:o} {folder}; }}; \
             head -c {length} >{new}; chown 0:0 {new}; chmod {mode:o} {new}; ",
            length = file.content.expose().len(),
            mode = file.mode,
        );
        _ = write!(moves, "mv -f {new} {path}; ");
    }
    script + &moves
}

/// The end of what a command complained of.
fn complaint(stderr: &[u8]) -> String {
    String::from_utf8_lossy(stderr).trim_end().to_owned()
}
