//! Machines that are containers of a Docker Engine.
//!
//! Every object carries the owner's labels from the call that creates it; labels, and nothing else, are
//! what this platform knows its objects by. A label cannot be changed, so the cluster's record is a
//! volume that is replaced as a whole (`record.rs`). What a stopped container no longer tells in the
//! engine's list (address, ports) is in its labels, so that one look is three list calls whatever the
//! number of nodes.

mod archive;
mod balancer;
mod check;
mod claim;
mod connection;
mod container;
mod exec;
mod image;
mod labels;
mod machine;
mod network;
mod observe;
mod offer;
mod ports;
mod privileges;
mod record;
mod reference;
mod settings;
mod subnets;
mod volume;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use tokio::sync::{Mutex, OnceCell};

pub use settings::{DockerSettings, InvalidDockerHost};

use self::privileges::Privileges;
use self::settings::EngineAddress;
use crate::model::{
    Balancer, ClusterId, ClusterRecord, ClusterSpec, Finding, Flavor, ImageName, Machine,
    MachineSize, Network, NetworkSpec, NodeName, NodeSpec, ObservedCluster, Offer, OperationId,
    Owner,
};
use crate::platform::making::Making;
use crate::platform::{
    BalancerRequest, Balances, ImageStream, MachineRequest, Machines, Platform, PlatformError,
    Scope,
};
use crate::transport::Exec;

const NAME: &str = "docker";

/// One Docker Engine. Cheap to clone.
#[derive(Clone)]
pub struct Docker {
    shared: Arc<Shared>,
}

struct Shared {
    settings: DockerSettings,
    address: EngineAddress,
    client: OnceCell<bollard::Docker>,
    privileges: OnceLock<Privileges>,
    /// Held while the engine is asked for them.
    asking: Mutex<()>,
    making: Making,
}

impl Docker {
    /// The engine that `settings` name. No I/O: the connection is made at the first call.
    pub fn connect(settings: DockerSettings) -> Result<Self, InvalidDockerHost> {
        let address = settings.address()?;
        Ok(Self {
            shared: Arc::new(Shared {
                settings,
                address,
                client: OnceCell::new(),
                privileges: OnceLock::new(),
                asking: Mutex::default(),
                making: Making::default(),
            }),
        })
    }
}

#[async_trait]
impl Platform for Docker {
    fn name(&self) -> &'static str {
        NAME
    }

    fn location(&self) -> String {
        self.shared.address.to_string()
    }

    fn machines(&self) -> Machines {
        Machines::Real
    }

    async fn observe(&self, scope: &Scope) -> Result<Vec<ObservedCluster>, PlatformError> {
        self.observe_clusters(scope).await
    }

    async fn offer(&self) -> Result<Offer, PlatformError> {
        self.all_offered().await
    }

    async fn size_of(&self, flavor: Option<&Flavor>) -> Result<Option<MachineSize>, PlatformError> {
        Ok(crate::platform::flavor::size_of(flavor))
    }

    async fn check(
        &self,
        spec: &ClusterSpec,
        nodes: &[NodeSpec],
        observed: Option<&ObservedCluster>,
    ) -> Result<Vec<Finding>, PlatformError> {
        self.check_request(spec, nodes, observed).await
    }

    async fn ensure_image(&self, image: &ImageName) -> Result<String, PlatformError> {
        self.find_or_pull_image(image).await
    }

    async fn image_ids(
        &self,
        images: &[ImageName],
    ) -> Result<BTreeMap<ImageName, String>, PlatformError> {
        self.find_images(images).await
    }

    async fn export_image(&self, image: &ImageName) -> Result<ImageStream, PlatformError> {
        self.image_content(image).await
    }

    async fn ensure_network(
        &self,
        owner: &Owner,
        want: &NetworkSpec,
    ) -> Result<Network, PlatformError> {
        self.find_or_create_network(owner, want).await
    }

    async fn ensure_machine(
        &self,
        owner: &Owner,
        request: &MachineRequest,
    ) -> Result<Machine, PlatformError> {
        self.find_or_make_machine(owner, request).await
    }

    async fn start_machine(&self, machine: &Machine) -> Result<(), PlatformError> {
        self.start_container(machine).await
    }

    async fn stop_machine(&self, machine: &Machine) -> Result<(), PlatformError> {
        self.stop_container(machine).await
    }

    async fn delete_machine(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        self.remove_containers(cluster, node).await
    }

    async fn delete_volumes(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        self.remove_node_volumes(cluster, node).await
    }

    async fn delete_network(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.remove_networks(cluster).await
    }

    fn balances(&self) -> Option<&dyn Balances> {
        Some(self)
    }

    async fn put_record(&self, owner: &Owner, record: &ClusterRecord) -> Result<(), PlatformError> {
        self.replace_record(owner, record).await
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
        self.remove_claim(cluster, operation).await
    }

    async fn delete_record(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.remove_records(cluster).await
    }

    fn exec(&self, machine: &Machine) -> Arc<dyn Exec> {
        Arc::new(exec::ContainerExec::new(
            self.clone(),
            &machine.id,
            machine.spec.name.clone(),
        ))
    }
}

#[async_trait]
impl Balances for Docker {
    async fn ensure_balancer(
        &self,
        owner: &Owner,
        request: &BalancerRequest,
    ) -> Result<Balancer, PlatformError> {
        self.find_or_make_balancer(owner, request).await
    }

    async fn delete_balancer(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.remove_balancers(cluster).await
    }
}
