//! A machine of the inventory, and scripts that run on it.

use std::sync::Arc;

use async_trait::async_trait;

use super::NAME;
use crate::error::chain;
use crate::model::{NodeName, Secret};
use crate::platform::{PlatformError, Retry};
use crate::transport::ssh::{SshExec, SshHost};
use crate::transport::{Command, Duplex, Exec, ExecError, NodeFile, Output, Stdin};

/// A machine that exists.
pub(super) struct HostMachine {
    pub(super) name: NodeName,
    pub(super) ssh: Arc<SshHost>,
    exec: SshExec,
}

impl HostMachine {
    pub(super) fn new(name: NodeName, ssh: Arc<SshHost>) -> Self {
        let exec = SshExec::new(Arc::clone(&ssh), name.clone());
        Self { name, ssh, exec }
    }

    /// What a script wrote. `what` is what it is for; `input` is what it reads, which is no secret.
    pub(super) async fn script(
        &self,
        what: &str,
        script: &str,
        arguments: &[&str],
        input: &[u8],
    ) -> Result<String, PlatformError> {
        let mut command = Command::new(["sh", "-c", script, "sh"]);
        command
            .argv
            .extend(arguments.iter().map(ToString::to_string));
        if !input.is_empty() {
            command.stdin = Stdin::Bytes(Secret::new(input.to_vec()));
        }
        let output = self.exec.run(command).await;
        let output = output.map_err(|error| self.failure(what, error))?;
        if output.status == 0 {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let needs_sudo = said.contains("sudo");
        Err(PlatformError::Refused {
            what: format!("{what} on machine {}", self.name),
            reason: if said.is_empty() {
                format!("it ended with status {}", output.status)
            } else {
                said
            },
            help: needs_sudo.then(|| {
                "The user of a machine is root, or becomes root by `sudo` without a password."
                    .to_owned()
            }),
            retry: Retry::Never,
        })
    }

    pub(super) async fn put_files(&self, files: &[NodeFile]) -> Result<(), PlatformError> {
        let put = self.exec.put_files(files).await;
        put.map_err(|error| self.failure("put files", error))
    }

    fn failure(&self, what: &str, error: ExecError) -> PlatformError {
        let what = format!("{what} on machine {}", self.name);
        match error {
            ExecError::Channel {
                source,
                retry: Retry::Never,
                ..
            } => PlatformError::Refused {
                what,
                reason: chain(source.as_ref()),
                help: None,
                retry: Retry::Never,
            },
            ExecError::Channel { source, .. } => PlatformError::Unreachable {
                what,
                platform: NAME,
                address: self.ssh.location(),
                source,
            },
            failed @ ExecError::Failed { .. } => PlatformError::Refused {
                what,
                reason: chain(&failed),
                help: None,
                retry: Retry::Never,
            },
        }
    }
}

/// A machine that the inventory no longer names: it cannot be worked on.
pub(super) struct Unknown {
    node: NodeName,
    machine: String,
}

impl Unknown {
    pub(super) fn new(node: NodeName, machine: &str) -> Self {
        Self {
            node,
            machine: machine.to_owned(),
        }
    }

    fn error(&self, command: &str) -> ExecError {
        ExecError::Channel {
            node: self.node.clone(),
            command: command.to_owned(),
            source: format!("the inventory names no machine {:?}", self.machine).into(),
            retry: Retry::Never,
        }
    }
}

#[async_trait]
impl Exec for Unknown {
    fn node(&self) -> &NodeName {
        &self.node
    }

    async fn run(&self, _command: Command) -> Result<Output, ExecError> {
        Err(self.error("run a command"))
    }

    async fn open(&self, _command: Command) -> Result<Box<dyn Duplex>, ExecError> {
        Err(self.error("open a stream"))
    }

    async fn read_file(&self, path: &str) -> Result<Option<Secret<Vec<u8>>>, ExecError> {
        Err(self.error(&format!("read {path}")))
    }

    async fn put_files(&self, _files: &[NodeFile]) -> Result<(), ExecError> {
        Err(self.error("put files"))
    }
}
