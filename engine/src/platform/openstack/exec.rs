//! The channel to a machine: SSH, to the host key that its server carries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::Deserialize;

use super::OpenStack;
use super::client::{Call, Service};
use super::labels::HOST_KEY;
use super::server::ListedServer;
use crate::model::{Machine, NodeName, Secret};
use crate::platform::{PlatformError, Retry};
use crate::transport::ssh::{HostKey, SshAddress, SshExec, SshHost};
use crate::transport::{Command, Duplex, Exec, ExecError, NodeFile, Output};

const SSH_PORT: u16 = 22;

/// Connections to machines, by the ids of their servers.
#[derive(Default)]
pub(super) struct Hosts(Mutex<HashMap<String, Arc<SshHost>>>);

impl OpenStack {
    /// Keeps how a server is reached.
    pub(super) fn learn_host(
        &self,
        id: &str,
        address: &str,
        host_key: &str,
    ) -> Result<Arc<SshHost>, PlatformError> {
        let mut hosts = self
            .shared
            .hosts
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = hosts.get(id) {
            return Ok(Arc::clone(known));
        }
        let key: HostKey = host_key.parse().map_err(|error| {
            super::labels::unreadable(&format!("server {id}"), HOST_KEY, &error)
        })?;
        let address = SshAddress {
            host: address.to_owned(),
            port: SSH_PORT,
            user: self.shared.settings.user.clone(),
            host_key: Some(key),
        };
        let identities = Arc::clone(&self.shared.identities);
        let host = SshHost::new(address, identities, self.shared.bastion.clone());
        hosts.insert(id.to_owned(), Arc::clone(&host));
        Ok(host)
    }

    /// Keeps how a server that was listed is reached.
    pub(super) fn learn_from(
        &self,
        server: &ListedServer,
        machine: &Machine,
    ) -> Result<Arc<SshHost>, PlatformError> {
        let object = format!("server {} {}", server.id, server.name);
        let key: String = super::labels::parsed(&object, &server.metadata, HOST_KEY)?;
        self.learn_host(&machine.id, &machine.address.to_string(), &key)
    }

    pub(super) fn forget_host(&self, id: &str) {
        let mut hosts = self
            .shared
            .hosts
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        hosts.remove(id);
    }

    /// The machine's SSH server: as it was seen, or else as the cloud says.
    pub(super) async fn host_of(&self, machine: &Machine) -> Result<Arc<SshHost>, PlatformError> {
        #[derive(Deserialize)]
        struct Answer {
            server: ListedServer,
        }
        let known = {
            let hosts = self
                .shared
                .hosts
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            hosts.get(&machine.id).cloned()
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let what = format!("look at server {}", machine.spec.name);
        let call = Call::get(Service::Compute, format!("/servers/{}", machine.id));
        let answer: Answer = self.shared.client.ask(&what, call).await?;
        self.learn_from(&answer.server, machine)
    }

    /// See `Platform::exec`.
    pub(super) fn channel_to(&self, machine: &Machine) -> Arc<dyn Exec> {
        Arc::new(ServerExec {
            openstack: self.clone(),
            machine: machine.clone(),
        })
    }
}

/// A channel to a machine whose host key may still have to be asked for.
struct ServerExec {
    openstack: OpenStack,
    machine: Machine,
}

impl ServerExec {
    async fn over_ssh(&self, command: &str) -> Result<SshExec, ExecError> {
        let node = &self.machine.spec.name;
        let host = self.openstack.host_of(&self.machine).await;
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
impl Exec for ServerExec {
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
