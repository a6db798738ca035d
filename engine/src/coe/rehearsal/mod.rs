//! A COE that is rehearsed and not run, on machines that keep files and run nothing.
//!
//! What a driver says without a node, the driver says: settings, versions, boot files, credentials.
//! What needs a running COE is played with files on the nodes: who is a member, what the control
//! planes agree on. Guarantees, as far as an engine can tell, what a real one guarantees: a member
//! whose machine is stopped, gone, or made again without its data is down; control planes answer while
//! a majority of them does; a control plane whose removal would end the majority is not removed; all
//! that is agreed on is lost with the data of all control planes.
//!
//! Needs of the nodes what [`Machines::Pretended`](crate::platform::Machines::Pretended) promises.

mod ledger;
mod look;
mod node;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::coe::{
    Boot, ClusterSecrets, Coe, CoeError, CoeView, Credentials, Founder, JoinTicket, NewNode,
    NodeAccess, Upgrades, secret_text,
};
use crate::model::{
    ClusterName, ClusterSpec, CoeKind, Drain, Finding, ImageName, MachineSize, MemberState,
    NodeName, NodeVolume, Role, Secret, Taint, WaitFor,
};
use crate::transport::{Command, Exec, NodeFile};

use ledger::{Extent, Ledger, MemberPage, Page};
use look::{Look, is_majority};
use node::{DataFolder, Statement, Way, refused};

/// Where a node without volumes keeps the cluster's data.
const WITHOUT_VOLUME: &str = "/var/lib";
/// How long the first pause between two looks is; each further one is twice as long. A machine that starts does so
/// within one.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// How long a pause is at the most: what does not come soon is waited for in vain most of the time.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Plays the COE of a driver.
pub struct Rehearsal {
    driver: Arc<dyn Coe>,
}

impl Rehearsal {
    /// Plays the COE of that driver.
    pub fn new(driver: Arc<dyn Coe>) -> Self {
        Self { driver }
    }

    /// Where nodes of that role keep the cluster's data: in the first of the volumes that the driver
    /// asks for, so that it shares the fate of a real one's.
    fn data(&self, role: Role) -> DataFolder {
        let volumes = self.driver.volumes(role);
        let parent = volumes
            .first()
            .map_or(WITHOUT_VOLUME, |volume| volume.path.as_str());
        DataFolder(format!("{parent}/rehearsal"))
    }

    /// Reads what all control planes that can be found from `ways` agree on.
    async fn gather(
        &self,
        exec: &dyn Exec,
        mut ways: Vec<Way>,
        extent: Extent,
    ) -> Result<Look, CoeError> {
        let data = self.data(Role::ControlPlane);
        let mut ledger = Ledger::default();
        let mut asked: Vec<Way> = Vec::new();
        // A copy may name control planes that the copies before it did not know.
        while !ways.is_empty() {
            ledger.merge(data.read_pages(exec, &ways, &extent).await?);
            asked.append(&mut ways);
            let own = exec.node();
            ways = ledger
                .control_planes()
                .filter(|member| !(member.node == *own && asked.contains(&Way::Own)))
                .map(|member| Way::Peer(member.address))
                .filter(|way| !asked.contains(way))
                .collect();
        }
        let answering = self.who_answers(exec, &ledger).await?;
        Ok(Look {
            extent,
            ledger,
            answering,
        })
    }

    async fn who_answers(
        &self,
        exec: &dyn Exec,
        ledger: &Ledger,
    ) -> Result<BTreeMap<Uuid, Option<String>>, CoeError> {
        let paths = ledger
            .members()
            .flat_map(|member| self.data(member.role).statements(Way::Peer(member.address)))
            .collect();
        let (mut ids, mut versions) = (BTreeMap::new(), BTreeMap::new());
        for statement in node::read_all::<Statement>(exec, paths).await? {
            match statement {
                Statement::Member { node, id } => _ = ids.insert(id, node),
                Statement::Version { node, version } => _ = versions.insert(node, version),
            }
        }
        Ok(ids
            .into_iter()
            .map(|(id, node)| (id, versions.get(&node).cloned()))
            .collect())
    }

    /// What a control plane says of its cluster.
    async fn look(
        &self,
        control_plane: &dyn Exec,
        extent: Extent,
        what: &str,
    ) -> Result<Look, CoeError> {
        let look = self.gather(control_plane, vec![Way::Own], extent).await?;
        let asked = control_plane.node();
        let is_control_plane = look
            .ledger
            .control_planes()
            .any(|member| member.node == *asked && look.answers(member));
        if !is_control_plane {
            return Err(refused(what, asked, "it is no control plane of a cluster"));
        }
        look.check_majority(what, asked)?;
        Ok(look)
    }

    /// Writes pages to all control planes that answer, those included that join meanwhile; what is agreed on
    /// then.
    async fn write(&self, exec: &dyn Exec, look: Look, pages: &[Page]) -> Result<Look, CoeError> {
        let data = self.data(Role::ControlPlane);
        let mut reached: BTreeSet<IpAddr> = BTreeSet::new();
        let mut now = look;
        loop {
            let (answering, _) = now.control_planes();
            let addresses = answering.iter().map(|member| member.address);
            let missed: Vec<IpAddr> = addresses.filter(|one| !reached.contains(one)).collect();
            if missed.is_empty() {
                return Ok(now);
            }
            let mut files = Vec::new();
            for address in &missed {
                for page in pages {
                    files.push(data.page_file(exec.node(), Way::Peer(*address), page)?);
                }
            }
            exec.put_files(&files).await?;
            reached.extend(missed);
            let ways = reached.iter().copied().map(Way::Peer).collect();
            now = self.gather(exec, ways, now.extent).await?;
        }
    }

    /// Changes what is agreed on about a member.
    async fn change(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        what: &str,
        change: impl FnOnce(&mut MemberPage) + Send,
    ) -> Result<(), CoeError> {
        let only = Extent::Only(node.clone());
        let look = self.look(control_plane, only, what).await?;
        let before = look
            .find(node)
            .ok_or_else(|| refused(what, node, "it is no member"))?;
        let mut after = before.clone();
        change(&mut after);
        if after == *before {
            return Ok(());
        }
        let page = look.ledger.member_page(after);
        self.write(control_plane, look, &[page]).await.map(drop)
    }

    async fn own_statements(
        &self,
        node: &NodeAccess<'_>,
    ) -> Result<(Option<Uuid>, String), CoeError> {
        let (mut own_id, mut own_version) = (None, node::UNTOLD_VERSION.to_owned());
        let paths = self.data(node.role).statements(Way::Own).to_vec();
        for statement in node::read_all(node.exec, paths).await? {
            match statement {
                Statement::Member { id, .. } => own_id = Some(id),
                Statement::Version { version, .. } => own_version = version,
            }
        }
        Ok((own_id, own_version))
    }
}

#[async_trait]
impl Coe for Rehearsal {
    fn kind(&self) -> CoeKind {
        self.driver.kind()
    }

    fn check(&self, spec: &ClusterSpec) -> Vec<Finding> {
        self.driver.check(spec)
    }

    fn check_node(
        &self,
        labels: &BTreeMap<String, String>,
        taints: &BTreeSet<Taint>,
    ) -> Vec<Finding> {
        self.driver.check_node(labels, taints)
    }

    fn default_image(&self, version: Option<&str>) -> ImageName {
        self.driver.default_image(version)
    }

    fn upgrades(&self) -> Upgrades {
        self.driver.upgrades()
    }

    fn lasting_labels(&self, was: &ClusterSpec, now: &ClusterSpec) -> Vec<String> {
        self.driver.lasting_labels(was, now)
    }

    fn volumes(&self, role: Role) -> Vec<NodeVolume> {
        self.driver.volumes(role)
    }

    fn least_size(&self, role: Role) -> Option<MachineSize> {
        self.driver.least_size(role)
    }

    fn api_port(&self) -> u16 {
        self.driver.api_port()
    }

    fn endpoint_scheme(&self) -> &'static str {
        self.driver.endpoint_scheme()
    }

    fn new_secrets(&self, spec: &ClusterSpec) -> Result<ClusterSecrets, CoeError> {
        self.driver.new_secrets(spec)
    }

    async fn read_secrets(&self, control_plane: &dyn Exec) -> Result<ClusterSecrets, CoeError> {
        let data = self.data(Role::ControlPlane);
        Ok(ClusterSecrets {
            ca_certificate: secret_text(control_plane, &data.ca_certificate())
                .await?
                .expose()
                .clone(),
            ca_key: secret_text(control_plane, &data.ca_key()).await?,
            shared: Vec::new(),
        })
    }

    fn boots_with_secrets(&self, role: Role) -> bool {
        self.driver.boots_with_secrets(role)
    }

    fn boot(
        &self,
        spec: &ClusterSpec,
        node: &NewNode<'_>,
        secrets: Option<&ClusterSecrets>,
    ) -> Result<Boot, CoeError> {
        let mut boot = self.driver.boot(spec, node, secrets)?;
        let version = node::version(spec, &self.driver.default_image(None));
        boot.files.push(node::version_file(node.name, version)?);
        if let (Role::ControlPlane, Some(secrets)) = (node.role, secrets) {
            let data = self.data(node.role);
            boot.files.push(NodeFile {
                path: data.ca_certificate(),
                mode: 0o644,
                content: Secret::new(secrets.ca_certificate.clone().into_bytes()),
            });
            boot.files.push(NodeFile {
                path: data.ca_key(),
                mode: 0o600,
                content: Secret::new(secrets.ca_key.expose().clone().into_bytes()),
            });
        }
        Ok(boot)
    }

    async fn wait_until_up(&self, node: &dyn Exec) -> Result<(), CoeError> {
        // A pretended machine that runs answers at once.
        node.run(Command::new(["cat"])).await?;
        Ok(())
    }

    async fn init(&self, spec: &ClusterSpec, first: &NodeAccess<'_>) -> Result<(), CoeError> {
        let (own_id, own_version) = self.own_statements(first).await?;
        let data = self.data(first.role);
        let mut ledger = Ledger::default();
        ledger.merge(
            data.read_pages(first.exec, &[Way::Own], &Extent::Everybody)
                .await?,
        );
        if ledger.members().any(|member| Some(member.id) == own_id) {
            return Ok(());
        }
        let member = MemberPage::of(first, own_version);
        let node = first.exec.node();
        // The member's page comes last: it says that all the rest is there.
        let files = [
            data.identity_file(node, member.id)?,
            data.page_file(
                node,
                Way::Own,
                &ledger.settings_page(Uuid::new_v4(), spec.labels.clone()),
            )?,
            data.page_file(node, Way::Own, &ledger.member_page(member))?,
        ];
        Ok(first.exec.put_files(&files).await?)
    }

    /// What the others write into is there once the first control plane has begun it.
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
        let what = "asking for what lets a node join";
        let only = Extent::Only(control_plane.node().clone());
        let look = self.look(control_plane, only, what).await?;
        let (cluster, _) = look
            .ledger
            .settings()
            .ok_or_else(|| refused(what, control_plane.node(), "it has no cluster"))?;
        let (answering, _) = look.control_planes();
        Ok(JoinTicket {
            control_planes: answering.iter().map(|member| member.address).collect(),
            token: Secret::new(token(cluster, role)),
        })
    }

    fn joins_one_control_plane_at_a_time(&self) -> bool {
        self.driver.joins_one_control_plane_at_a_time()
    }

    /// The members' pages tell.
    async fn tell_control_planes(
        &self,
        _node: &dyn Exec,
        _control_planes: &[IpAddr],
    ) -> Result<(), CoeError> {
        Ok(())
    }

    async fn join(&self, node: &NodeAccess<'_>, ticket: &JoinTicket) -> Result<(), CoeError> {
        let what = "joining";
        let name = node.exec.node();
        let ways: Vec<Way> = ticket
            .control_planes
            .iter()
            .copied()
            .map(Way::Peer)
            .collect();
        let extent = match node.role {
            // It gets a copy of everything.
            Role::ControlPlane => Extent::Everybody,
            Role::Worker => Extent::Only(name.clone()),
        };
        let look = self.gather(node.exec, ways, extent).await?;
        let (cluster, _) = look
            .ledger
            .settings()
            .ok_or_else(|| refused(what, name, "no control plane of the ticket answers"))?;
        if *ticket.token.expose() != token(cluster, node.role) {
            return Err(refused(
                what,
                name,
                "the ticket is for another role or cluster",
            ));
        }
        let (own_id, own_version) = self.own_statements(node).await?;
        if look
            .ledger
            .members()
            .any(|member| Some(member.id) == own_id)
        {
            return Ok(());
        }
        look.check_majority(what, name)?;
        let mut member = MemberPage::of(node, own_version);
        // It may have begun to join as that one before, and not have come to tell the others.
        if let Some(id) = own_id.filter(|id| !look.ledger.was_removed(*id)) {
            member.id = id;
        }
        let data = self.data(node.role);
        let mut own_files = vec![data.identity_file(name, member.id)?];
        let page = look.ledger.member_page(member);
        if node.role == Role::ControlPlane {
            for page in look.ledger.pages().chain([&page]) {
                own_files.push(data.page_file(name, Way::Own, page)?);
            }
        }
        node.exec.put_files(&own_files).await?;
        let agreed = self.write(node.exec, look, &[page]).await?;
        if node.role == Role::ControlPlane {
            // What others have agreed on meanwhile, who did not know of this one.
            let of_page = |page| data.page_file(name, Way::Own, page);
            let files: Result<Vec<_>, _> = agreed.ledger.pages().map(of_page).collect();
            node.exec.put_files(&files?).await?;
        }
        Ok(())
    }

    /// Those of what is played never end.
    async fn renew_certificates(&self, _node: &NodeAccess<'_>) -> Result<(), CoeError> {
        Ok(())
    }

    async fn observe(&self, control_plane: &dyn Exec) -> Result<CoeView, CoeError> {
        let what = "asking for the cluster";
        let look = self.look(control_plane, Extent::Everybody, what).await?;
        let path = self.data(Role::ControlPlane).ca_certificate();
        Ok(CoeView {
            members: look.members(),
            ca_certificate: node::read_text(control_plane, path).await?,
            settings: look
                .ledger
                .settings()
                .map(|(_, labels)| labels.clone())
                .unwrap_or_default(),
            version: None,
        })
    }

    async fn wait_until_ready(
        &self,
        control_plane: &dyn Exec,
        nodes: &[NodeName],
        _wait_for: WaitFor,
    ) -> Result<(), CoeError> {
        let mut pause = FIRST_PAUSE;
        loop {
            let members = self
                .look(control_plane, Extent::Everybody, "waiting for nodes")
                .await?
                .members();
            let is_up = |node| {
                members
                    .get(node)
                    .is_some_and(|member| member.state != MemberState::Down)
            };
            if nodes.iter().all(is_up) {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn last_words(&self, _node: &dyn Exec) -> Option<String> {
        None
    }

    async fn configure(
        &self,
        control_plane: &dyn Exec,
        _nodes: &[NodeAccess<'_>],
        spec: &ClusterSpec,
    ) -> Result<(), CoeError> {
        let only = Extent::Only(control_plane.node().clone());
        let look = self.look(control_plane, only, "changing settings").await?;
        match look.ledger.settings() {
            Some((cluster, labels)) if *labels != spec.labels => {
                let page = look.ledger.settings_page(cluster, spec.labels.clone());
                self.write(control_plane, look, &[page]).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    async fn set_node_labels(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), CoeError> {
        self.change(control_plane, node, "labelling", |member| {
            member.labels.clone_from(labels);
        })
        .await
    }

    async fn set_node_taints(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        taints: &BTreeSet<Taint>,
    ) -> Result<(), CoeError> {
        self.change(control_plane, node, "tainting", |member| {
            member.taints.clone_from(taints);
        })
        .await
    }

    /// A majority of control planes keeps it: a pretended version changes nothing in it.
    async fn back_up(&self, _control_plane: &dyn Exec) -> Result<(), CoeError> {
        Ok(())
    }

    /// A machine that is made again says what version it runs.
    async fn upgrade(
        &self,
        _spec: &ClusterSpec,
        _node: &NodeAccess<'_>,
        _control_plane: Option<&dyn Exec>,
        _others: &[Arc<dyn Exec>],
    ) -> Result<(), CoeError> {
        Ok(())
    }

    async fn drain(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        _how: Drain,
    ) -> Result<(), CoeError> {
        self.change(control_plane, node, "draining", |member| {
            member.drained = true;
        })
        .await
    }

    async fn uncordon(&self, control_plane: &dyn Exec, node: &NodeName) -> Result<(), CoeError> {
        self.change(control_plane, node, "uncordoning", |member| {
            member.drained = false;
        })
        .await
    }

    async fn remove_member(
        &self,
        control_plane: &dyn Exec,
        node: &NodeName,
        // What the node keeps needs no change: an id that was removed is nobody's.
        _leaving: Option<&dyn Exec>,
    ) -> Result<(), CoeError> {
        let what = "removing a member";
        let only = Extent::Only(node.clone());
        let look = self.look(control_plane, only, what).await?;
        // All of that name at once: a join whose answer was lost may have left a dead one beside it.
        let going: Vec<&MemberPage> = look
            .ledger
            .members()
            .filter(|member| member.node == *node)
            .collect();
        if going.iter().any(|member| member.role == Role::ControlPlane) {
            let (answering, _) = look.control_planes();
            let stays = |member: &&MemberPage| member.node != *node;
            let left = answering.into_iter().filter(stays).count();
            let all = look.ledger.control_planes().filter(stays).count();
            if !is_majority(left, all) {
                let reason = format!(
                    "without it {left} of {all} control planes would answer, which is no quorum"
                );
                return Err(refused(what, node, reason));
            }
        }
        let pages: Vec<_> = going
            .iter()
            .map(|member| look.ledger.removed_page(member))
            .collect();
        if pages.is_empty() {
            return Ok(());
        }
        self.write(control_plane, look, &pages).await.map(drop)
    }

    fn load_image(&self) -> Command {
        Command::new(["cat"])
    }

    fn credentials(
        &self,
        secrets: &ClusterSecrets,
        lifetime: Duration,
    ) -> Result<Credentials, CoeError> {
        self.driver.credentials(secrets, lifetime)
    }

    fn client_configuration(
        &self,
        cluster: &ClusterName,
        endpoint: &str,
        credentials: &Credentials,
    ) -> Option<Secret<String>> {
        self.driver
            .client_configuration(cluster, endpoint, credentials)
    }
}

fn token(cluster: Uuid, role: Role) -> String {
    format!("{cluster}-{}", role.as_str())
}
