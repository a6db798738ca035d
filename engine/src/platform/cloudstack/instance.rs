//! Instances: what the cloud says of them, and what it is told to do with them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;

use super::CloudStack;
use super::client::{Call, Client, code};
use super::lists::{ListedMachine, tagged};
use crate::model::{ClusterId, Machine, MachineState, NodeName, Owner, Role};
use crate::platform::labels::{self, HOST_KEY, NETWORK_ID, NODE_ADDRESS, NODE_SPEC, belongs_to};
use crate::platform::ssh_node::{CloudExec, FindsHosts};
use crate::platform::{PlatformError, Retry};
use crate::transport::Exec;
use crate::transport::ssh::SshHost;

/// How an instance is reached.
pub(super) struct Leads {
    /// By which key its SSH server is known.
    pub(super) host_key: String,
    /// In which network it is.
    pub(super) network: String,
}

impl Leads {
    pub(super) fn of(listed: &ListedMachine) -> Result<Self, PlatformError> {
        let (object, labels) = (listed.told(), listed.labels());
        let given = || labels::parsed::<String>(&object, labels, HOST_KEY);
        let own = tagged(&listed.tags, HOST_KEY);
        Ok(Self {
            // The one that only the machine has, once it is a node.
            host_key: own.map_or_else(given, |own| Ok(own.to_owned()))?,
            network: labels::parsed(&object, labels, NETWORK_ID)?,
        })
    }
}

impl ListedMachine {
    /// As in a sentence.
    fn told(&self) -> String {
        format!("instance {} {}", self.id, self.name)
    }

    pub(super) fn is_of(&self, cluster: ClusterId) -> bool {
        belongs_to(self.labels(), cluster)
    }

    /// It holds its network until it is expunged, and is no machine any more.
    pub(super) fn is_gone(&self) -> bool {
        ["Destroyed", "Expunging", "Expunged"].contains(&self.state.as_str())
    }

    /// How the machine does: one that was not made the node is half made.
    pub(super) fn condition(&self) -> MachineState {
        let is_node = tagged(&self.tags, HOST_KEY).is_some();
        match self.state.as_str() {
            _ if !is_node && self.state != "Error" => MachineState::Created,
            "Running" | "Starting" | "Migrating" => MachineState::Running,
            "Stopped" | "Stopping" | "Shutdown" => MachineState::Stopped,
            _ => MachineState::Failed,
        }
    }

    /// The machine that it is, but for what leads to it.
    pub(super) fn machine(&self) -> Result<Machine, PlatformError> {
        let (object, labels) = (self.told(), self.labels());
        Ok(Machine {
            id: self.id.clone(),
            spec: labels::parsed_json(&object, labels, NODE_SPEC)?,
            address: labels::parsed(&object, labels, NODE_ADDRESS)?,
            state: self.condition(),
            published: std::collections::BTreeMap::new(),
            owner: labels::owner(&object, labels)?,
        })
    }
}

impl CloudStack {
    /// Instances that are there.
    pub(super) async fn machines(&self) -> Result<Vec<ListedMachine>, PlatformError> {
        let call = self.list_of_ours("listVirtualMachines").await?;
        self.listed(call).await
    }

    async fn listed(&self, call: Call) -> Result<Vec<ListedMachine>, PlatformError> {
        let client = &self.shared.client;
        let listed = client.list("list instances", call, "virtualmachine").await;
        let mut listed: Vec<ListedMachine> = listed?;
        listed.retain(|machine| !machine.is_gone());
        Ok(listed)
    }

    /// Instances of that name, whosever they are. Older clouds list what the name is a part of.
    pub(super) async fn machines_named(
        &self,
        node: &NodeName,
    ) -> Result<Vec<ListedMachine>, PlatformError> {
        let call = self.list_of_ours("listVirtualMachines").await?;
        let mut named = self.listed(call.with("name", node.as_str())).await?;
        named.retain(|machine| machine.name == node.as_str());
        Ok(named)
    }

    async fn machine_with(&self, id: &str) -> Result<Option<ListedMachine>, PlatformError> {
        let call = self.list_of_ours("listVirtualMachines").await?;
        match self.listed(call.with("id", id)).await {
            Ok(found) => Ok(found.into_iter().find(|machine| machine.id == id)),
            Err(error) => Err(error),
        }
    }

    /// See `Platform::start_machine`.
    pub(super) async fn start_instance(&self, machine: &Machine) -> Result<(), PlatformError> {
        self.act(machine, "startVirtualMachine", "Running").await?;
        self.new_machine(machine).await?.await_login().await
    }

    /// See `Platform::stop_machine`.
    pub(super) async fn stop_instance(&self, machine: &Machine) -> Result<(), PlatformError> {
        self.act(machine, "stopVirtualMachine", "Stopped").await
    }

    /// Has an instance come to a state, where it is not in it.
    async fn act(
        &self,
        machine: &Machine,
        command: &'static str,
        wanted: &str,
    ) -> Result<(), PlatformError> {
        let verb = command.trim_end_matches("VirtualMachine");
        let what = format!("{verb} instance {}", machine.spec.name);
        let is_so = async || -> Result<bool, PlatformError> {
            let found = self.machine_with(&machine.id).await?;
            Ok(found.is_some_and(|found| found.state == wanted))
        };
        if is_so().await? {
            return Ok(());
        }
        let act = || {
            let call = Call::new(command).with("id", machine.id.as_str());
            self.shared.client.carry_out(&what, call)
        };
        match Client::patiently(act).await {
            Err(failure) => {
                // Somebody else, or a call whose reply was lost.
                if is_so().await? {
                    return Ok(());
                }
                Err(failure.into())
            }
            Ok(_) => Ok(()),
        }
    }

    /// Destroys an instance and removes what leads to it. An account that may not expunge leaves it destroyed.
    pub(super) async fn remove_instance(
        &self,
        cluster: ClusterId,
        listed: &ListedMachine,
    ) -> Result<(), PlatformError> {
        let owner = labels::owner(&listed.told(), listed.labels())?;
        let role = listed.labels().get(Owner::NODE_ROLE).map(String::as_str);
        let is_balanced = role == Some(Role::ControlPlane.as_str());
        self.shared.making.nothing_is_made(cluster).await;
        self.lead_nowhere(&owner, &listed.id, is_balanced).await?;
        let what = format!("destroy instance {}", listed.name);
        let destroy = |expunge: bool| {
            let call = Call::new("destroyVirtualMachine").with("id", listed.id.as_str());
            let call = call.maybe("expunge", expunge.then_some("true"));
            self.shared.client.carry_out(&what, call)
        };
        let expunges = self.shared.expunges.load(Ordering::Relaxed);
        let mut destroyed = Client::patiently(|| destroy(expunges)).await;
        if let Err(failure) = &destroyed
            && expunges
            && (failure.is(code::ACCOUNT)
                || failure.is(code::UNSUPPORTED)
                || failure.says("xpunge"))
        {
            self.shared.expunges.store(false, Ordering::Relaxed);
            destroyed = Client::patiently(|| destroy(false)).await;
        }
        match destroyed {
            Err(failure) if !failure.is_absent() => return Err(failure.into()),
            _ => self.shared.hosts.forget(&listed.id),
        }
        Ok(())
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
impl FindsHosts for CloudStack {
    /// The machine's SSH server: as it was seen, or else as the cloud says.
    async fn host_of(&self, machine: &Machine) -> Result<Arc<SshHost>, PlatformError> {
        let refused = |reason: &str| PlatformError::Refused {
            what: format!("reach instance {}", machine.spec.name),
            reason: reason.to_owned(),
            help: None,
            retry: Retry::Never,
        };
        if let Some(known) = self.shared.hosts.known(&machine.id) {
            return Ok(known);
        }
        let listed = self.machine_with(&machine.id).await?;
        let listed = listed.ok_or_else(|| refused("it is gone"))?;
        let network = Leads::of(&listed)?.network;
        let access = self.access_to(&network).await?;
        self.learn_from(&listed, machine, &access)?;
        let known = self.shared.hosts.known(&machine.id);
        known.ok_or_else(|| refused("no port of its network leads to it"))
    }
}
