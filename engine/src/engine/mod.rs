//! The façade: everything that can be asked of a cluster.
//!
//! Facts come before changes: each operation observes, checks and plans before it writes. Nothing is
//! remembered between operations that the platform does not remember better.

mod carry_out;
mod check;
mod claim;
mod course;
mod create;
mod delete;
mod garbage;
mod look;
mod memory;
mod nodes;
mod per_cluster;
mod update;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use garbage::{Fate, Held, Leftover, Over, Spared};
pub use nodes::{GroupStatus, NodeRequest, SeenGroup};

use tokio::sync::Mutex;

use crate::cluster::Cluster;
use crate::coe::rehearsal::Rehearsal;
use crate::coe::{Coe, Credentials};
use crate::error::EngineError;
use crate::model::{
    ClusterId, ClusterName, ClusterSpec, CoeKind, ImageName, InventoryMachine, MachineState,
    ObservedCluster, Offer, Role, Secret,
};
use crate::plan::{Change, CoeNeeds, Plan, PlanError, plan};
use crate::platform::{Machines, Platform, Scope};
use crate::registry;
use crate::saga::journal::Journals;
use crate::scheduler::{Bounds, Scheduler};
use crate::steps::GivenAddresses;
use claim::SharedClaim;
use look::Looks;
use per_cluster::PerCluster;

/// All that a client needs to reach a cluster.
pub struct Access {
    /// Where the cluster's API answers.
    pub endpoint: String,
    /// By what it knows the cluster, and the cluster it.
    pub credentials: Credentials,
    /// All of that as the file that the COE's clients are configured with; `None` where they have no such file.
    pub client_configuration: Option<Secret<String>>,
}

/// How the engine works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many steps run at once, over all clusters.
    pub parallelism: NonZeroUsize,
    /// The folder of the journals; `None`: nothing is remembered, and nobody is kept from working on a cluster
    /// that another process works on.
    pub journal_dir: Option<PathBuf>,
    /// How long the clean-up after a failure or an interruption may take.
    pub cleanup: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        const TEN: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9);
        Self {
            parallelism: TEN,
            journal_dir: None,
            cleanup: Duration::from_mins(1),
        }
    }
}

/// Makes, reads, changes and deletes clusters on one platform. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

struct Shared {
    platform: Arc<dyn Platform>,
    drivers: BTreeMap<CoeKind, Arc<dyn Coe>>,
    scheduler: Scheduler,
    journals: Journals,
    cleanup: Duration,
    given: Arc<GivenAddresses>,
    looks: Looks,
    claims: PerCluster<Mutex<SharedClaim>>,
    /// Held while a record is read, changed and written.
    records: Mutex<()>,
    /// Held while a control plane beside a pool gives up its vote and goes.
    votes: PerCluster<Mutex<()>>,
}

impl Engine {
    /// An engine on that platform, with every driver of this build.
    pub fn new(platform: Arc<dyn Platform>, settings: Settings) -> Self {
        Self::with_drivers(platform, settings, registry::drivers())
    }

    /// An engine on that platform, with these drivers. On a platform whose machines are pretended, the
    /// drivers are rehearsed and not run.
    pub fn with_drivers(
        platform: Arc<dyn Platform>,
        settings: Settings,
        drivers: Vec<Arc<dyn Coe>>,
    ) -> Self {
        let drivers = drivers
            .into_iter()
            .map(|driver| match platform.machines() {
                Machines::Real => driver,
                Machines::Pretended => Arc::new(Rehearsal::new(driver)),
            })
            .map(|driver| (driver.kind(), driver))
            .collect();
        Self(Arc::new(Shared {
            platform,
            drivers,
            scheduler: Scheduler::new(settings.parallelism),
            journals: Journals::new(settings.journal_dir),
            cleanup: settings.cleanup,
            given: Arc::default(),
            looks: Looks::default(),
            claims: PerCluster::default(),
            records: Mutex::default(),
            votes: PerCluster::default(),
        }))
    }

    fn driver(&self, kind: CoeKind) -> Result<&Arc<dyn Coe>, EngineError> {
        self.0.drivers.get(&kind).ok_or(EngineError::NoDriver(kind))
    }

    /// What the driver of the cluster's COE asks of machines, on this platform. Pure.
    fn needs(&self, spec: &ClusterSpec) -> Result<CoeNeeds, PlanError> {
        let driver = self
            .0
            .drivers
            .get(&spec.coe)
            .ok_or(PlanError::NoDriver(spec.coe))?;
        let balanced = self.0.platform.balances().is_some();
        Ok(CoeNeeds::of(driver.as_ref(), spec, balanced))
    }

    /// What was observed, as callers see it.
    pub fn cluster(&self, mut observed: ObservedCluster) -> Cluster {
        // Who works on it at the moment is nothing of the cluster's, and no longer true when it is told.
        observed.claim = None;
        let coe = observed
            .record
            .as_ref()
            .and_then(|record| self.0.drivers.get(&record.spec.coe));
        let coe = coe.cloned();
        Cluster::new(observed, coe.as_deref())
    }

    /// What leads from `observed` (`None`: nothing is there) to `spec`. Pure. `images` are the ids of the
    /// images to preload, as far as the platform has them now: see [`Engine::image_ids`].
    pub fn plan(
        &self,
        spec: &ClusterSpec,
        observed: Option<&ObservedCluster>,
        images: &BTreeMap<ImageName, String>,
    ) -> Result<Plan, PlanError> {
        let needs = self.needs(spec)?;
        if let Some(record) = observed.and_then(|observed| observed.record.as_ref()) {
            let changed = Self::lasting_labels(&record.spec, spec);
            if let Some(label) = changed.into_iter().next() {
                let cluster = record.spec.name.clone();
                return Err(PlanError::LabelChanged { cluster, label });
            }
        }
        let mut plan = plan(spec, observed, images, &needs)?;
        if !self.0.platform.makes_networks() {
            // Nobody is told that something is made that is there.
            plan.changes
                .retain(|change| !matches!(change, Change::CreateNetwork { .. }));
        }
        Ok(plan)
    }

    /// The labels in which `now` differs from `was` and that only a new cluster can have so. Pure.
    pub fn lasting_labels(was: &ClusterSpec, now: &ClusterSpec) -> Vec<String> {
        let drivers = registry::drivers();
        let driver = drivers
            .iter()
            .find(|driver| driver.kind() == now.coe && was.coe == now.coe);
        driver.map_or_else(Vec::new, |driver| driver.lasting_labels(was, now))
    }

    /// The platform's ids of those of `images` that it has; fetches nothing.
    pub async fn image_ids(
        &self,
        images: &[ImageName],
    ) -> Result<BTreeMap<ImageName, String>, EngineError> {
        self.image_ids_within(images, &Bounds::for_look()).await
    }

    async fn image_ids_within(
        &self,
        images: &[ImageName],
        bounds: &Bounds,
    ) -> Result<BTreeMap<ImageName, String>, EngineError> {
        if images.is_empty() {
            return Ok(BTreeMap::new());
        }
        let question = || self.0.platform.image_ids(images);
        self.ask(bounds, question).await
    }

    /// The cluster of that id; `None` only where the platform definitely has nothing of it. A COE that
    /// does not answer is told by the cluster's health and is no error. Readers share a look that is
    /// younger than two seconds, unless this engine has changed the cluster since.
    pub async fn read(&self, id: ClusterId) -> Result<Option<Cluster>, EngineError> {
        let seen = self.shared_look(id).await?;
        match &seen {
            Some(observed) => self.release_of_the_dead(observed).await,
            None => self.forget_gone(id).await,
        }
        Ok(seen.map(|observed| self.cluster(observed)))
    }

    /// The finished cluster of that name.
    pub async fn find(&self, name: &ClusterName) -> Result<Option<Cluster>, EngineError> {
        match self
            .namesakes(name)
            .await?
            .into_iter()
            .find(ObservedCluster::is_complete)
        {
            Some(observed) => Ok(Some(self.cluster(self.ask_coe(observed).await))),
            None => Ok(None),
        }
    }

    /// The finished clusters, as their platform shows them in one look: no COE is asked.
    pub async fn list(&self) -> Result<Vec<Cluster>, EngineError> {
        let found = self.observe(&Scope::All, &Bounds::for_look()).await?;
        let finished = found.into_iter().filter(ObservedCluster::is_complete);
        Ok(finished.map(|observed| self.cluster(observed)).collect())
    }

    /// The platform's machines, as it shows them in one look.
    pub async fn inventory(&self) -> Result<Vec<InventoryMachine>, EngineError> {
        let question = || self.0.platform.inventory();
        self.ask(&Bounds::for_look(), question).await
    }

    /// Which platform it works on, as in the provider's configuration: `docker`.
    pub fn platform_name(&self) -> &'static str {
        self.0.platform.name()
    }

    /// What clusters can be made from on the platform, and how much of it is left, in one look.
    pub async fn offer(&self) -> Result<Offer, EngineError> {
        let question = || self.0.platform.offer();
        let offer = self.ask(&Bounds::for_look(), question).await?;
        Ok(offer.in_order())
    }

    /// Everything of that name, as its platform shows it: a finished cluster, and what interrupted
    /// creates left.
    pub async fn namesakes(&self, name: &ClusterName) -> Result<Vec<ObservedCluster>, EngineError> {
        self.observe(&Scope::Name(name.clone()), &Bounds::for_look())
            .await
    }

    /// Where the cluster is reached, and a certificate of that life to reach it with. It is made on
    /// demand and kept nowhere. The cluster need not run: what signs it is on its control planes.
    pub async fn credentials(
        &self,
        id: ClusterId,
        lifetime: Duration,
    ) -> Result<Access, EngineError> {
        let scope = Scope::Id(id);
        let observed = self.observe(&scope, &Bounds::for_look()).await?.pop();
        let observed = observed.ok_or(EngineError::NoCluster(id))?;
        let record = observed.record.as_ref().ok_or(EngineError::NoRecord(id))?;
        let cluster = record.spec.name.clone();
        let driver = Arc::clone(self.driver(record.spec.coe)?);
        let mut reasons = Vec::new();
        let mut control_planes: Vec<_> = observed
            .machines
            .values()
            .filter(|machine| machine.spec.role == Role::ControlPlane)
            .collect();
        control_planes.sort_by_key(|machine| machine.state != MachineState::Running);
        for machine in control_planes {
            let exec = self.0.platform.exec(machine);
            match driver.read_secrets(exec.as_ref()).await {
                Ok(secrets) => {
                    let credentials = driver.credentials(&secrets, lifetime)?;
                    let reason = "its endpoint is not known".to_owned();
                    let name = cluster.clone();
                    let unknown = EngineError::NoControlPlane { cluster, reason };
                    let of = self.cluster(observed);
                    let endpoint = of.endpoint().ok_or(unknown)?.to_owned();
                    return Ok(Access {
                        client_configuration: driver.client_configuration(
                            &name,
                            &endpoint,
                            &credentials,
                        ),
                        endpoint,
                        credentials,
                    });
                }
                Err(error) => reasons.push(crate::error::chain(&error)),
            }
        }
        if reasons.is_empty() {
            reasons.push("none has a machine".to_owned());
        }
        Err(EngineError::NoControlPlane {
            cluster,
            reason: reasons.join("; "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NodeGroupSpec, NodeName, OnCreateFailure};
    use crate::operation::Operation;

    /// Not run: callers spawn operations, so their futures have to move between threads.
    #[allow(dead_code)]
    fn operations_can_be_spawned(
        engine: &Engine,
        spec: &ClusterSpec,
        id: ClusterId,
        node: &NodeRequest,
        group: &NodeGroupSpec,
        name: &NodeName,
        operation: &Operation,
    ) {
        fn is_send(_: impl Send) {}
        is_send(engine.create(spec, OnCreateFailure::Rollback, operation));
        is_send(engine.read(id));
        is_send(engine.update(id, spec, operation));
        is_send(engine.delete(id, operation));
        is_send(engine.garbage(None));
        is_send(engine.remove_garbage(id, None, operation));
        is_send(engine.claims(None));
        is_send(engine.end_claim(id, operation.id, None));
        is_send(engine.add_node(id, node, operation));
        is_send(engine.update_node(id, node, operation));
        is_send(engine.remove_node(id, name, operation));
        is_send(engine.add_group(id, group, operation));
        is_send(engine.update_group(id, group, operation));
        is_send(engine.remove_group(id, &group.name, operation));
    }
}
