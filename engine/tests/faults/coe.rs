//! A rehearsed COE that tells which secrets it has handed out, and keeps its members where undo is to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coe_engine::coe::rehearsal::Rehearsal;
use coe_engine::coe::{
    Boot, ClusterSecrets, Coe, CoeError, CoeView, Credentials, Founder, JoinTicket, NewNode,
    NodeAccess, Upgrades,
};
use coe_engine::model::{
    ClusterName, ClusterSpec, CoeKind, Drain, Finding, ImageName, MachineSize, NodeName,
    NodeVolume, Role, Secret, Taint, WaitFor,
};
use coe_engine::transport::{Command, Exec};

use crate::gate::Gate;
use crate::secrets::Secrets;

pub(crate) struct WatchedCoe {
    pub(crate) inner: Rehearsal,
    pub(crate) gate: Arc<Gate>,
    pub(crate) secrets: Arc<Secrets>,
}

#[async_trait]
impl Coe for WatchedCoe {
    fn kind(&self) -> CoeKind {
        self.inner.kind()
    }

    fn check(&self, spec: &ClusterSpec) -> Vec<Finding> {
        self.inner.check(spec)
    }

    fn check_node(
        &self,
        labels: &BTreeMap<String, String>,
        taints: &BTreeSet<Taint>,
    ) -> Vec<Finding> {
        self.inner.check_node(labels, taints)
    }

    fn default_image(&self, version: Option<&str>) -> ImageName {
        self.inner.default_image(version)
    }

    fn upgrades(&self) -> Upgrades {
        self.inner.upgrades()
    }

    fn lasting_labels(&self, was: &ClusterSpec, now: &ClusterSpec) -> Vec<String> {
        self.inner.lasting_labels(was, now)
    }

    fn volumes(&self, role: Role) -> Vec<NodeVolume> {
        self.inner.volumes(role)
    }

    fn least_size(&self, role: Role) -> Option<MachineSize> {
        self.inner.least_size(role)
    }

    fn api_port(&self) -> u16 {
        self.inner.api_port()
    }

    fn endpoint_scheme(&self) -> &'static str {
        self.inner.endpoint_scheme()
    }

    fn new_secrets(&self, spec: &ClusterSpec) -> Result<ClusterSecrets, CoeError> {
        let made = self.inner.new_secrets(spec)?;
        self.secrets.keep(made.ca_key.expose());
        Ok(made)
    }

    async fn read_secrets(&self, control_plane: &dyn Exec) -> Result<ClusterSecrets, CoeError> {
        let read = self.inner.read_secrets(control_plane).await?;
        self.secrets.keep(read.ca_key.expose());
        Ok(read)
    }

    fn boots_with_secrets(&self, role: Role) -> bool {
        self.inner.boots_with_secrets(role)
    }

    fn boot(
        &self,
        spec: &ClusterSpec,
        node: &NewNode<'_>,
        secrets: Option<&ClusterSecrets>,
    ) -> Result<Boot, CoeError> {
        let boot = self.inner.boot(spec, node, secrets)?;
        for file in boot.files.iter().filter(|file| file.mode == 0o600) {
            self.secrets
                .keep(&String::from_utf8_lossy(file.content.expose()));
        }
        Ok(boot)
    }

    async fn wait_until_up(&self, node: &dyn Exec) -> Result<(), CoeError> {
        self.inner.wait_until_up(node).await
    }

    async fn init(&self, spec: &ClusterSpec, first: &NodeAccess<'_>) -> Result<(), CoeError> {
        self.inner.init(spec, first).await
    }

    fn founds(&self, role: Role) -> bool {
        self.inner.founds(role)
    }

    async fn found(
        &self,
        spec: &ClusterSpec,
        node: &NodeAccess<'_>,
        founder: Founder,
    ) -> Result<(), CoeError> {
        self.inner.found(spec, node, founder).await
    }

    async fn join_ticket(
        &self,
        control_plane: &dyn Exec,
        role: Role,
    ) -> Result<JoinTicket, CoeError> {
        let ticket = self.inner.join_ticket(control_plane, role).await?;
        self.secrets.keep(ticket.token.expose());
        Ok(ticket)
    }

    fn joins_one_control_plane_at_a_time(&self) -> bool {
        self.inner.joins_one_control_plane_at_a_time()
    }

    async fn tell_control_planes(
        &self,
        node: &dyn Exec,
        control_planes: &[IpAddr],
    ) -> Result<(), CoeError> {
        self.inner.tell_control_planes(node, control_planes).await
    }

    async fn join(&self, node: &NodeAccess<'_>, ticket: &JoinTicket) -> Result<(), CoeError> {
        self.inner.join(node, ticket).await
    }

    async fn renew_certificates(&self, node: &NodeAccess<'_>) -> Result<(), CoeError> {
        self.inner.renew_certificates(node).await
    }

    async fn observe(&self, control_plane: &dyn Exec) -> Result<CoeView, CoeError> {
        self.inner.observe(control_plane).await
    }

    async fn wait_until_ready(
        &self,
        control_plane: &dyn Exec,
        nodes: &[NodeName],
        wait_for: WaitFor,
    ) -> Result<(), CoeError> {
        let ready = self.inner.wait_until_ready(control_plane, nodes, wait_for);
        ready.await
    }

    async fn last_words(&self, node: &dyn Exec) -> Option<String> {
        self.inner.last_words(node).await
    }

    async fn configure(
        &self,
        control_plane: &dyn Exec,
        nodes: &[NodeAccess<'_>],
        spec: &ClusterSpec,
    ) -> Result<(), CoeError> {
        self.inner.configure(control_plane, nodes, spec).await
    }

    async fn set_node_labels(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), CoeError> {
        self.inner
            .set_node_labels(control_plane, node, labels)
            .await
    }

    async fn set_node_taints(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        taints: &BTreeSet<Taint>,
    ) -> Result<(), CoeError> {
        self.inner
            .set_node_taints(control_plane, node, taints)
            .await
    }

    async fn back_up(&self, control_plane: &dyn Exec) -> Result<(), CoeError> {
        self.inner.back_up(control_plane).await
    }

    async fn upgrade(
        &self,
        spec: &ClusterSpec,
        node: &NodeAccess<'_>,
        control_plane: Option<&dyn Exec>,
        others: &[Arc<dyn Exec>],
    ) -> Result<(), CoeError> {
        self.inner.upgrade(spec, node, control_plane, others).await
    }

    async fn drain(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        how: Drain,
    ) -> Result<(), CoeError> {
        self.inner.drain(control_plane, node, how).await
    }

    async fn uncordon(&self, control_plane: &dyn Exec, node: &NodeName) -> Result<(), CoeError> {
        self.inner.uncordon(control_plane, node).await
    }

    async fn remove_member(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        leaving: Option<&dyn Exec>,
    ) -> Result<(), CoeError> {
        if self.gate.keeps_all() {
            return Err(CoeError::Refused {
                what: "removing a member".to_owned(),
                node: node.clone(),
                reason: "it was told to fail".to_owned(),
            });
        }
        self.inner.remove_member(control_plane, node, leaving).await
    }

    fn load_image(&self) -> Command {
        self.inner.load_image()
    }

    fn credentials(
        &self,
        secrets: &ClusterSecrets,
        lifetime: Duration,
    ) -> Result<Credentials, CoeError> {
        self.inner.credentials(secrets, lifetime)
    }

    fn client_configuration(
        &self,
        cluster: &ClusterName,
        endpoint: &str,
        credentials: &Credentials,
    ) -> Option<Secret<String>> {
        self.inner
            .client_configuration(cluster, endpoint, credentials)
    }
}
