//! How a machine is reached: at its address, by the host key that its server carries.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use super::OpenStack;
use super::client::{Call, Service};
use super::labels::{self, HOST_KEY};
use super::server::ListedServer;
use crate::model::Machine;
use crate::platform::PlatformError;
use crate::platform::ssh_node::{CloudExec, FindsHosts};
use crate::transport::Exec;
use crate::transport::ssh::SshHost;

const SSH_PORT: u16 = 22;

impl OpenStack {
    /// Keeps how a server is reached.
    pub(super) fn learn_host(
        &self,
        id: &str,
        address: &str,
        host_key: &str,
    ) -> Result<Arc<SshHost>, PlatformError> {
        self.shared.hosts.learn(id, (address, SSH_PORT), host_key)
    }

    /// Keeps how a server that was listed is reached.
    pub(super) fn learn_from(
        &self,
        server: &ListedServer,
        machine: &Machine,
    ) -> Result<Arc<SshHost>, PlatformError> {
        let object = format!("server {} {}", server.id, server.name);
        let key: String = labels::parsed(&object, &server.metadata, HOST_KEY)?;
        self.learn_host(&machine.id, &machine.address.to_string(), &key)
    }

    pub(super) fn forget_host(&self, id: &str) {
        self.shared.hosts.forget(id);
    }

    /// See `Platform::exec`.
    pub(super) fn channel_to(&self, machine: &Machine) -> Arc<dyn Exec> {
        Arc::new(CloudExec {
            cloud: self.clone(),
            machine: machine.clone(),
        })
    }
}

#[async_trait]
impl FindsHosts for OpenStack {
    /// The machine's SSH server: as it was seen, or else as the cloud says.
    async fn host_of(&self, machine: &Machine) -> Result<Arc<SshHost>, PlatformError> {
        #[derive(Deserialize)]
        struct Answer {
            server: ListedServer,
        }
        if let Some(known) = self.shared.hosts.known(&machine.id) {
            return Ok(known);
        }
        let what = format!("look at server {}", machine.spec.name);
        let call = Call::get(Service::Compute, format!("/servers/{}", machine.id));
        let answer: Answer = self.shared.client.ask(&what, call).await?;
        self.learn_from(&answer.server, machine)
    }
}
