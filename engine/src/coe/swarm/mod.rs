//! Docker's swarm mode: managers are the control planes.
//!
//! Everything that is asked of a node goes through its engine's own API, in typed JSON, over
//! `docker system dial-stdio` (`api.rs`): no secret is ever an argument, and no text for people is
//! parsed. Managers answer clients on TCP with TLS, by certificates of the cluster's own CA.

mod api;
mod certificates;
mod configure;
mod daemon;
mod drain;
mod http;
mod init;
mod join;
mod labels;
mod members;
mod ready;
mod remove;
mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{
    Boot, ClusterSecrets, Coe, CoeError, CoeView, Credentials, Founder, JoinTicket, NewNode,
    NodeAccess, Upgrades,
};
use crate::model::{
    ClusterName, ClusterSpec, CoeKind, Drain, Finding, ImageName, MachineSize, NodeName,
    NodeVolume, Role, Secret, Subject, Taint, WaitFor,
};
use crate::transport::{Command, Exec};

/// The driver. It keeps nothing: all that it knows is on the nodes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Swarm;

#[async_trait]
impl Coe for Swarm {
    fn kind(&self) -> CoeKind {
        CoeKind::Swarm
    }

    fn check(&self, spec: &ClusterSpec) -> Vec<Finding> {
        let mut findings = labels::check(&spec.labels);
        findings.extend(version::check(spec.version.as_deref()));
        findings
    }

    fn check_node(
        &self,
        _labels: &BTreeMap<String, String>,
        taints: &BTreeSet<Taint>,
    ) -> Vec<Finding> {
        let no_taints = || {
            Finding::error(
                Subject::Taints,
                "swarm has no taints",
                "Keep work off the node by `maintenance`, or by constraints of the services on `node_labels`.",
            )
        };
        (!taints.is_empty()).then(no_taints).into_iter().collect()
    }

    fn default_image(&self, version: Option<&str>) -> ImageName {
        ImageName(match version {
            Some(version) => format!("docker:{version}-dind"),
            None => "docker:dind".to_owned(),
        })
    }

    fn upgrades(&self) -> Upgrades {
        Upgrades::ToAnyNewer
    }

    /// A swarm can be told all of them while it is there.
    fn lasting_labels(&self, _was: &ClusterSpec, _now: &ClusterSpec) -> Vec<String> {
        Vec::new()
    }

    fn volumes(&self, role: Role) -> Vec<NodeVolume> {
        daemon::volumes(role)
    }

    fn least_size(&self, _role: Role) -> Option<MachineSize> {
        None
    }

    fn api_port(&self) -> u16 {
        daemon::API_PORT
    }

    fn endpoint_scheme(&self) -> &'static str {
        "tcp"
    }

    fn new_secrets(&self, spec: &ClusterSpec) -> Result<ClusterSecrets, CoeError> {
        certificates::new_authority(&spec.name)
    }

    async fn read_secrets(&self, control_plane: &dyn Exec) -> Result<ClusterSecrets, CoeError> {
        daemon::read_secrets(control_plane).await
    }

    fn boots_with_secrets(&self, role: Role) -> bool {
        role == Role::ControlPlane
    }

    fn boot(
        &self,
        _spec: &ClusterSpec,
        node: &NewNode<'_>,
        secrets: Option<&ClusterSecrets>,
    ) -> Result<Boot, CoeError> {
        daemon::boot(node.name, node.role, node.reached_by, secrets)
    }

    async fn wait_until_up(&self, node: &dyn Exec) -> Result<(), CoeError> {
        ready::wait_until_up(node).await
    }

    async fn init(&self, spec: &ClusterSpec, first: &NodeAccess<'_>) -> Result<(), CoeError> {
        init::init(spec, first).await
    }

    /// A swarm makes the token that lets nodes in.
    fn founds(&self, _role: Role) -> bool {
        false
    }

    /// Nobody: `founds` says so.
    async fn found(
        &self,
        _spec: &ClusterSpec,
        _node: &NodeAccess<'_>,
        _founder: Founder,
    ) -> Result<(), CoeError> {
        Ok(())
    }

    async fn join_ticket(
        &self,
        control_plane: &dyn Exec,
        role: Role,
    ) -> Result<JoinTicket, CoeError> {
        join::ticket(control_plane, role).await
    }

    fn joins_one_control_plane_at_a_time(&self) -> bool {
        false
    }

    /// Managers tell all members of one another.
    async fn tell_control_planes(
        &self,
        _node: &dyn Exec,
        _control_planes: &[IpAddr],
    ) -> Result<(), CoeError> {
        Ok(())
    }

    async fn join(&self, node: &NodeAccess<'_>, ticket: &JoinTicket) -> Result<(), CoeError> {
        join::join(node, ticket).await
    }

    /// What a newer engine makes of what an older one has kept is its own to say: there is nothing else to keep.
    async fn back_up(&self, _control_plane: &dyn Exec) -> Result<(), CoeError> {
        Ok(())
    }

    /// The engine that the image brings takes over what the one before has kept when it starts.
    async fn upgrade(
        &self,
        _spec: &ClusterSpec,
        _node: &NodeAccess<'_>,
        _control_plane: Option<&dyn Exec>,
        _others: &[Arc<dyn Exec>],
    ) -> Result<(), CoeError> {
        Ok(())
    }

    /// Nodes renew theirs by themselves.
    async fn renew_certificates(&self, _node: &NodeAccess<'_>) -> Result<(), CoeError> {
        Ok(())
    }

    async fn observe(&self, control_plane: &dyn Exec) -> Result<CoeView, CoeError> {
        members::observe(control_plane).await
    }

    async fn wait_until_ready(
        &self,
        control_plane: &dyn Exec,
        nodes: &[NodeName],
        _wait_for: WaitFor,
    ) -> Result<(), CoeError> {
        ready::wait_until_ready(control_plane, nodes).await
    }

    /// The machine's first process is the service, whose log the platform keeps.
    async fn last_words(&self, _node: &dyn Exec) -> Option<String> {
        None
    }

    async fn configure(
        &self,
        control_plane: &dyn Exec,
        _nodes: &[NodeAccess<'_>],
        spec: &ClusterSpec,
    ) -> Result<(), CoeError> {
        configure::configure(control_plane, &spec.labels).await
    }

    async fn set_node_labels(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), CoeError> {
        configure::set_node_labels(control_plane, node, labels).await
    }

    /// There are none: `check_node` refuses them.
    async fn set_node_taints(
        &self,
        _control_plane: &dyn Exec,
        _node: &NodeName,
        _taints: &BTreeSet<Taint>,
    ) -> Result<(), CoeError> {
        Ok(())
    }

    async fn drain(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        how: Drain,
    ) -> Result<(), CoeError> {
        drain::drain(control_plane, node, how).await
    }

    async fn uncordon(&self, control_plane: &dyn Exec, node: &NodeName) -> Result<(), CoeError> {
        drain::uncordon(control_plane, node).await
    }

    async fn remove_member(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        leaving: Option<&dyn Exec>,
    ) -> Result<(), CoeError> {
        remove::remove_member(control_plane, node, leaving).await
    }

    fn load_image(&self) -> Command {
        Command::new(["docker", "load", "--quiet"])
    }

    fn credentials(
        &self,
        secrets: &ClusterSecrets,
        lifetime: Duration,
    ) -> Result<Credentials, CoeError> {
        certificates::client(secrets, lifetime)
    }

    /// The docker client has its certificates in a folder, and its host in the environment.
    fn client_configuration(
        &self,
        _cluster: &ClusterName,
        _endpoint: &str,
        _credentials: &Credentials,
    ) -> Option<Secret<String>> {
        None
    }
}
