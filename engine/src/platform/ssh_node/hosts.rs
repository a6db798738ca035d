//! The channels to the machines of a cloud: SSH, to the host key that the cloud keeps for each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::model::{Machine, NodeName, Secret};
use crate::platform::labels::{HOST_KEY, unreadable};
use crate::platform::{PlatformError, Retry};
use crate::transport::ssh::{HostKey, Identities, SshAddress, SshExec, SshHost};
use crate::transport::{Command, Duplex, Exec, ExecError, NodeFile, Output};

/// Connections to machines, by the cloud's ids of them.
pub(in crate::platform) struct Hosts {
    user: String,
    identities: Arc<Identities>,
    /// The server through which machines are reached.
    bastion: Option<Arc<SshHost>>,
    known: Mutex<HashMap<String, Arc<SshHost>>>,
}

impl Hosts {
    /// No connection yet; `bastions` are the servers through which machines are reached, the one that is reached from
    /// here first.
    pub(in crate::platform) fn new(
        user: String,
        identities: Identities,
        bastions: &[SshAddress],
    ) -> Self {
        let identities = Arc::new(identities);
        let bastion = bastions.iter().cloned().fold(None, |via, bastion| {
            Some(SshHost::new(bastion, Arc::clone(&identities), via))
        });
        Self {
            user,
            identities,
            bastion,
            known: Mutex::default(),
        }
    }

    pub(in crate::platform) fn user(&self) -> &str {
        &self.user
    }

    /// What lets in, as an SSH server is told.
    pub(in crate::platform) fn public_keys(&self) -> Vec<String> {
        self.identities.public_keys()
    }

    /// Keeps how a machine is reached.
    pub(in crate::platform) fn learn(
        &self,
        id: &str,
        (host, port): (&str, u16),
        host_key: &str,
    ) -> Result<Arc<SshHost>, PlatformError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(id) {
            return Ok(Arc::clone(known));
        }
        let key: HostKey = host_key
            .parse()
            .map_err(|error| unreadable(&format!("machine {id}"), HOST_KEY, &error))?;
        let address = SshAddress {
            host: host.to_owned(),
            port,
            user: self.user.clone(),
            host_key: Some(key),
        };
        let host = SshHost::new(address, Arc::clone(&self.identities), self.bastion.clone());
        known.insert(id.to_owned(), Arc::clone(&host));
        Ok(host)
    }

    pub(in crate::platform) fn known(&self, id: &str) -> Option<Arc<SshHost>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).cloned()
    }

    pub(in crate::platform) fn forget(&self, id: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(id);
    }
}

/// Who knows, or asks the cloud, how a machine is reached.
#[async_trait]
pub(in crate::platform) trait FindsHosts: Send + Sync {
    async fn host_of(&self, machine: &Machine) -> Result<Arc<SshHost>, PlatformError>;
}

/// A channel to a machine whose host key may still have to be asked for.
pub(in crate::platform) struct CloudExec<C> {
    pub(in crate::platform) cloud: C,
    pub(in crate::platform) machine: Machine,
}

impl<C: FindsHosts> CloudExec<C> {
    async fn over_ssh(&self, command: &str) -> Result<SshExec, ExecError> {
        let node = &self.machine.spec.name;
        let host = self.cloud.host_of(&self.machine).await;
        let host = host.map_err(|error| ExecError::Channel {
            node: node.clone(),
            command: command.to_owned(),
            retry: match error.retry() {
                Retry::Never => Retry::Never,
                later => later,
            },
            source: Box::new(error),
        })?;
        Ok(SshExec::new(host, node.clone()))
    }
}

#[async_trait]
impl<C: FindsHosts> Exec for CloudExec<C> {
    fn node(&self) -> &NodeName {
        &self.machine.spec.name
    }

    async fn run(&self, command: Command) -> Result<Output, ExecError> {
        let ssh = self.over_ssh("run a command").await?;
        ssh.run(command).await
    }

    async fn open(&self, command: Command) -> Result<Box<dyn Duplex>, ExecError> {
        let ssh = self.over_ssh("open a stream").await?;
        ssh.open(command).await
    }

    async fn read_file(&self, path: &str) -> Result<Option<Secret<Vec<u8>>>, ExecError> {
        let ssh = self.over_ssh("read a file").await?;
        ssh.read_file(path).await
    }

    async fn put_files(&self, files: &[NodeFile]) -> Result<(), ExecError> {
        let ssh = self.over_ssh("put files").await?;
        ssh.put_files(files).await
    }
}
