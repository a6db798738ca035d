//! Machines are servers of an OpenStack cloud: made by Nova, in a network of Neutron's, reached over SSH.
//!
//! What belongs to a cluster says so from the call that makes it (`labels.rs`). The record of a cluster and the claim
//! on it are images of Glance's without content (`kept.rs`): [why](../../../../docs/decisions/0025-platform-openstack.md).
//! A server is told to be reachable and no more (`ssh_node/user_data.rs`); what makes it a node is done over SSH.

mod access;
mod check;
mod claim;
mod client;
mod exec;
mod image;
mod kept;
mod labels;
mod machine;
mod network;
mod observe;
mod offer;
mod port;
mod record;
mod server;
mod settings;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream;
use tokio::sync::Mutex;

pub use access::{CloudAccess, InvalidAccess};
pub use settings::{Authentication, NameOrId, OpenStackSettings};

use self::client::Client;
use self::image::{ListedFlavor, ListedImage};
use crate::model::{
    ClusterId, ClusterRecord, ClusterSpec, Finding, Flavor, ImageName, Machine, MachineSize,
    Network, NetworkSpec, NodeName, NodeSpec, ObservedCluster, Offer, OperationId, Owner,
};
use crate::platform::making::Making;
use crate::platform::ssh_node::{Hosts, Packages};
use crate::platform::{
    ImageStream, MachineRequest, Machines, Platform, PlatformError, Retry, Scope,
};
use crate::transport::Exec;

const NAME: &str = "openstack";

/// A project of a cloud. Cheap to clone.
#[derive(Clone)]
pub struct OpenStack {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Arc<OpenStackSettings>,
    client: Client,
    packages: Packages,
    making: Making,
    /// What was asked once, and does not change while one configuration works.
    images: Mutex<HashMap<String, ListedImage>>,
    flavors: Mutex<HashMap<String, ListedFlavor>>,
    groups: Mutex<HashMap<ClusterId, String>>,
    servers: server::Looks,
    hosts: Hosts,
}

impl OpenStack {
    /// The project that `settings` name. No I/O but the reading of the system's CAs.
    pub fn new(mut settings: OpenStackSettings) -> Self {
        let packages = Packages(std::mem::take(&mut settings.packages));
        let identities = std::mem::take(&mut settings.identities);
        let hosts = Hosts::new(settings.user.clone(), identities, &settings.bastions);
        let settings = Arc::new(settings);
        Self {
            shared: Arc::new(Shared {
                client: Client::new(Arc::clone(&settings)),
                settings,
                packages,
                making: Making::default(),
                images: Mutex::default(),
                flavors: Mutex::default(),
                groups: Mutex::default(),
                servers: server::Looks::default(),
                hosts,
            }),
        }
    }
}

#[async_trait]
impl Platform for OpenStack {
    fn name(&self) -> &'static str {
        NAME
    }

    fn location(&self) -> String {
        let settings = &self.shared.settings;
        let region = settings.region.as_deref().unwrap_or_default();
        format!(
            "{} {region} {}",
            settings.auth_url,
            settings.authentication.whose()
        )
    }

    fn machines(&self) -> Machines {
        Machines::Real
    }

    fn machines_share_a_host(&self) -> bool {
        false
    }

    async fn observe(&self, scope: &Scope) -> Result<Vec<ObservedCluster>, PlatformError> {
        self.observe_clusters(scope).await
    }

    async fn offer(&self) -> Result<Offer, PlatformError> {
        Box::pin(self.all_offered()).await
    }

    async fn size_of(&self, flavor: Option<&Flavor>) -> Result<Option<MachineSize>, PlatformError> {
        match self.flavor_for(flavor).await {
            Ok(found) => Ok(Some(found.size())),
            Err(error) if error.retry() == Retry::Never => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn check(
        &self,
        spec: &ClusterSpec,
        nodes: &[NodeSpec],
        observed: Option<&ObservedCluster>,
    ) -> Result<Vec<Finding>, PlatformError> {
        Box::pin(self.check_request(spec, nodes, observed)).await
    }

    async fn ensure_image(&self, image: &ImageName) -> Result<String, PlatformError> {
        Ok(self.image_for(image).await?.id)
    }

    async fn image_ids(
        &self,
        images: &[ImageName],
    ) -> Result<BTreeMap<ImageName, String>, PlatformError> {
        self.ids_of_images(images).await
    }

    /// Images of a cloud are disks: no node can load one.
    async fn export_image(&self, image: &ImageName) -> Result<ImageStream, PlatformError> {
        let refused = PlatformError::Refused {
            what: format!("read image {image}"),
            reason: "the cloud's images are disks of machines".to_owned(),
            help: None,
            retry: Retry::Never,
        };
        Ok(Box::pin(stream::once(async move {
            Err(std::io::Error::other(refused))
        })))
    }

    async fn ensure_network(
        &self,
        owner: &Owner,
        want: &NetworkSpec,
    ) -> Result<Network, PlatformError> {
        self.network_for(owner, want).await
    }

    async fn ensure_machine(
        &self,
        owner: &Owner,
        request: &MachineRequest,
    ) -> Result<Machine, PlatformError> {
        self.machine_for(owner, request).await
    }

    async fn start_machine(&self, machine: &Machine) -> Result<(), PlatformError> {
        self.start_server(machine).await
    }

    async fn stop_machine(&self, machine: &Machine) -> Result<(), PlatformError> {
        self.stop_server(machine).await
    }

    async fn delete_machine(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        self.remove_machine(cluster, node).await
    }

    /// They are folders of the machine, and gone with it.
    async fn delete_volumes(
        &self,
        _cluster: ClusterId,
        _node: &NodeName,
    ) -> Result<(), PlatformError> {
        Ok(())
    }

    async fn delete_network(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.remove_networks(cluster).await
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
        self.channel_to(machine)
    }
}
