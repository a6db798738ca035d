//! The one channel to nodes, on every platform: run a command, put files.

pub mod ssh;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::model::{NodeName, Secret};
use crate::platform::Retry;

/// What a command reads.
pub enum Stdin {
    /// Nothing.
    Empty,
    /// These bytes, which may be secret.
    Bytes(Secret<Vec<u8>>),
    /// A stream of any length: an image.
    Stream(BoxStream<'static, Result<Bytes, std::io::Error>>),
}

/// A command for a node. Its arguments are seen by everybody on the node: secrets go by `stdin`.
pub struct Command {
    /// The program and its arguments; no shell unless the program is one.
    pub argv: Vec<String>,
    /// What it reads.
    pub stdin: Stdin,
}

impl Command {
    /// A command that reads nothing.
    pub fn new<const N: usize>(argv: [&str; N]) -> Self {
        Self {
            argv: argv.iter().map(ToString::to_string).collect(),
            stdin: Stdin::Empty,
        }
    }

    /// A POSIX shell script.
    pub fn shell(script: impl Into<String>) -> Self {
        Self {
            argv: vec!["sh".to_owned(), "-c".to_owned(), script.into()],
            stdin: Stdin::Empty,
        }
    }

    /// The same command, reading `secret`.
    #[must_use]
    pub fn with_secret(mut self, secret: Secret<Vec<u8>>) -> Self {
        self.stdin = Stdin::Bytes(secret);
        self
    }
}

/// How a command ended.
#[derive(Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit status.
    pub status: i64,
    /// What it wrote. May hold secrets: no `Debug`.
    pub stdout: Vec<u8>,
    /// What it complained of.
    pub stderr: Vec<u8>,
}

/// A file for a node.
#[derive(Clone)]
pub struct NodeFile {
    /// Absolute.
    pub path: String,
    /// Permissions, `0o600` for secrets. The owner is root.
    pub mode: u32,
    /// What is in it.
    pub content: Secret<Vec<u8>>,
}

/// Why a node could not be worked on.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The channel to the node failed.
    #[error("could not run `{command}` on {node}")]
    Channel {
        /// The node.
        node: NodeName,
        /// The command without its input.
        command: String,
        /// What came back.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
        /// Whether the same command may be run later.
        retry: Retry,
    },
    /// The command ran and failed.
    #[error("`{command}` ended with {status} on {node}: {stderr}")]
    Failed {
        /// The node.
        node: NodeName,
        /// The command without its input.
        command: String,
        /// Its exit status.
        status: i64,
        /// The end of what it complained of.
        stderr: String,
    },
}

impl ExecError {
    /// Whether the same command may succeed when it is run again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Channel { retry, .. } => *retry,
            Self::Failed { .. } => Retry::Never,
        }
    }
}

/// Both directions of a stream to a node.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A node that commands can be run on.
///
/// Dropping a future of it leaves a command that was started running on the node: what is sent must
/// bear being sent again.
#[async_trait]
pub trait Exec: Send + Sync {
    /// The node.
    fn node(&self) -> &NodeName;

    /// Runs `command` to its end, whatever its exit status.
    async fn run(&self, command: Command) -> Result<Output, ExecError>;

    /// Starts `command`, whose own input is not used: what is written to the stream is what it reads, and
    /// what it writes comes out of the stream. It is told to end when the stream is dropped.
    async fn open(&self, command: Command) -> Result<Box<dyn Duplex>, ExecError>;

    /// What is in a file; `None`: there is none. A machine that does not run is read as well, where its
    /// platform can reach into it.
    async fn read_file(&self, path: &str) -> Result<Option<Secret<Vec<u8>>>, ExecError>;

    /// Puts files in place, each atomically, with their folders (mode 0755, or 0700 where all files in
    /// it are 0600).
    async fn put_files(&self, files: &[NodeFile]) -> Result<(), ExecError>;
}
