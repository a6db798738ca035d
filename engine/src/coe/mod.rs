//! What makes a cluster of machines.

mod certificates;
pub mod kubernetes;
mod labels;
pub mod rehearsal;
pub mod swarm;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::model::{
    Carries, ClusterName, ClusterSpec, CoeKind, Drain, Finding, ImageName, MachineSize, Member,
    NodeName, NodeVolume, Role, Secret, Taint, WaitFor,
};
use crate::transport::{Command, Exec, ExecError, NodeFile};

/// What the image of a machine starts first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FirstProcess {
    /// One service.
    #[default]
    Service,
    /// An init system, which starts the services. It wants `/run` and `/tmp` to be empty at each start.
    InitSystem,
}

/// Which versions of a COE may follow the one that a cluster has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrades {
    /// Any newer one.
    ToAnyNewer,
    /// A newer one of the same minor version, or of the next.
    MinorByMinor,
}

/// What a machine runs from its start, and what it keeps.
#[derive(Clone, Default)]
pub struct Boot {
    /// What the image starts first. Of no matter where a machine is more than a container.
    pub first_process: FirstProcess,
    /// In place before the machine's service starts. Empty where the machine's volumes keep them from
    /// before.
    pub files: Vec<NodeFile>,
    /// The service: the arguments to the image's entrypoint where the machine is a container.
    pub command: Vec<String>,
}

/// The secrets of a cluster: made before its first machine, kept on its control planes only.
#[derive(Clone)]
pub struct ClusterSecrets {
    /// The CA's certificate, PEM.
    pub ca_certificate: String,
    /// The CA's key, PEM.
    pub ca_key: Secret<String>,
    /// What else all control planes have in common, as they keep it.
    pub shared: Vec<NodeFile>,
}

/// A node whose machine is about to be made.
pub struct NewNode<'a> {
    /// Its name.
    pub name: &'a NodeName,
    /// Its role.
    pub role: Role,
    /// Its address in the cluster's network.
    pub address: IpAddr,
    /// The addresses and names by which clients reach it.
    pub reached_by: &'a [String],
    /// The addresses of the cluster's control planes, those included that are still to be made.
    pub control_planes: &'a [IpAddr],
    /// What the cluster's network brings from node to node.
    pub carries: Carries,
}

/// What lets a machine join a cluster.
pub struct JoinTicket {
    /// The addresses of control planes that take the join.
    pub control_planes: Vec<IpAddr>,
    /// What a node is given along, in the driver's own form: a token.
    pub token: Secret<String>,
}

/// What a client needs to speak to a cluster.
pub struct Credentials {
    /// The CA's certificate, PEM.
    pub ca_certificate: String,
    /// The client's certificate, PEM.
    pub client_certificate: String,
    /// The client's key, PEM.
    pub client_key: Secret<String>,
}

/// One of the nodes that a new cluster begins with, beside the control plane that it is made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Founder {
    /// The address of the control plane that the cluster is made on.
    pub first: IpAddr,
    /// How many nodes come before it, in an order that all of them share; that control plane is the first.
    pub ordinal: u32,
}

/// A node that the driver works on.
pub struct NodeAccess<'a> {
    /// Its role.
    pub role: Role,
    /// Its address in the cluster's network.
    pub address: IpAddr,
    /// The channel to it.
    pub exec: &'a dyn Exec,
}

/// Everything that a COE says of a cluster, from one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoeView {
    /// Its members by name; of two members of one name, the one that is not down.
    pub members: BTreeMap<NodeName, Member>,
    /// The CA's certificate, PEM.
    pub ca_certificate: String,
    /// Settings that the labels of the spec govern, as they are.
    pub settings: BTreeMap<String, String>,
    /// The version that the cluster as a whole is configured for, where the COE has such a thing.
    pub version: Option<String>,
}

/// What is not ready yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The node that it is about; `None`: no single one.
    pub node: Option<NodeName>,
    /// What is missing, and why as far as it is known.
    pub what: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Some(node) => write!(formatter, "{node}: {}", self.what),
            None => formatter.write_str(&self.what),
        }
    }
}

fn list(missing: &[Missing]) -> String {
    let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
    format!("not ready ({})", missing.join("; "))
}

/// Why a COE could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CoeError {
    /// A node could not be worked on.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// The COE answered that it will not, or something that is not understood.
    #[error("{what} on {node}: {reason}")]
    Refused {
        /// What was tried.
        what: String,
        /// On which node.
        node: NodeName,
        /// What came back.
        reason: String,
    },
    /// The node could be worked on, and the COE on it did not answer.
    #[error("{what} on {node}: nobody answers: {reason}")]
    Silent {
        /// What was tried.
        what: String,
        /// On which node.
        node: NodeName,
        /// What kept the answer from coming.
        reason: String,
    },
    /// A key or certificate could not be made or read.
    #[error("{what}: {reason}")]
    Certificate {
        /// What was tried.
        what: String,
        /// What came back.
        reason: String,
    },
    /// Nodes, or what every workload needs, did not become ready in time.
    #[error("{} after {}", list(.missing), humantime(*.waited))]
    NotReady {
        /// What was not, when it was looked at last.
        missing: Vec<Missing>,
        /// How long it was waited for.
        waited: Duration,
    },
    /// What was waited for did not come in time.
    #[error("{what} did not happen within {}", humantime(*.waited))]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
    },
}

fn humantime(duration: Duration) -> String {
    format!("{:.0} s", duration.as_secs_f64())
}

/// The text of a file of a control plane that may be secret, and has to be there.
async fn secret_text(control_plane: &dyn Exec, path: &str) -> Result<Secret<String>, CoeError> {
    let refused = |reason: String| CoeError::Refused {
        what: "read the cluster's CA".to_owned(),
        node: control_plane.node().clone(),
        reason,
    };
    let content = control_plane.read_file(path).await?;
    let content = content.ok_or_else(|| refused(format!("{path} is not there")))?;
    let text = std::str::from_utf8(content.expose())
        .ok()
        .map(str::to_owned);
    text.map(Secret::new)
        .ok_or_else(|| refused(format!("{path} is not text")))
}

/// A COE driver: what makes a cluster of machines.
///
/// Every method that acts is an *ensure*: asked twice it acts once. A driver never names a platform:
/// it knows nodes by name, address and [`Exec`]. `control_plane` is any that answers.
/// Waiting methods poll the COE until the future is dropped: the caller brings the deadline.
#[async_trait]
pub trait Coe: Send + Sync {
    /// Which COE.
    fn kind(&self) -> CoeKind;

    /// Everything that is wrong with the request as far as the COE is concerned: unknown labels and
    /// values (with the nearest valid one), versions. Pure.
    fn check(&self, spec: &ClusterSpec) -> Vec<Finding>;

    /// What is wrong with the labels and taints of a node. Pure.
    fn check_node(
        &self,
        labels: &BTreeMap<String, String>,
        taints: &BTreeSet<Taint>,
    ) -> Vec<Finding>;

    /// The image that users of this COE know. Pure.
    fn default_image(&self, version: Option<&str>) -> ImageName;

    /// Which versions may follow which. Pure.
    fn upgrades(&self) -> Upgrades;

    /// The labels in which `now` differs from `was` and that only a new cluster can have so. Pure.
    fn lasting_labels(&self, was: &ClusterSpec, now: &ClusterSpec) -> Vec<String>;

    /// What a node of that role keeps beyond its machine's life. Pure.
    fn volumes(&self, role: Role) -> Vec<NodeVolume>;

    /// How large the machine of a node of that role has to be at the least; `None`: any will do. Pure.
    fn least_size(&self, role: Role) -> Option<MachineSize>;

    /// The port of the API on control planes.
    fn api_port(&self) -> u16;

    /// The scheme of the endpoint: `tcp`.
    fn endpoint_scheme(&self) -> &'static str;

    /// New secrets for a new cluster. Pure but for randomness.
    fn new_secrets(&self, spec: &ClusterSpec) -> Result<ClusterSecrets, CoeError>;

    /// The secrets of a cluster that is there. The control plane need not run.
    async fn read_secrets(&self, control_plane: &dyn Exec) -> Result<ClusterSecrets, CoeError>;

    /// Whether machines of that role are made with the cluster's secrets at hand: what is kept on them
    /// is the driver's to say. Pure.
    fn boots_with_secrets(&self, role: Role) -> bool;

    /// What a node runs from its start. `secrets` are there where they were asked for, unless the node's
    /// volumes keep what it needs and nobody could be asked. Pure but for randomness.
    fn boot(
        &self,
        spec: &ClusterSpec,
        node: &NewNode<'_>,
        secrets: Option<&ClusterSecrets>,
    ) -> Result<Boot, CoeError>;

    /// Waits until the node's service answers on the node itself.
    async fn wait_until_up(&self, node: &dyn Exec) -> Result<(), CoeError>;

    /// Makes sure that the first control plane has a cluster, with the settings of the spec's labels.
    async fn init(&self, spec: &ClusterSpec, first: &NodeAccess<'_>) -> Result<(), CoeError>;

    /// Whether a machine of that role that a new cluster begins with becomes a member without a ticket: all that it has
    /// to know is known before the cluster is there. Pure.
    fn founds(&self, role: Role) -> bool;

    /// Makes sure that such a node is a member as soon as there is a cluster. Waits for it, for it runs beside `init`.
    async fn found(
        &self,
        spec: &ClusterSpec,
        node: &NodeAccess<'_>,
        founder: Founder,
    ) -> Result<(), CoeError>;

    /// What lets a machine of that role join.
    async fn join_ticket(
        &self,
        control_plane: &dyn Exec,
        role: Role,
    ) -> Result<JoinTicket, CoeError>;

    /// Whether control planes join one after the other: while one does, another may be refused. Pure.
    fn joins_one_control_plane_at_a_time(&self) -> bool;

    /// Tells a node where the control planes are, for as long as the node cannot find that out by itself.
    async fn tell_control_planes(
        &self,
        node: &dyn Exec,
        control_planes: &[IpAddr],
    ) -> Result<(), CoeError>;

    /// Makes sure that the node is a member.
    async fn join(&self, node: &NodeAccess<'_>, ticket: &JoinTicket) -> Result<(), CoeError>;

    /// Keeps what the cluster knows on the control plane that is asked, so that it can be brought back by hand: before
    /// anything of another version writes to it.
    async fn back_up(&self, control_plane: &dyn Exec) -> Result<(), CoeError>;

    /// Makes sure that a node whose volumes an earlier version has written is one of the version of its image.
    /// `control_plane` is one that can be asked, if there is one; `others` are the machines that run beside it. Refused,
    /// before anything is changed, where that version may not follow the earlier one. The node's workload may be
    /// interrupted.
    async fn upgrade(
        &self,
        spec: &ClusterSpec,
        node: &NodeAccess<'_>,
        control_plane: Option<&dyn Exec>,
        others: &[Arc<dyn Exec>],
    ) -> Result<(), CoeError>;

    /// Gives a control plane new certificates, where those that it has do not renew themselves (`Member::expires`). The
    /// others, and what runs on the cluster, go on.
    async fn renew_certificates(&self, node: &NodeAccess<'_>) -> Result<(), CoeError>;

    /// Everything that the COE says of the cluster, in one command.
    async fn observe(&self, control_plane: &dyn Exec) -> Result<CoeView, CoeError>;

    /// Waits until all of `nodes` are ready members, and what else is to be waited for is there.
    async fn wait_until_ready(
        &self,
        control_plane: &dyn Exec,
        nodes: &[NodeName],
        wait_for: WaitFor,
    ) -> Result<(), CoeError>;

    /// What the node's service said last, for an error that it may explain; `None` where it is kept nowhere, or cannot be
    /// had.
    async fn last_words(&self, node: &dyn Exec) -> Option<String>;

    /// Makes sure that the cluster's settings are those of the spec's labels. `nodes` are all whose machines run.
    async fn configure(
        &self,
        control_plane: &dyn Exec,
        nodes: &[NodeAccess<'_>],
        spec: &ClusterSpec,
    ) -> Result<(), CoeError>;

    /// Makes sure that a member carries exactly these labels of the user's.
    async fn set_node_labels(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), CoeError>;

    /// Makes sure that a member has exactly these taints of the user's.
    async fn set_node_taints(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        taints: &BTreeSet<Taint>,
    ) -> Result<(), CoeError>;

    /// Moves all work off the node and waits until it is gone, as long as `how` gives it.
    async fn drain(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        how: Drain,
    ) -> Result<(), CoeError>;

    /// Lets the node take work again.
    async fn uncordon(&self, control_plane: &dyn Exec, node: &NodeName) -> Result<(), CoeError>;

    /// Makes sure that the node is no member: a control plane gives up its vote first, then the node
    /// leaves (`leaving`, where its machine answers), then the COE forgets it.
    async fn remove_member(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        leaving: Option<&dyn Exec>,
    ) -> Result<(), CoeError>;

    /// The command that takes an image on its stdin.
    fn load_image(&self) -> Command;

    /// A client's certificate of that life.
    fn credentials(
        &self,
        secrets: &ClusterSecrets,
        lifetime: Duration,
    ) -> Result<Credentials, CoeError>;

    /// The file that clients of this COE are configured with, identity included, to reach the cluster at its
    /// endpoint; `None` where clients have no such file. Pure.
    fn client_configuration(
        &self,
        cluster: &ClusterName,
        endpoint: &str,
        credentials: &Credentials,
    ) -> Option<Secret<String>>;
}
