//! Kubernetes, as kubeadm makes it.
//!
//! What can be known before a machine starts is made before it: the CAs, and the identity by which a node's
//! kubelet is known to the cluster. What depends on the version is left to the kubeadm of the node's own
//! image, so that the result is the cluster that this kubeadm knows how to keep. The API is spoken to
//! through the one channel to nodes (`api.rs`): it need not be reachable from here.

mod api;
mod api_server_files;
mod authorities;
mod back_up;
mod boot;
mod certificates;
mod cni;
mod configuration;
mod configure;
mod drain;
mod early_network;
mod etcd;
mod facts;
mod found;
mod hosts;
mod init;
mod join;
mod members;
mod mirrors;
mod name;
mod network;
mod node_labels;
mod node_taints;
mod pod_network;
mod pod_routes;
mod ready;
mod remove;
mod settings;
mod shell;
mod tunnel;
mod upgrade;
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
    NodeVolume, Role, Secret, Taint, WaitFor,
};
use crate::transport::{Command, Exec};

/// Where the API server listens (kubeadm's default, and what its users have in their firewalls).
const API_PORT: u16 = 6443;

/// The driver. It keeps nothing: all that it knows is on the nodes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kubernetes;

#[async_trait]
impl Coe for Kubernetes {
    fn kind(&self) -> CoeKind {
        CoeKind::Kubernetes
    }

    fn check(&self, spec: &ClusterSpec) -> Vec<Finding> {
        let mut findings: Vec<Finding> = version::check(spec.version.as_deref())
            .into_iter()
            .collect();
        findings.extend(settings::check(spec));
        findings.extend(name::check(&spec.name));
        findings.extend(network::check(spec));
        findings
    }

    fn check_node(
        &self,
        labels: &BTreeMap<String, String>,
        taints: &BTreeSet<Taint>,
    ) -> Vec<Finding> {
        let mut findings = node_labels::check(labels);
        findings.extend(node_taints::check(taints));
        findings
    }

    fn default_image(&self, version: Option<&str>) -> ImageName {
        let version = version.unwrap_or(version::DEFAULT);
        ImageName(format!("kindest/node:v{version}"))
    }

    /// Kubernetes' version skew policy.
    fn upgrades(&self) -> Upgrades {
        Upgrades::MinorByMinor
    }

    fn lasting_labels(&self, was: &ClusterSpec, now: &ClusterSpec) -> Vec<String> {
        settings::lasting(was, now)
    }

    fn volumes(&self, role: Role) -> Vec<NodeVolume> {
        boot::volumes(role)
    }

    /// What kubeadm asks for before it begins (Installing kubeadm, "Before you begin").
    fn least_size(&self, role: Role) -> Option<MachineSize> {
        (role == Role::ControlPlane).then_some(MachineSize {
            millicpus: 2000,
            memory: 2048,
        })
    }

    fn api_port(&self) -> u16 {
        API_PORT
    }

    fn endpoint_scheme(&self) -> &'static str {
        "https"
    }

    fn new_secrets(&self, _spec: &ClusterSpec) -> Result<ClusterSecrets, CoeError> {
        authorities::new()
    }

    async fn read_secrets(&self, control_plane: &dyn Exec) -> Result<ClusterSecrets, CoeError> {
        authorities::read(control_plane).await
    }

    /// Each node has an identity that the cluster's CA has signed.
    fn boots_with_secrets(&self, _role: Role) -> bool {
        true
    }

    fn boot(
        &self,
        spec: &ClusterSpec,
        node: &NewNode<'_>,
        secrets: Option<&ClusterSecrets>,
    ) -> Result<Boot, CoeError> {
        boot::boot(spec, node, secrets)
    }

    async fn wait_until_up(&self, node: &dyn Exec) -> Result<(), CoeError> {
        ready::wait_until_up(node).await
    }

    async fn init(&self, spec: &ClusterSpec, first: &NodeAccess<'_>) -> Result<(), CoeError> {
        init::init(spec, first).await
    }

    /// A control plane is let into etcd by those that are there.
    fn founds(&self, role: Role) -> bool {
        role == Role::Worker
    }

    async fn found(
        &self,
        spec: &ClusterSpec,
        node: &NodeAccess<'_>,
        founder: Founder,
    ) -> Result<(), CoeError> {
        found::found(spec, node, founder).await
    }

    async fn join_ticket(
        &self,
        control_plane: &dyn Exec,
        role: Role,
    ) -> Result<JoinTicket, CoeError> {
        join::ticket(control_plane, role).await
    }

    /// etcd takes one learner at a time.
    fn joins_one_control_plane_at_a_time(&self) -> bool {
        true
    }

    async fn tell_control_planes(
        &self,
        node: &dyn Exec,
        control_planes: &[IpAddr],
    ) -> Result<(), CoeError> {
        hosts::tell(node, control_planes).await
    }

    async fn join(&self, node: &NodeAccess<'_>, ticket: &JoinTicket) -> Result<(), CoeError> {
        join::join(node, ticket).await
    }

    async fn back_up(&self, control_plane: &dyn Exec) -> Result<(), CoeError> {
        back_up::back_up(control_plane).await
    }

    async fn upgrade(
        &self,
        spec: &ClusterSpec,
        node: &NodeAccess<'_>,
        control_plane: Option<&dyn Exec>,
        others: &[Arc<dyn Exec>],
    ) -> Result<(), CoeError> {
        upgrade::upgrade(spec, node, control_plane, others).await
    }

    async fn renew_certificates(&self, node: &NodeAccess<'_>) -> Result<(), CoeError> {
        certificates::renew(node).await
    }

    async fn observe(&self, control_plane: &dyn Exec) -> Result<CoeView, CoeError> {
        members::observe(control_plane).await
    }

    async fn wait_until_ready(
        &self,
        control_plane: &dyn Exec,
        nodes: &[NodeName],
        wait_for: WaitFor,
    ) -> Result<(), CoeError> {
        ready::wait_until_ready(control_plane, nodes, wait_for).await
    }

    async fn last_words(&self, node: &dyn Exec) -> Option<String> {
        shell::last_words_of_kubelet(node).await
    }

    async fn configure(
        &self,
        control_plane: &dyn Exec,
        nodes: &[NodeAccess<'_>],
        spec: &ClusterSpec,
    ) -> Result<(), CoeError> {
        configure::configure(control_plane, nodes, spec).await
    }

    async fn set_node_labels(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), CoeError> {
        node_labels::set(control_plane, node, labels).await
    }

    async fn set_node_taints(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        taints: &BTreeSet<Taint>,
    ) -> Result<(), CoeError> {
        node_taints::set(control_plane, node, taints).await
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
        Command::new(["ctr", "--namespace=k8s.io", "images", "import", "-"])
    }

    fn credentials(
        &self,
        secrets: &ClusterSecrets,
        lifetime: Duration,
    ) -> Result<Credentials, CoeError> {
        authorities::client(secrets, authorities::ADMINISTRATORS, lifetime)
    }

    /// A kubeconfig, all of whose names are the cluster's: people merge several into one.
    fn client_configuration(
        &self,
        cluster: &ClusterName,
        endpoint: &str,
        credentials: &Credentials,
    ) -> Option<Secret<String>> {
        Some(authorities::kubeconfig(
            cluster.as_str(),
            endpoint,
            credentials,
        ))
    }
}
