//! Machines that exist already and are reached over SSH: drawn from an inventory, made nodes, cleaned and given back.
//!
//! Nothing is kept but on the machines. A machine that a cluster has carries a marker (`marker.rs`), which is taken
//! atomically, so that two that know nothing of each other cannot have one machine; the record of a cluster and the
//! claim on it are on every machine of the inventory that answers (`record.rs`, `claim.rs`). A look is one command
//! on each machine, on all at once.

mod check;
mod claim;
mod commission;
mod decommission;
mod inventory;
mod look;
mod marker;
mod observe;
mod place;
mod record;
mod settings;
mod unknown;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream;
use tokio::sync::Mutex;

pub use settings::{HostsSettings, MachineSettings};

use self::unknown::Unknown;
use crate::model::{
    ClusterId, ClusterRecord, ClusterSpec, Finding, ImageName, InventoryMachine, Machine, Network,
    NetworkSpec, NodeName, NodeSpec, ObservedCluster, Offer, OperationId, Owner,
};
use crate::platform::ssh_node::{Packages, SshMachine};
use crate::platform::{
    ImageStream, MachineRequest, Machines, Platform, PlatformError, Retry, Scope,
};
use crate::transport::Exec;
use crate::transport::ssh::{SshExec, SshHost};

const NAME: &str = "hosts";

const GUARD: &str = include_str!("scripts/guard.sh");

/// An inventory of machines. Cheap to clone.
#[derive(Clone)]
pub struct Hosts {
    shared: Arc<Shared>,
}

struct Shared {
    settings: HostsSettings,
    machines: BTreeMap<NodeName, SshMachine>,
    packages: Packages,
    /// Held while a machine is drawn: each draw looks for itself.
    drawing: Mutex<()>,
}

impl Hosts {
    /// The machines that `settings` name. No I/O: connections are made at the first call.
    pub fn new(mut settings: HostsSettings) -> Self {
        let identities = Arc::new(std::mem::take(&mut settings.identities));
        let bastions = settings.bastions.iter().cloned();
        let last = bastions.fold(None, |via, bastion| {
            Some(SshHost::new(bastion, Arc::clone(&identities), via))
        });
        let machines = settings.machines.iter().map(|(name, machine)| {
            let ssh = machine.ssh.clone();
            let host = SshHost::new(ssh, Arc::clone(&identities), last.clone());
            (name.clone(), SshMachine::new(NAME, name.clone(), host))
        });
        let machines = machines.collect();
        let packages = Packages(std::mem::take(&mut settings.packages));
        Self {
            shared: Arc::new(Shared {
                settings,
                machines,
                packages,
                drawing: Mutex::default(),
            }),
        }
    }

    /// What the machine of a node was asked to be cannot be had of a machine that is there: said before a write.
    fn not_here(what: impl Into<String>, reason: &str) -> PlatformError {
        PlatformError::Refused {
            what: what.into(),
            reason: reason.to_owned(),
            help: None,
            retry: Retry::Never,
        }
    }
}

#[async_trait]
impl Platform for Hosts {
    fn name(&self) -> &'static str {
        NAME
    }

    fn location(&self) -> String {
        let machines = self.shared.machines.values();
        let all: Vec<String> = machines.map(|machine| machine.ssh.location()).collect();
        all.join(",")
    }

    fn machines(&self) -> Machines {
        Machines::Real
    }

    fn makes_networks(&self) -> bool {
        false
    }

    async fn observe(&self, scope: &Scope) -> Result<Vec<ObservedCluster>, PlatformError> {
        self.observe_clusters(scope).await
    }

    async fn inventory(&self) -> Result<Vec<InventoryMachine>, PlatformError> {
        self.all_machines().await
    }

    /// The zones of the inventory: its machines have no flavors, and are of no image.
    async fn offer(&self) -> Result<Offer, PlatformError> {
        let machines = self.shared.settings.machines.values();
        let zones = machines.filter_map(|machine| machine.zone.clone());
        Ok(Offer {
            zones: zones.collect(),
            ..Offer::default()
        })
    }

    async fn check(
        &self,
        spec: &ClusterSpec,
        nodes: &[NodeSpec],
        observed: Option<&ObservedCluster>,
    ) -> Result<Vec<Finding>, PlatformError> {
        self.check_request(spec, nodes, observed).await
    }

    /// Machines are there: they are made from nothing.
    async fn ensure_image(&self, image: &ImageName) -> Result<String, PlatformError> {
        Ok(image.0.clone())
    }

    async fn image_ids(
        &self,
        _images: &[ImageName],
    ) -> Result<BTreeMap<ImageName, String>, PlatformError> {
        Ok(BTreeMap::new())
    }

    async fn export_image(&self, image: &ImageName) -> Result<ImageStream, PlatformError> {
        let reason = "machines that exist have no images to give";
        let refused = Self::not_here(format!("read image {image}"), reason);
        Ok(Box::pin(stream::once(async move {
            Err(std::io::Error::other(refused))
        })))
    }

    async fn ensure_network(
        &self,
        _owner: &Owner,
        _want: &NetworkSpec,
    ) -> Result<Network, PlatformError> {
        self.network()
            .ok_or_else(|| Self::not_here("use the network of the machines", "there is no machine"))
    }

    async fn place(&self, owner: &Owner, node: &NodeSpec) -> Result<Option<IpAddr>, PlatformError> {
        self.draw(owner, node).await.map(Some)
    }

    async fn ensure_machine(
        &self,
        owner: &Owner,
        request: &MachineRequest,
    ) -> Result<Machine, PlatformError> {
        self.commission(owner, request).await
    }

    async fn start_machine(&self, machine: &Machine) -> Result<(), PlatformError> {
        self.start_services(machine).await
    }

    async fn stop_machine(&self, machine: &Machine) -> Result<(), PlatformError> {
        self.stop_services(machine).await
    }

    async fn delete_machine(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        self.vacate(cluster, node).await
    }

    async fn delete_volumes(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        self.free(cluster, node).await
    }

    /// It is the machines' own.
    async fn delete_network(&self, _cluster: ClusterId) -> Result<(), PlatformError> {
        Ok(())
    }

    async fn put_record(&self, owner: &Owner, record: &ClusterRecord) -> Result<(), PlatformError> {
        self.write_record(owner, record).await
    }

    async fn claim(
        &self,
        owner: &Owner,
        instead_of: Option<OperationId>,
    ) -> Result<Option<Owner>, PlatformError> {
        self.take_claim(owner, instead_of).await
    }

    async fn release(
        &self,
        cluster: ClusterId,
        operation: OperationId,
    ) -> Result<(), PlatformError> {
        self.give_back_claim(cluster, operation).await
    }

    async fn delete_record(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.forget(cluster).await
    }

    fn exec(&self, machine: &Machine) -> Arc<dyn Exec> {
        let node = machine.spec.name.clone();
        let known = self
            .shared
            .machines
            .values()
            .find(|known| known.name.as_str() == machine.id);
        match known {
            Some(known) => {
                let mut guard = ["sh", "-c", GUARD, "sh"].map(str::to_owned).to_vec();
                guard.push(machine.owner.cluster.to_string());
                Arc::new(SshExec::new(Arc::clone(&known.ssh), node).guarded(guard))
            }
            None => Arc::new(Unknown::new(node, &machine.id)),
        }
    }
}
