//! What makes networks and machines.

mod balancer;
mod cloud;
pub mod cloudstack;
pub mod docker;
mod flavor;
pub mod hosts;
mod http;
mod labels;
mod making;
pub mod openstack;
pub mod simulated;
mod ssh_node;
mod subnets;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use crate::coe::Boot;
use crate::model::{
    Balancer, ClusterId, ClusterName, ClusterRecord, ClusterSpec, Finding, Flavor, ImageName,
    InventoryMachine, Machine, MachineSize, Network, NetworkSpec, NodeName, NodeSpec,
    ObservedCluster, Offer, OperationId, Owner, inventory,
};
use crate::transport::Exec;

/// Which clusters to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All that carry our labels.
    All,
    /// One, by its id.
    Id(ClusterId),
    /// Those of a name: a finished one and leftovers.
    Name(ClusterName),
}

/// Whether a platform's machines are real.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machines {
    /// They run commands.
    Real,
    /// They keep files and run nothing: a COE on them is rehearsed and not run. While one runs, it
    /// takes files, and answers to `cat <path>…` (without a path: what it reads) and `find <folder>…`
    /// (the paths of the files below); both leave out what is not there. `/net/<address>/<path>` is a
    /// path on the machine of the same network that has that address, as long as it runs.
    Pretended,
}

/// A machine to be made.
#[derive(Clone)]
pub struct MachineRequest {
    /// What it should be; kept with the machine.
    pub spec: NodeSpec,
    /// Its address in `network`.
    pub address: IpAddr,
    /// The network.
    pub network: Network,
    /// What it runs from its start.
    pub boot: Boot,
}

/// A balancer to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalancerRequest {
    /// The cluster's network, which it is in.
    pub network: Network,
    /// What the cluster's machines are made from: an image that is there.
    pub image: ImageName,
    /// The port of the control planes, and its own.
    pub port: u16,
    /// The port of the platform's host that leads to it; `None`: any that is free.
    pub host_port: Option<u16>,
    /// The control planes, by their addresses; not none.
    pub targets: BTreeSet<IpAddr>,
}

/// A platform that puts balancers before control planes. What [`Platform`] promises holds here too.
#[async_trait]
pub trait Balances: Send + Sync {
    /// Makes sure that the cluster has a balancer that runs and leads to all of `request.targets` that take
    /// connections, and to none that has stopped to. One that leads elsewhere, or that does not run, is made
    /// anew; clients lose their connections then. It keeps its port of the host where that is free.
    async fn ensure_balancer(
        &self,
        owner: &Owner,
        request: &BalancerRequest,
    ) -> Result<Balancer, PlatformError>;

    /// Deletes the cluster's balancer.
    async fn delete_balancer(&self, cluster: ClusterId) -> Result<(), PlatformError>;
}

/// An image's content, as the platform gives it.
pub type ImageStream = BoxStream<'static, Result<Bytes, std::io::Error>>;

/// Whether a call that was refused may succeed when it is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It will be refused again.
    Never,
    /// It may.
    Later,
    /// It may, and the platform asks to be left alone for that long (RFC 9110, 10.2.3: `Retry-After`).
    After(Duration),
}

/// Why a platform could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// The platform did not answer at all.
    #[error("{what}: {platform} does not answer at {address}")]
    Unreachable {
        /// What was tried.
        what: String,
        /// Which platform.
        platform: &'static str,
        /// Where.
        address: String,
        /// What came back.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The platform answered that it will not.
    #[error("{what}: {reason}{}", sentence_of(help.as_deref()))]
    Refused {
        /// What was tried, on what.
        what: String,
        /// What came back.
        reason: String,
        /// What helps.
        help: Option<String>,
        /// Whether the same call may succeed later.
        retry: Retry,
    },
    /// There is no room for a machine, or its owner may not have one more.
    #[error("{what}: {reason}{}", sentence_of(Some(help)))]
    NoRoom {
        /// What was tried, on what.
        what: String,
        /// What came back.
        reason: String,
        /// What helps.
        help: String,
    },
    /// An object of that name is there and is not ours.
    #[error("{kind} {name:?} exists and does not belong to this cluster; it was not touched")]
    Foreign {
        /// container, network, volume, …
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The image is not there and cannot be fetched.
    #[error("image {image} is not on {platform} and could not be pulled: {reason}")]
    NoImage {
        /// The image.
        image: ImageName,
        /// Which platform.
        platform: &'static str,
        /// What came back.
        reason: String,
    },
}

impl PlatformError {
    /// Whether the same call may succeed when it is made again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. } => Retry::Later,
            Self::Refused { retry, .. } => *retry,
            Self::NoRoom { .. } | Self::Foreign { .. } | Self::NoImage { .. } => Retry::Never,
        }
    }
}

/// What helps, after what came back.
fn sentence_of(help: Option<&str>) -> String {
    help.map(|help| format!(". {help}")).unwrap_or_default()
}

/// What makes networks and machines.
///
/// Every write is an *ensure*: asked twice it acts once, and what it makes carries the owner's labels
/// from the very call that makes it. Deleting what is absent succeeds. An object that carries another
/// cluster's labels, or none, is [`PlatformError::Foreign`] and is never touched. Any future may be
/// dropped at any await; asked again, the call converges.
#[async_trait]
pub trait Platform: Send + Sync {
    /// As in the provider's configuration: `docker`.
    fn name(&self) -> &'static str;

    /// Where it is: two platforms of one name at different places have nothing in common.
    fn location(&self) -> String;

    /// Whether its machines are real.
    fn machines(&self) -> Machines;

    /// Whether machines that start at the same time hold one another up, because one host runs all of them.
    fn machines_share_a_host(&self) -> bool {
        true
    }

    /// Whether clusters get networks of their own; else machines are in the network that they are in.
    fn makes_networks(&self) -> bool {
        true
    }

    /// Everything that carries our labels and is in `scope`, in a constant number of calls whatever
    /// the number of nodes. `members`, `unreachable` and `ca_certificate` are left empty: only the
    /// COE knows them.
    async fn observe(&self, scope: &Scope) -> Result<Vec<ObservedCluster>, PlatformError>;

    /// Every machine, whoever has it, in the order of their names. A platform that makes machines has those of nodes alone.
    async fn inventory(&self) -> Result<Vec<InventoryMachine>, PlatformError> {
        let mut machines = inventory::of_clusters(&self.observe(&Scope::All).await?);
        machines.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(machines)
    }

    /// What clusters can be made from here, and how much of it is left.
    async fn offer(&self) -> Result<Offer, PlatformError>;

    /// How large a machine of that flavor is; without one, of the platform's own default. `None`: nobody knows, or there
    /// is no such flavor, which [`Platform::check`] tells.
    async fn size_of(
        &self,
        _flavor: Option<&Flavor>,
    ) -> Result<Option<MachineSize>, PlatformError> {
        Ok(None)
    }

    /// Everything that can be known to be wrong with the request before a write: names that are taken,
    /// images, sizes, ports in use, overlapping subnets. `nodes` are the nodes that would be made.
    async fn check(
        &self,
        spec: &ClusterSpec,
        nodes: &[NodeSpec],
        observed: Option<&ObservedCluster>,
    ) -> Result<Vec<Finding>, PlatformError>;

    /// Makes sure that the platform has `image`, fetching it if it can; its id.
    async fn ensure_image(&self, image: &ImageName) -> Result<String, PlatformError>;

    /// The ids of those of `images` that the platform has; fetches nothing.
    async fn image_ids(
        &self,
        images: &[ImageName],
    ) -> Result<BTreeMap<ImageName, String>, PlatformError>;

    /// The content of an image, for a node that has no registry.
    async fn export_image(&self, image: &ImageName) -> Result<ImageStream, PlatformError>;

    /// Makes sure that the cluster has its network.
    async fn ensure_network(
        &self,
        owner: &Owner,
        want: &NetworkSpec,
    ) -> Result<Network, PlatformError>;

    /// The address of the machine that the node has or gets, where the platform's machines have addresses of their own;
    /// the machine is the node's from then on. `None`: the machine is made for the node, with an address that the
    /// caller chooses.
    async fn place(
        &self,
        _owner: &Owner,
        _node: &NodeSpec,
    ) -> Result<Option<IpAddr>, PlatformError> {
        Ok(None)
    }

    /// Makes sure that the machine is there, carries its boot files and runs. A machine that is there
    /// already is started if it has to be, and not changed; a half-made one (`Created`) is made anew.
    async fn ensure_machine(
        &self,
        owner: &Owner,
        request: &MachineRequest,
    ) -> Result<Machine, PlatformError>;

    /// Starts a machine.
    async fn start_machine(&self, machine: &Machine) -> Result<(), PlatformError>;

    /// Stops a machine in an orderly way; its data stays.
    async fn stop_machine(&self, machine: &Machine) -> Result<(), PlatformError>;

    /// Deletes the machine of that name if the cluster owns it, but not its volumes.
    async fn delete_machine(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError>;

    /// Deletes the volumes of that node which the cluster owns.
    async fn delete_volumes(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError>;

    /// Deletes the network if the cluster owns it.
    async fn delete_network(&self, cluster: ClusterId) -> Result<(), PlatformError>;

    /// What puts a balancer before control planes; `None`: clients reach each of them for itself.
    fn balances(&self) -> Option<&dyn Balances> {
        None
    }

    /// Keeps the cluster's record, in place of the one before. A reader sees the old one or the new one.
    async fn put_record(&self, owner: &Owner, record: &ClusterRecord) -> Result<(), PlatformError>;

    /// Takes the cluster for the operation of `owner`, in place of `instead_of` where that one has it. Where
    /// another operation has it, that one's owner is the answer and nothing is done; of two that ask at once, at
    /// most one gets it. An operation that has the cluster may ask again.
    async fn claim(
        &self,
        owner: &Owner,
        instead_of: Option<OperationId>,
    ) -> Result<Option<Owner>, PlatformError>;

    /// Ends what [`Platform::claim`] gave that operation; where it has nothing, that is success.
    async fn release(
        &self,
        cluster: ClusterId,
        operation: OperationId,
    ) -> Result<(), PlatformError>;

    /// Deletes the cluster's record, and all claims to what is no more.
    async fn delete_record(&self, cluster: ClusterId) -> Result<(), PlatformError>;

    /// The channel to a machine.
    fn exec(&self, machine: &Machine) -> Arc<dyn Exec>;
}
