//! A machine, and scripts that run on it.

use std::sync::Arc;

use crate::error::chain;
use crate::model::{NodeName, Secret};
use crate::platform::{PlatformError, Retry};
use crate::transport::ssh::{SshExec, SshHost};
use crate::transport::{Command, Exec, ExecError, NodeFile, Stdin};

/// A machine of a platform.
pub(in crate::platform) struct SshMachine {
    pub(in crate::platform) name: NodeName,
    pub(in crate::platform) ssh: Arc<SshHost>,
    platform: &'static str,
    exec: SshExec,
}

impl SshMachine {
    pub(in crate::platform) fn new(
        platform: &'static str,
        name: NodeName,
        ssh: Arc<SshHost>,
    ) -> Self {
        let exec = SshExec::new(Arc::clone(&ssh), name.clone());
        Self {
            name,
            ssh,
            platform,
            exec,
        }
    }

    /// What a script wrote. `what` is what it is for; `input` is what it reads, which is no secret.
    pub(in crate::platform) async fn script(
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

    pub(in crate::platform) async fn put_files(
        &self,
        files: &[NodeFile],
    ) -> Result<(), PlatformError> {
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
                platform: self.platform,
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
