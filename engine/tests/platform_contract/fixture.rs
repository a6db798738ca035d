//! Clusters to try a platform with, and their removal when a test has ended in whatever way.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use coe_engine::coe::{Boot, FirstProcess};
use coe_engine::model::{
    ClusterId, ClusterRecord, ClusterSpec, CoeKind, ControlPlaneCount, DesiredState, Drain,
    Finding, ImageName, Machine, Network, NetworkSpec, NodeGroup, NodeName, NodeSpec, NodeVolume,
    ObservedCluster, OperationId, Owner, Pace, Phase, PortMapping, Protocol, Role, Secret, Subject,
    VolumeLife, WaitFor,
};
use coe_engine::platform::{MachineRequest, Platform, PlatformError, Scope};
use coe_engine::transport::{Command, NodeFile};
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};

use super::{Foreign, Harness, MakesObjects};

/// Where the volume of the nodes here is mounted.
pub const VOLUME_PATH: &str = "/var/lib/contract";
/// A file that boot puts on each node, outside its volume.
pub const BOOT_FILE: &str = "/etc/contract/boot";

/// Runs a test, then removes all that it made, then says how it ended.
pub async fn run<H, T>(harness: H, test: impl FnOnce(Arc<Fixture<H>>) -> T)
where
    H: Harness,
    T: Future<Output = ()>,
{
    let fixture = Arc::new(Fixture::new(harness));
    let ended = AssertUnwindSafe(test(Arc::clone(&fixture)))
        .catch_unwind()
        .await;
    let removed = AssertUnwindSafe(fixture.remove_all()).catch_unwind().await;
    if let Err(panic) = ended.and(removed) {
        std::panic::resume_unwind(panic);
    }
}

/// A platform, and what a test made on it.
pub struct Fixture<H> {
    pub harness: H,
    clusters: Mutex<Vec<ClusterId>>,
    foreign: Mutex<Vec<(Foreign, String)>>,
}

impl<H: Harness> Fixture<H> {
    /// The platform, and nothing on it yet.
    pub fn new(harness: H) -> Self {
        Self {
            harness,
            clusters: Mutex::default(),
            foreign: Mutex::default(),
        }
    }

    /// A cluster with a name of its own and nothing on the platform yet.
    pub fn cluster(&self) -> Cluster {
        let id = ClusterId::new();
        self.clusters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(id);
        let unique: String = id.to_string().chars().take(8).collect();
        Cluster {
            platform: self.harness.platform(),
            owner: Owner {
                cluster: id,
                cluster_name: format!("contract-{unique}").parse().unwrap(),
                operation: OperationId::new(),
                deadline: Timestamp::now() + SignedDuration::from_mins(10),
                host: None,
            },
            image: self.harness.image(),
            image_of_users: self.harness.image_of_users(),
            command: self.harness.command(),
        }
    }

    async fn remove_all(&self) {
        let clusters =
            std::mem::take(&mut *self.clusters.lock().unwrap_or_else(PoisonError::into_inner));
        for cluster in clusters {
            remove_cluster(&*self.harness.platform(), cluster).await;
        }
        let foreign =
            std::mem::take(&mut *self.foreign.lock().unwrap_or_else(PoisonError::into_inner));
        for (kind, name) in foreign {
            self.harness.remove_foreign(kind, &name).await;
        }
    }
}

impl<H: MakesObjects> Fixture<H> {
    /// An object of somebody else's.
    pub async fn foreign(&self, kind: Foreign, name: &str) {
        self.harness.make_foreign(kind, name).await;
        self.foreign
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((kind, name.to_owned()));
    }
}

/// Removes all that carries the cluster's labels.
pub async fn remove_cluster(platform: &dyn Platform, cluster: ClusterId) {
    for observed in platform.observe(&Scope::Id(cluster)).await.unwrap() {
        for node in observed.machines.keys() {
            platform.delete_machine(cluster, node).await.unwrap();
        }
        for node in observed.volumes.keys() {
            platform.delete_volumes(cluster, node).await.unwrap();
        }
    }
    if let Some(balances) = platform.balances() {
        balances.delete_balancer(cluster).await.unwrap();
    }
    platform.delete_network(cluster).await.unwrap();
    platform.delete_record(cluster).await.unwrap();
}

/// A cluster, as far as a platform knows of clusters.
#[derive(Clone)]
pub struct Cluster {
    pub platform: Arc<dyn Platform>,
    pub owner: Owner,
    pub image: ImageName,
    pub image_of_users: Option<ImageName>,
    pub command: Vec<String>,
}

impl Cluster {
    pub fn id(&self) -> ClusterId {
        self.owner.cluster
    }

    pub fn name(&self) -> String {
        self.owner.cluster_name.to_string()
    }

    /// What a user would ask for.
    pub fn spec(&self) -> ClusterSpec {
        ClusterSpec {
            name: self.owner.cluster_name.clone(),
            description: String::new(),
            coe: CoeKind::Swarm,
            labels: BTreeMap::new(),
            version: None,
            control_planes: ControlPlaneCount::try_from(1).unwrap(),
            workers: 1,
            control_plane_flavor: None,
            flavor: None,
            image: self.image_of_users.clone(),
            preload_images: Vec::new(),
            ports: Vec::new(),
            mounts: Vec::new(),
            volumes: Vec::new(),
            network: NetworkSpec::Isolated,
            desired_state: DesiredState::Running,
            pace: Pace::default(),
            drain: Drain::default(),
            wait_for: WaitFor::default(),
        }
    }

    pub fn node_name(&self, ordinal: u32) -> NodeName {
        self.owner.cluster_name.node(Role::Worker, ordinal).unwrap()
    }

    /// A worker with one volume.
    pub fn node(&self, ordinal: u32) -> NodeSpec {
        NodeSpec {
            name: self.node_name(ordinal),
            role: Role::Worker,
            group: NodeGroup::Pool,
            image: self.image.clone(),
            flavor: None,
            ports: Vec::new(),
            mounts: Vec::new(),
            volumes: vec![NodeVolume {
                name: "data".to_owned(),
                path: VOLUME_PATH.to_owned(),
                size: None,
                life: VolumeLife::Node,
            }],
            labels: BTreeMap::new(),
        }
    }

    /// The same, with a port of the host; `None`: one that the platform chooses.
    pub fn node_with_port(&self, ordinal: u32, host_port: Option<u16>) -> NodeSpec {
        let node = self.node(ordinal);
        let port = self.port(ordinal, host_port);
        NodeSpec {
            ports: vec![port],
            ..node
        }
    }

    pub fn port(&self, ordinal: u32, host_port: Option<u16>) -> PortMapping {
        PortMapping {
            node: self.node_name(ordinal),
            node_port: 7_777,
            host_port,
            listen_address: IpAddr::from([127, 0, 0, 1]),
            protocol: Protocol::Tcp,
        }
    }

    pub fn request(&self, network: &Network, ordinal: u32, spec: NodeSpec) -> MachineRequest {
        let mut free = network
            .subnet
            .hosts()
            .filter(|address| !network.taken.contains(address));
        MachineRequest {
            spec,
            address: free.nth(ordinal as usize).unwrap(),
            network: network.clone(),
            boot: Boot {
                first_process: FirstProcess::Service,
                files: vec![file(BOOT_FILE, "booted")],
                command: self.command.clone(),
            },
        }
    }

    pub async fn ensure_network(&self) -> Network {
        self.platform
            .ensure_network(&self.owner, &NetworkSpec::Isolated)
            .await
            .unwrap()
    }

    pub async fn try_machine(
        &self,
        network: &Network,
        ordinal: u32,
        spec: NodeSpec,
    ) -> Result<Machine, PlatformError> {
        let request = self.request(network, ordinal, spec);
        self.platform.ensure_machine(&self.owner, &request).await
    }

    pub async fn ensure_machine(&self, network: &Network, ordinal: u32) -> Machine {
        self.try_machine(network, ordinal, self.node(ordinal))
            .await
            .unwrap()
    }

    /// Leaves something of the cluster on the platform, and nothing of a node.
    pub async fn begin(&self) {
        if !self.ensure_network().await.owned {
            self.platform
                .put_record(&self.owner, &self.record(""))
                .await
                .unwrap();
        }
    }

    /// What is there of it.
    pub async fn observe(&self) -> Option<ObservedCluster> {
        let mut found = self.platform.observe(&Scope::Id(self.id())).await.unwrap();
        assert!(found.len() <= 1, "an id names one cluster");
        found.pop()
    }

    pub async fn findings(&self, spec: &ClusterSpec, nodes: &[NodeSpec]) -> Vec<Finding> {
        self.platform
            .check(spec, nodes, self.observe().await.as_ref())
            .await
            .unwrap()
    }

    pub fn record(&self, description: &str) -> ClusterRecord {
        ClusterRecord {
            spec: ClusterSpec {
                description: description.to_owned(),
                ..self.spec()
            },
            created_at: Timestamp::UNIX_EPOCH,
            preloaded: BTreeMap::new(),
            addresses: BTreeMap::new(),
            api_ports: BTreeMap::new(),
            balancer_port: None,
            departed: BTreeSet::new(),
            subnet: None,
            initialized: true,
            phase: Phase::There,
            coe_labels: None,
            put_off: BTreeMap::new(),
            groups: BTreeMap::new(),
        }
    }

    pub async fn read(&self, machine: &Machine, path: &str) -> Option<String> {
        let output = self
            .platform
            .exec(machine)
            .run(Command::new(["cat", path]))
            .await
            .unwrap();
        (output.status == 0).then(|| String::from_utf8(output.stdout).unwrap())
    }

    pub async fn write(&self, machine: &Machine, path: &str, text: &str) {
        self.platform
            .exec(machine)
            .put_files(&[file(path, text)])
            .await
            .unwrap();
    }
}

pub fn file(path: &str, text: &str) -> NodeFile {
    NodeFile {
        path: path.to_owned(),
        mode: 0o600,
        content: Secret::new(text.as_bytes().to_vec()),
    }
}

/// The subjects of findings, for a comparison that does not hang on words.
pub fn subjects(findings: &[Finding]) -> Vec<Subject> {
    findings
        .iter()
        .map(|finding| finding.subject.clone())
        .collect()
}
