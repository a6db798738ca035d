//! The simulated platform behind a gate.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use coe_engine::model::{
    Balancer, ClusterId, ClusterRecord, ClusterSpec, Finding, Flavor, ImageName, Machine,
    MachineSize, Network, NetworkSpec, NodeName, NodeSpec, ObservedCluster, Offer, OperationId,
    Owner, Secret,
};
use coe_engine::platform::simulated::{Call, Simulated};
use coe_engine::platform::{
    BalancerRequest, Balances, ImageStream, MachineRequest, Machines, Platform, PlatformError,
    Scope,
};
use coe_engine::transport::{Command, Duplex, Exec, ExecError, NodeFile, Output, Stdin};

use crate::gate::{Gate, Made, Refusal};

pub(crate) struct GatedPlatform {
    pub(crate) inner: Simulated,
    pub(crate) gate: Arc<Gate>,
}

impl GatedPlatform {
    async fn read<T: Send, F: Future<Output = Result<T, PlatformError>> + Send>(
        &self,
        call: Call,
        effect: impl Fn() -> F + Send + Sync,
    ) -> Result<T, PlatformError> {
        self.pass(call, false, effect).await
    }

    async fn write<T: Send, F: Future<Output = Result<T, PlatformError>> + Send>(
        &self,
        call: Call,
        effect: impl Fn() -> F + Send + Sync,
    ) -> Result<T, PlatformError> {
        self.pass(call, true, effect).await
    }

    async fn pass<T: Send, F: Future<Output = Result<T, PlatformError>> + Send>(
        &self,
        call: Call,
        has_effect: bool,
        effect: impl Fn() -> F + Send + Sync,
    ) -> Result<T, PlatformError> {
        let refused = |refusal: Refusal| PlatformError::Refused {
            what: call.to_string(),
            reason: refusal.reason.to_owned(),
            help: None,
            retry: refusal.retry,
        };
        self.gate
            .pass(Made { call, has_effect }, refused, effect)
            .await
    }
}

#[async_trait]
impl Platform for GatedPlatform {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn location(&self) -> String {
        self.inner.location()
    }

    /// They are not: so the engine takes the driver that it is given as it is, which rehearses by itself.
    fn machines(&self) -> Machines {
        Machines::Real
    }

    async fn observe(&self, scope: &Scope) -> Result<Vec<ObservedCluster>, PlatformError> {
        self.read(Call::Observe, || self.inner.observe(scope)).await
    }

    async fn offer(&self) -> Result<Offer, PlatformError> {
        self.inner.offer().await
    }

    async fn size_of(&self, flavor: Option<&Flavor>) -> Result<Option<MachineSize>, PlatformError> {
        self.inner.size_of(flavor).await
    }

    async fn check(
        &self,
        spec: &ClusterSpec,
        nodes: &[NodeSpec],
        observed: Option<&ObservedCluster>,
    ) -> Result<Vec<Finding>, PlatformError> {
        self.read(Call::Check, || self.inner.check(spec, nodes, observed))
            .await
    }

    async fn ensure_image(&self, image: &ImageName) -> Result<String, PlatformError> {
        self.read(Call::EnsureImage, || self.inner.ensure_image(image))
            .await
    }

    async fn image_ids(
        &self,
        images: &[ImageName],
    ) -> Result<BTreeMap<ImageName, String>, PlatformError> {
        self.read(Call::ImageIds, || self.inner.image_ids(images))
            .await
    }

    async fn export_image(&self, image: &ImageName) -> Result<ImageStream, PlatformError> {
        self.read(Call::ExportImage, || self.inner.export_image(image))
            .await
    }

    async fn ensure_network(
        &self,
        owner: &Owner,
        want: &NetworkSpec,
    ) -> Result<Network, PlatformError> {
        self.write(Call::EnsureNetwork, || {
            self.inner.ensure_network(owner, want)
        })
        .await
    }

    async fn ensure_machine(
        &self,
        owner: &Owner,
        request: &MachineRequest,
    ) -> Result<Machine, PlatformError> {
        self.write(Call::EnsureMachine, || {
            self.inner.ensure_machine(owner, request)
        })
        .await
    }

    async fn start_machine(&self, machine: &Machine) -> Result<(), PlatformError> {
        self.write(Call::StartMachine, || self.inner.start_machine(machine))
            .await
    }

    async fn stop_machine(&self, machine: &Machine) -> Result<(), PlatformError> {
        self.write(Call::StopMachine, || self.inner.stop_machine(machine))
            .await
    }

    async fn delete_machine(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        self.write(Call::DeleteMachine, || {
            self.inner.delete_machine(cluster, node)
        })
        .await
    }

    async fn delete_volumes(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        self.write(Call::DeleteVolumes, || {
            self.inner.delete_volumes(cluster, node)
        })
        .await
    }

    async fn delete_network(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.write(Call::DeleteNetwork, || self.inner.delete_network(cluster))
            .await
    }

    fn balances(&self) -> Option<&dyn Balances> {
        Some(self)
    }

    async fn put_record(&self, owner: &Owner, record: &ClusterRecord) -> Result<(), PlatformError> {
        self.write(Call::PutRecord, || self.inner.put_record(owner, record))
            .await
    }

    async fn claim(
        &self,
        owner: &Owner,
        instead_of: Option<OperationId>,
    ) -> Result<Option<Owner>, PlatformError> {
        self.write(Call::Claim, || self.inner.claim(owner, instead_of))
            .await
    }

    async fn release(
        &self,
        cluster: ClusterId,
        operation: OperationId,
    ) -> Result<(), PlatformError> {
        self.write(Call::Release, || self.inner.release(cluster, operation))
            .await
    }

    async fn delete_record(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.write(Call::DeleteRecord, || self.inner.delete_record(cluster))
            .await
    }

    fn exec(&self, machine: &Machine) -> Arc<dyn Exec> {
        Arc::new(GatedExec {
            inner: self.inner.exec(machine),
            gate: Arc::clone(&self.gate),
        })
    }
}

#[async_trait]
impl Balances for GatedPlatform {
    async fn ensure_balancer(
        &self,
        owner: &Owner,
        request: &BalancerRequest,
    ) -> Result<Balancer, PlatformError> {
        self.write(Call::EnsureBalancer, || {
            self.inner.ensure_balancer(owner, request)
        })
        .await
    }

    async fn delete_balancer(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.write(Call::DeleteBalancer, || self.inner.delete_balancer(cluster))
            .await
    }
}

struct GatedExec {
    inner: Arc<dyn Exec>,
    gate: Arc<Gate>,
}

impl GatedExec {
    fn refused(&self, command: &str) -> impl Fn(Refusal) -> ExecError + Send + Sync {
        let (node, command) = (self.node().clone(), command.to_owned());
        move |refusal| ExecError::Channel {
            node: node.clone(),
            command: command.clone(),
            source: refusal.reason.into(),
            retry: refusal.retry,
        }
    }
}

#[async_trait]
impl Exec for GatedExec {
    fn node(&self) -> &NodeName {
        self.inner.node()
    }

    async fn run(&self, command: Command) -> Result<Output, ExecError> {
        let made = Made {
            call: Call::Run,
            has_effect: false,
        };
        let refused = self.refused("run");
        let Command { argv, stdin } = command;
        if matches!(stdin, Stdin::Empty) {
            let run = || {
                self.inner.run(Command {
                    argv: argv.clone(),
                    stdin: Stdin::Empty,
                })
            };
            return self.gate.pass(made, refused, run).await;
        }
        // What is read from a stream is read once: the second time there is nothing.
        let once = Mutex::new(Some(stdin));
        let run = || {
            let stdin = once.lock().ok().and_then(|mut once| once.take());
            self.inner.run(Command {
                argv: argv.clone(),
                stdin: stdin.unwrap_or(Stdin::Empty),
            })
        };
        self.gate.pass(made, refused, run).await
    }

    async fn open(&self, command: Command) -> Result<Box<dyn Duplex>, ExecError> {
        self.inner.open(command).await
    }

    async fn read_file(&self, path: &str) -> Result<Option<Secret<Vec<u8>>>, ExecError> {
        let made = Made {
            call: Call::Run,
            has_effect: false,
        };
        let read = || self.inner.read_file(path);
        self.gate
            .pass(made, self.refused("read a file"), read)
            .await
    }

    async fn put_files(&self, files: &[NodeFile]) -> Result<(), ExecError> {
        let made = Made {
            call: Call::PutFiles,
            has_effect: true,
        };
        let put = || self.inner.put_files(files);
        self.gate.pass(made, self.refused("put files"), put).await
    }
}
