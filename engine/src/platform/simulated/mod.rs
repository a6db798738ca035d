//! A platform without machines, kept in a folder: for plan checks where no engine is, for trying out,
//! and for the engine's own tests.
//!
//! Guarantees: everything that [`Platform`] asks for, for any number of processes that use the folder
//! at once, on one machine. Every file is replaced as a whole; whoever reads sees the one before or the
//! one after. A process that is killed in the middle of a call leaves what a real platform would leave:
//! for example a machine that was made and never started.
//!
//! # The folder
//!
//! | path | is |
//! |---|---|
//! | `machines/<name>/machine.json` | a machine: labels, `state` (`created`, `running`, `stopped`, `failed`), address, what it was made as |
//! | `machines/<name>/files/…` | the files on it that are in none of its volumes |
//! | `balancers/<name>/balancer.json` | what leads to a cluster's control planes: labels, `state`, address, `host_port`, `targets` |
//! | `networks/<name>/network.json` | a network: labels, `subnet` |
//! | `networks/<name>/addresses/<address>` | the name of the machine or balancer that has the address |
//! | `volumes/<name>/volume.json`, `volumes/<name>/files/…` | a volume and what is in it |
//! | `ports/<protocol>-<port>` | the name of the machine or balancer that has the pretended host's port |
//! | `images/<name>` (`/` as `%2F`) | the id of an image, to have another one than `simulated:<name>` |
//! | `clusters/<id>/record.json` | the record of a cluster: labels, `record` |
//! | `clusters/<id>/claim.json` | which operation has the cluster: labels |
//! | `clusters/<id>/<kind>.<name>`, `clusters/<id>/name`, `names/<cluster name>/<id>` | the index: what a cluster has, found without a look at anybody else's |
//! | `lock` | held by whoever writes |
//!
//! Everything may be edited by hand while nothing runs: set a machine's `state` to `stopped` and it is
//! stopped; delete `machines/<name>` and it is gone, its volumes are not; delete `volumes/<name>` and
//! the data is gone. A `machine.json`, `network.json` or `volume.json` without labels is somebody
//! else's: `{}`, or for a network `{"subnet": "10.7.0.0/24"}`.

mod balancer;
mod check;
mod claim;
mod clusters;
mod exec;
mod faults;
mod folder;
mod image;
mod labels;
mod machine;
mod network;
mod observe;
mod offer;
mod port;
mod record;
mod settings;
mod size;
mod volume;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::model::{
    Balancer, ClusterId, ClusterRecord, ClusterSpec, Finding, Flavor, ImageName, Machine,
    MachineSize, MachineState, Network, NetworkSpec, NodeName, NodeSpec, ObservedCluster, Offer,
    OperationId, Owner,
};
use crate::platform::{
    BalancerRequest, Balances, ImageStream, MachineRequest, Machines, Platform, PlatformError,
    Retry, Scope,
};
use crate::transport::Exec;

use faults::Faults;
use folder::{Folder, LockedFolder};
pub use settings::{Call, Fault, FaultKind, Quota, SimulatedSettings, UnknownWord};

const NAME: &str = "simulated";

/// A platform kept in a folder.
#[derive(Clone)]
pub struct Simulated {
    inner: Arc<Inner>,
}

struct Inner {
    folder: Folder,
    latency: std::time::Duration,
    quota: Quota,
    faults: Faults,
}

impl Simulated {
    /// The platform in that folder. Touches nothing yet.
    pub fn new(settings: SimulatedSettings) -> Self {
        let SimulatedSettings {
            dir,
            latency,
            quota,
            faults,
        } = settings;
        let inner = Inner {
            folder: Folder::new(dir),
            latency,
            quota,
            faults: Faults::new(faults),
        };
        Self {
            inner: Arc::new(inner),
        }
    }
}

impl Inner {
    /// A call that only reads.
    async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        call: Call,
        work: impl FnOnce(&Folder) -> Result<T, PlatformError> + Send + 'static,
    ) -> Result<T, PlatformError> {
        let fault = self.begin(call).await?;
        let inner = Arc::clone(self);
        let result = blocking(call, move || work(&inner.folder)).await?;
        end(call, fault, result)
    }

    /// A call that writes. Once its future is dropped it either has had its effect or never has it:
    /// whoever asks next, an undo for example, sees which.
    async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        call: Call,
        work: impl FnOnce(&LockedFolder<'_>) -> Result<T, PlatformError> + Send + 'static,
    ) -> Result<T, PlatformError> {
        let fault = self.begin(call).await?;
        let inner = Arc::clone(self);
        let caller = Arc::new(());
        let waiting = Arc::downgrade(&caller);
        let result = blocking(call, move || {
            let folder = inner.folder.lock()?;
            if waiting.strong_count() == 0 {
                return Err(faulty(call, "nobody waits for it any more"));
            }
            work(&folder)
        })
        .await?;
        drop(caller);
        end(call, fault, result)
    }

    async fn begin(&self, call: Call) -> Result<Option<FaultKind>, PlatformError> {
        let fault = self.faults.count(call);
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        match fault {
            Some(FaultKind::FailBefore) => {
                Err(faulty(call, "it was told to fail before it has an effect"))
            }
            Some(FaultKind::Hang) => std::future::pending().await,
            Some(FaultKind::FailAfter) | None => Ok(fault),
        }
    }
}

fn end<T>(call: Call, fault: Option<FaultKind>, result: T) -> Result<T, PlatformError> {
    if fault == Some(FaultKind::FailAfter) {
        return Err(faulty(call, "it was told to fail after it had its effect"));
    }
    Ok(result)
}

async fn blocking<T: Send + 'static>(
    call: Call,
    work: impl FnOnce() -> Result<T, PlatformError> + Send + 'static,
) -> Result<T, PlatformError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(stopped) => Err(faulty(call, &stopped.to_string())),
    }
}

fn faulty(call: Call, reason: &str) -> PlatformError {
    PlatformError::Refused {
        what: call.to_string(),
        reason: reason.to_owned(),
        help: None,
        retry: Retry::Never,
    }
}

#[async_trait]
impl Platform for Simulated {
    fn name(&self) -> &'static str {
        NAME
    }

    fn location(&self) -> String {
        let folder = self.inner.folder.root();
        let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        absolute.display().to_string()
    }

    fn machines(&self) -> Machines {
        Machines::Pretended
    }

    async fn observe(&self, scope: &Scope) -> Result<Vec<ObservedCluster>, PlatformError> {
        let scope = scope.clone();
        self.inner
            .read(Call::Observe, move |folder| {
                observe::observe(folder, &scope)
            })
            .await
    }

    async fn offer(&self) -> Result<Offer, PlatformError> {
        let quota = self.inner.quota;
        let read = self
            .inner
            .read(Call::Observe, move |folder| offer::of(folder, quota));
        read.await
    }

    async fn size_of(&self, flavor: Option<&Flavor>) -> Result<Option<MachineSize>, PlatformError> {
        Ok(crate::platform::flavor::size_of(flavor))
    }

    async fn check(
        &self,
        spec: &ClusterSpec,
        nodes: &[NodeSpec],
        observed: Option<&ObservedCluster>,
    ) -> Result<Vec<Finding>, PlatformError> {
        let quota = self.inner.quota;
        let (spec, nodes, observed) = (spec.clone(), nodes.to_vec(), observed.cloned());
        self.inner
            .read(Call::Check, move |folder| {
                check::check(folder, quota, &spec, &nodes, observed.as_ref())
            })
            .await
    }

    async fn ensure_image(&self, image: &ImageName) -> Result<String, PlatformError> {
        let image = image.clone();
        self.inner
            .read(Call::EnsureImage, move |folder| image::find(folder, &image))
            .await
    }

    async fn image_ids(
        &self,
        images: &[ImageName],
    ) -> Result<BTreeMap<ImageName, String>, PlatformError> {
        let images = images.to_vec();
        self.inner
            .read(Call::ImageIds, move |folder| {
                let mut ids = BTreeMap::new();
                for image in images.into_iter().filter(|image| !image::is_missing(image)) {
                    let id = image::find(folder, &image)?;
                    ids.insert(image, id);
                }
                Ok(ids)
            })
            .await
    }

    async fn export_image(&self, image: &ImageName) -> Result<ImageStream, PlatformError> {
        let image = image.clone();
        let id = self
            .inner
            .read(Call::ExportImage, move |folder| image::find(folder, &image))
            .await?;
        Ok(Box::pin(futures_util::stream::iter([Ok(Bytes::from(id))])))
    }

    async fn ensure_network(
        &self,
        owner: &Owner,
        want: &NetworkSpec,
    ) -> Result<Network, PlatformError> {
        let (owner, want, quota) = (owner.clone(), want.clone(), self.inner.quota);
        self.inner
            .write(Call::EnsureNetwork, move |folder| {
                network::ensure(folder, quota, &owner, &want)
            })
            .await
    }

    async fn ensure_machine(
        &self,
        owner: &Owner,
        request: &MachineRequest,
    ) -> Result<Machine, PlatformError> {
        let (owner, request, quota) = (owner.clone(), request.clone(), self.inner.quota);
        self.inner
            .write(Call::EnsureMachine, move |folder| {
                machine::ensure(folder, quota, &owner, &request)
            })
            .await
    }

    async fn start_machine(&self, machine: &Machine) -> Result<(), PlatformError> {
        self.set_state(Call::StartMachine, machine, MachineState::Running)
            .await
    }

    async fn stop_machine(&self, machine: &Machine) -> Result<(), PlatformError> {
        self.set_state(Call::StopMachine, machine, MachineState::Stopped)
            .await
    }

    async fn delete_machine(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        let node = node.clone();
        self.inner
            .write(Call::DeleteMachine, move |folder| {
                machine::delete(folder, cluster, &node)
            })
            .await
    }

    async fn delete_volumes(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        let node = node.clone();
        self.inner
            .write(Call::DeleteVolumes, move |folder| {
                volume::delete(folder, cluster, &node)
            })
            .await
    }

    async fn delete_network(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.inner
            .write(Call::DeleteNetwork, move |folder| {
                network::delete(folder, cluster)
            })
            .await
    }

    fn balances(&self) -> Option<&dyn Balances> {
        Some(self)
    }

    async fn put_record(&self, owner: &Owner, record: &ClusterRecord) -> Result<(), PlatformError> {
        let (owner, record) = (owner.clone(), record.clone());
        self.inner
            .write(Call::PutRecord, move |folder| {
                record::put(folder, &owner, &record)
            })
            .await
    }

    async fn claim(
        &self,
        owner: &Owner,
        instead_of: Option<OperationId>,
    ) -> Result<Option<Owner>, PlatformError> {
        let owner = owner.clone();
        self.inner
            .write(Call::Claim, move |folder| {
                claim::take(folder, &owner, instead_of)
            })
            .await
    }

    async fn release(
        &self,
        cluster: ClusterId,
        operation: OperationId,
    ) -> Result<(), PlatformError> {
        self.inner
            .write(Call::Release, move |folder| {
                claim::end(folder, cluster, operation)
            })
            .await
    }

    async fn delete_record(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.inner
            .write(Call::DeleteRecord, move |folder| {
                record::delete(folder, cluster)
            })
            .await
    }

    fn exec(&self, machine: &Machine) -> Arc<dyn Exec> {
        Arc::new(exec::SimulatedExec {
            platform: Arc::clone(&self.inner),
            cluster: machine.owner.cluster,
            node: machine.spec.name.clone(),
        })
    }
}

#[async_trait]
impl Balances for Simulated {
    async fn ensure_balancer(
        &self,
        owner: &Owner,
        request: &BalancerRequest,
    ) -> Result<Balancer, PlatformError> {
        let (owner, request) = (owner.clone(), request.clone());
        self.inner
            .write(Call::EnsureBalancer, move |folder| {
                balancer::ensure(folder, &owner, &request)
            })
            .await
    }

    async fn delete_balancer(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.inner
            .write(Call::DeleteBalancer, move |folder| {
                balancer::delete(folder, cluster)
            })
            .await
    }
}

impl Simulated {
    async fn set_state(
        &self,
        call: Call,
        machine: &Machine,
        state: MachineState,
    ) -> Result<(), PlatformError> {
        let (cluster, node) = (machine.owner.cluster, machine.spec.name.clone());
        self.inner
            .write(call, move |folder| {
                machine::ensure_state(folder, cluster, &node, state)
            })
            .await
    }
}
