//! Machines are instances of a CloudStack cloud, in an isolated network of their own, reached over SSH through its public
//! address.
//!
//! What belongs to a cluster says so from the call that makes it: instances in their details, networks in their display
//! text, load balancer rules in their description; what is in a network is its owner's. The record of a cluster is user
//! data, the claim on it an affinity group (`kept.rs`): [why](../../../../docs/decisions/0027-platform-cloudstack.md).
//! An instance is told to be reachable and no more (`ssh_node/user_data.rs`); what makes it a node is done over SSH.

mod access;
mod catalog;
mod check;
mod claim;
mod client;
mod instance;
mod kept;
mod lists;
mod machine;
mod network;
mod observe;
mod offer;
mod record;
mod rules;
mod settings;
mod tags;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, MutexGuard, PoisonError};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::{Mutex, OnceCell};

pub use access::{CloudStackAccess, InvalidAccess, read_ca};
pub use settings::CloudStackSettings;

use self::client::{Call, Client};
use self::lists::{ServiceOffering, Template, Zone};
use self::network::Access;
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

const NAME: &str = "cloudstack";

/// An account or a project of a cloud. Cheap to clone.
#[derive(Clone)]
pub struct CloudStack {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Arc<CloudStackSettings>,
    client: Client,
    packages: Packages,
    making: Making,
    hosts: Hosts,
    /// What was asked once, and does not change while one configuration works.
    project: OnceCell<Option<String>>,
    zone: OnceCell<Zone>,
    templates: OnceCell<Vec<Template>>,
    service_offerings: OnceCell<Vec<ServiceOffering>>,
    /// How networks are reached, by their ids.
    reached: std::sync::Mutex<HashMap<String, Access>>,
    /// Who makes a load balancer rule.
    balancing: Mutex<()>,
    /// Whether the account may expunge, as far as is known.
    expunges: AtomicBool,
    /// Whether the cloud registers user data, as far as is known.
    registers_user_data: AtomicBool,
}

impl Shared {
    fn reached(&self) -> MutexGuard<'_, HashMap<String, Access>> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CloudStack {
    /// The account that `settings` name. No I/O but the reading of the system's CAs.
    pub fn new(mut settings: CloudStackSettings) -> Self {
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
                hosts,
                project: OnceCell::new(),
                zone: OnceCell::new(),
                templates: OnceCell::new(),
                service_offerings: OnceCell::new(),
                reached: std::sync::Mutex::default(),
                balancing: Mutex::default(),
                expunges: AtomicBool::new(true),
                registers_user_data: AtomicBool::new(true),
            }),
        }
    }

    /// The same call in the project, where there is one.
    async fn of_project(&self, call: Call) -> Result<Call, PlatformError> {
        Ok(call.maybe("projectid", self.project().await?))
    }

    /// A call that lists what the account or project has.
    async fn list_of_ours(&self, command: &'static str) -> Result<Call, PlatformError> {
        let call = self.of_project(Call::new(command)).await?;
        Ok(call.with("listall", "true"))
    }

    /// The id of the project; asked once.
    async fn project(&self) -> Result<Option<String>, PlatformError> {
        #[derive(Deserialize)]
        struct Project {
            id: String,
            name: String,
        }
        let Some(wanted) = &self.shared.settings.project else {
            return Ok(None);
        };
        let ask = async || {
            let call = Call::new("listProjects").with("listall", "true");
            let client = &self.shared.client;
            let projects: Vec<Project> = client.list("list projects", call, "project").await?;
            let is_it = |project: &&Project| project.name == *wanted || project.id == *wanted;
            let names: Vec<&str> = projects
                .iter()
                .map(|project| project.name.as_str())
                .collect();
            let found = projects.iter().find(is_it);
            let found = found.ok_or_else(|| PlatformError::Refused {
                what: format!("use project {wanted:?}"),
                reason: "the account is in no such project".to_owned(),
                help: Some(format!("It is in: {}.", names.join(", "))),
                retry: Retry::Never,
            })?;
            Ok::<_, PlatformError>(Some(found.id.clone()))
        };
        self.shared.project.get_or_try_init(ask).await.cloned()
    }
}

#[async_trait]
impl Platform for CloudStack {
    fn name(&self) -> &'static str {
        NAME
    }

    fn location(&self) -> String {
        let settings = &self.shared.settings;
        let zone = settings.zone.as_deref().unwrap_or_default();
        let whose = settings.project.as_deref().map_or_else(
            || format!("key {}", short(settings.api_key.expose())),
            |project| format!("project {project}"),
        );
        format!("{} {zone} {whose}", settings.api_url)
    }

    fn machines(&self) -> Machines {
        Machines::Real
    }

    fn machines_share_a_host(&self) -> bool {
        false
    }

    async fn observe(&self, scope: &Scope) -> Result<Vec<ObservedCluster>, PlatformError> {
        Box::pin(self.observe_clusters(scope)).await
    }

    async fn offer(&self) -> Result<Offer, PlatformError> {
        self.all_offered().await
    }

    async fn size_of(&self, flavor: Option<&Flavor>) -> Result<Option<MachineSize>, PlatformError> {
        match self.offering_for(flavor).await {
            Ok(found) => Ok(found.size()),
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
        Ok(self.template_for(image).await?.id)
    }

    async fn image_ids(
        &self,
        images: &[ImageName],
    ) -> Result<BTreeMap<ImageName, String>, PlatformError> {
        self.ids_of_images(images).await
    }

    /// Templates are disks: no node can load one.
    async fn export_image(&self, image: &ImageName) -> Result<ImageStream, PlatformError> {
        let refused = PlatformError::Refused {
            what: format!("read image {image}"),
            reason: "the cloud's templates are disks of machines".to_owned(),
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
        Box::pin(self.machine_for(owner, request)).await
    }

    async fn start_machine(&self, machine: &Machine) -> Result<(), PlatformError> {
        self.start_instance(machine).await
    }

    async fn stop_machine(&self, machine: &Machine) -> Result<(), PlatformError> {
        self.stop_instance(machine).await
    }

    async fn delete_machine(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        self.remove_machine(cluster, node).await
    }

    /// They are folders of the machine, and go with it.
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

/// A word that tells keys apart, and not what they are.
fn short(key: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.as_bytes());
    STANDARD.encode(digest.as_ref()).chars().take(8).collect()
}
