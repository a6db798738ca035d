//! A real swarm on a real Docker Engine, made by the platform and the driver alone.
//!
//! Needs an engine (`tests/testbeds/docker-engine up`) and the images that
//! `examples/node-images/build swarm` and `examples/workload/build` build.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use coe_engine::coe::swarm::Swarm;
use coe_engine::coe::{ClusterSecrets, Coe, CoeView, Credentials, NewNode, NodeAccess};
use coe_engine::engine::{Engine, Settings};
use coe_engine::model::{
    Carries, ClusterId, ClusterSpec, CoeKind, DesiredState, Drain, Health, ImageName, Machine,
    MemberState, Network, NetworkSpec, NodeGroup, NodeName, NodeSpec, OnCreateFailure, OperationId,
    Owner, Pace, PortMapping, Protocol, Role, WaitFor,
};
use coe_engine::operation::{Event, Operation, ProgressSink, RetryBudget};
use coe_engine::platform::docker::{Docker, DockerSettings};
use coe_engine::platform::{MachineRequest, Platform, PlatformError, Scope};
use coe_engine::transport::{Command, Exec, Stdin};
use futures_util::FutureExt;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

const NODE_IMAGE: &str = "coe/swarm-node:20.10.24";
const WORKLOAD_IMAGE: &str = "coe/hello:1";

/// A cluster whose steps a test takes by hand.
struct Cluster {
    docker: Docker,
    owner: Owner,
    spec: ClusterSpec,
    network: Network,
    secrets: ClusterSecrets,
}

/// One control plane, and nothing that has to be said.
fn cluster_spec() -> ClusterSpec {
    ClusterSpec {
        name: "swarm".parse().unwrap(),
        description: String::new(),
        coe: CoeKind::Swarm,
        labels: BTreeMap::new(),
        version: None,
        control_planes: 1.try_into().unwrap(),
        workers: 0,
        control_plane_flavor: None,
        flavor: None,
        image: None,
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

/// Gives the test a cluster without nodes, and removes everything of it however the test ends.
async fn with_cluster<T>(test: impl FnOnce(Arc<Cluster>) -> T)
where
    T: Future<Output = ()>,
{
    let settings = DockerSettings::default().or_environment(|name| std::env::var(name).ok());
    let docker = Docker::connect(settings).unwrap();
    let id = ClusterId::new();
    let unique: String = id.to_string().chars().take(8).collect();
    let owner = Owner {
        cluster: id,
        cluster_name: format!("swarm-{unique}").parse().unwrap(),
        operation: OperationId::new(),
        deadline: Timestamp::now() + SignedDuration::from_mins(10),
        host: None,
    };
    let run = async {
        let spec = ClusterSpec {
            name: owner.cluster_name.clone(),
            labels: BTreeMap::from([("task_history_limit".to_owned(), "3".to_owned())]),
            workers: 1,
            ..cluster_spec()
        };
        let network = docker.ensure_network(&owner, &spec.network).await.unwrap();
        let secrets = Swarm.new_secrets(&spec).unwrap();
        let (docker, owner) = (docker.clone(), owner.clone());
        test(Arc::new(Cluster {
            docker,
            owner,
            spec,
            network,
            secrets,
        }))
        .await;
    };
    let ended = AssertUnwindSafe(run).catch_unwind().await;
    let left = docker.observe(&Scope::Id(id)).await.unwrap();
    for cluster in left {
        let nodes: Vec<&NodeName> = cluster
            .machines
            .keys()
            .chain(cluster.volumes.keys())
            .collect();
        for node in nodes {
            docker.delete_machine(id, node).await.unwrap();
            docker.delete_volumes(id, node).await.unwrap();
        }
    }
    docker.delete_network(id).await.unwrap();
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

impl Cluster {
    fn name(&self, role: Role, ordinal: u32) -> NodeName {
        self.owner.cluster_name.node(role, ordinal).unwrap()
    }

    /// The node's machine, up; `secrets` go to new control planes.
    async fn machine(
        &self,
        role: Role,
        ordinal: u32,
        secrets: Option<&ClusterSecrets>,
        host_port: Option<u16>,
    ) -> Machine {
        let node = self.name(role, ordinal);
        let offset = if role == Role::ControlPlane { 10 } else { 20 } + ordinal;
        let address = self.network.subnet.hosts().nth(offset as usize).unwrap();
        let names = [address.to_string()];
        let new = NewNode {
            name: &node,
            role,
            address,
            reached_by: &names,
            control_planes: &[],
            carries: Carries::AnyAddress,
        };
        let boot = Swarm.boot(&self.spec, &new, secrets).unwrap();
        let api = PortMapping {
            node: node.clone(),
            node_port: Swarm.api_port(),
            host_port,
            listen_address: [127, 0, 0, 1].into(),
            protocol: Protocol::Tcp,
        };
        let spec = NodeSpec {
            name: node,
            role,
            group: NodeGroup::Pool,
            image: ImageName(NODE_IMAGE.to_owned()),
            flavor: None,
            ports: (role == Role::ControlPlane)
                .then_some(api)
                .into_iter()
                .collect(),
            mounts: Vec::new(),
            volumes: Swarm.volumes(role),
            labels: BTreeMap::new(),
        };
        let network = self.network.clone();
        let request = MachineRequest {
            spec,
            address,
            network,
            boot,
        };
        let machine = self
            .docker
            .ensure_machine(&self.owner, &request)
            .await
            .unwrap();
        Swarm.wait_until_up(&*self.exec(&machine)).await.unwrap();
        machine
    }

    fn exec(&self, machine: &Machine) -> Arc<dyn Exec> {
        self.docker.exec(machine)
    }

    async fn init(&self) -> Machine {
        let first = self
            .machine(Role::ControlPlane, 1, Some(&self.secrets), None)
            .await;
        self.init_on(&first).await;
        first
    }

    async fn init_on(&self, first: &Machine) {
        let exec = self.exec(first);
        let access = NodeAccess {
            role: first.spec.role,
            address: first.address,
            exec: &*exec,
        };
        Swarm.init(&self.spec, &access).await.unwrap();
    }

    async fn join(&self, first: &Machine, role: Role, ordinal: u32) -> Machine {
        let machine = self.machine(role, ordinal, Some(&self.secrets), None).await;
        self.join_on(first, &machine).await;
        machine
    }

    async fn join_on(&self, first: &Machine, machine: &Machine) {
        let ticket = Swarm
            .join_ticket(&*self.exec(first), machine.spec.role)
            .await
            .unwrap();
        let exec = self.exec(machine);
        let access = NodeAccess {
            role: machine.spec.role,
            address: machine.address,
            exec: &*exec,
        };
        Swarm.join(&access, &ticket).await.unwrap();
    }

    async fn ready(&self, first: &Machine, machines: &[&Machine]) {
        let names: Vec<NodeName> = machines
            .iter()
            .map(|machine| machine.spec.name.clone())
            .collect();
        let ready = Swarm
            .wait_until_ready(&*self.exec(first), &names, WaitFor::Usable)
            .await;
        ready.unwrap();
    }

    async fn view(&self, first: &Machine) -> CoeView {
        Swarm.observe(&*self.exec(first)).await.unwrap()
    }

    async fn wait_for_state(&self, first: &Machine, node: &NodeName, state: MemberState) {
        while self.view(first).await.members[node].state != state {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Asks the endpoint as a client with these credentials does.
    async fn ask_endpoint(
        &self,
        machine: &Machine,
        credentials: &Credentials,
    ) -> Result<(), PlatformError> {
        let (address, port) = machine.published[&Swarm.api_port()];
        let client = Docker::connect(DockerSettings {
            host: Some(format!("tcp://{address}:{port}")),
            ca_certificate: Some(credentials.ca_certificate.clone()),
            client_certificate: Some(credentials.client_certificate.clone()),
            client_key: Some(credentials.client_key.clone()),
            ..DockerSettings::default()
        });
        client.unwrap().observe(&Scope::All).await.map(|_| ())
    }
}

async fn output_of(exec: &dyn Exec, script: &str) -> String {
    let output = exec.run(Command::shell(script)).await.unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status, 0, "{script}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_swarm_lives_from_its_first_manager_to_the_removal_of_its_worker() {
    with_cluster(|cluster| async move {
        let first = cluster.init().await;
        let worker = cluster.join(&first, Role::Worker, 1).await;
        // Asked twice, done once.
        cluster.init_on(&first).await;
        cluster.join_on(&first, &worker).await;
        cluster.ready(&first, &[&first, &worker]).await;

        let manager = cluster.exec(&first);
        let view = cluster.view(&first).await;
        assert_eq!(view.members.len(), 2);
        assert_eq!(view.members[&first.spec.name].role, Role::ControlPlane);
        assert_eq!(view.members[&worker.spec.name].role, Role::Worker);
        assert!(view.members.values().all(|member| member.made_here));
        assert!(
            view.members
                .values()
                .all(|member| member.state == MemberState::Ready)
        );
        assert!(
            view.members
                .values()
                .all(|member| member.version.starts_with("20.10.24"))
        );
        assert_eq!(view.ca_certificate, cluster.secrets.ca_certificate);
        assert_eq!(view.settings["task_history_limit"], "3");

        let mut spec = cluster.spec.clone();
        spec.labels = BTreeMap::from([("dispatcher_heartbeat".to_owned(), "7s".to_owned())]);
        Swarm.configure(&*manager, &[], &spec).await.unwrap();
        let labels = BTreeMap::from([("zone".to_owned(), "a".to_owned())]);
        Swarm
            .set_node_labels(&*manager, &worker.spec.name, &labels)
            .await
            .unwrap();
        let view = cluster.view(&first).await;
        assert_eq!(view.settings["dispatcher_heartbeat"], "7s");
        assert_eq!(view.settings["task_history_limit"], "5");
        assert_eq!(view.members[&worker.spec.name].labels, labels);

        Swarm
            .drain(&*manager, &worker.spec.name, Drain::default())
            .await
            .unwrap();
        let state = cluster.view(&first).await.members[&worker.spec.name].state;
        assert_eq!(state, MemberState::Drained);
        Swarm.uncordon(&*manager, &worker.spec.name).await.unwrap();
        let state = cluster.view(&first).await.members[&worker.spec.name].state;
        assert_eq!(state, MemberState::Ready);

        let leaving = cluster.exec(&worker);
        for _ in 0..2 {
            Swarm
                .remove_member(&*manager, &worker.spec.name, Some(&*leaving))
                .await
                .unwrap();
            assert_eq!(cluster.view(&first).await.members.len(), 1);
        }
        // It left and may come again.
        cluster.join_on(&first, &worker).await;
        cluster.ready(&first, &[&worker]).await;
    })
    .await;
}

#[tokio::test]
async fn only_clients_with_the_clusters_certificate_are_answered() {
    with_cluster(|cluster| async move {
        let first = cluster.init().await;
        let exec = cluster.exec(&first);
        let secrets = Swarm.read_secrets(&*exec).await.unwrap();
        assert_eq!(secrets.ca_certificate, cluster.secrets.ca_certificate);
        assert!(secrets.ca_key.expose() == cluster.secrets.ca_key.expose());

        let lifetime = Duration::from_mins(5);
        let credentials = Swarm.credentials(&secrets, lifetime).unwrap();
        cluster.ask_endpoint(&first, &credentials).await.unwrap();

        let stranger = Swarm.new_secrets(&cluster.spec).unwrap();
        let mut forged = Swarm.credentials(&stranger, lifetime).unwrap();
        let untrusting = cluster.ask_endpoint(&first, &forged).await;
        assert!(
            untrusting.is_err(),
            "a client trusted a server of another CA"
        );
        forged.ca_certificate.clone_from(&secrets.ca_certificate);
        let refused = cluster.ask_endpoint(&first, &forged).await;
        assert!(refused.is_err(), "a certificate of another CA was accepted");

        let modes = output_of(&*exec, "stat -c '%a %u %n' /etc/docker/tls/*.pem").await;
        expect_test::expect![[r"
            600 0 /etc/docker/tls/ca-key.pem
            644 0 /etc/docker/tls/ca.pem
            644 0 /etc/docker/tls/cert.pem
            600 0 /etc/docker/tls/key.pem
        "]]
        .assert_eq(&modes);
    })
    .await;
}

#[tokio::test]
async fn managers_join_at_once_and_give_up_their_vote_before_they_go() {
    with_cluster(|cluster| async move {
        let first = cluster.init().await;
        let (second, third) = tokio::join!(
            cluster.join(&first, Role::ControlPlane, 2),
            cluster.join(&first, Role::ControlPlane, 3),
        );
        cluster.ready(&first, &[&first, &second, &third]).await;
        let view = cluster.view(&third).await;
        assert!(
            view.members
                .values()
                .all(|member| member.role == Role::ControlPlane)
        );
        assert_eq!(view.members.len(), 3);

        // The leader, from another: the hard case.
        let manager = cluster.exec(&second);
        let leaving = cluster.exec(&first);
        Swarm
            .remove_member(&*manager, &first.spec.name, Some(&*leaving))
            .await
            .unwrap();
        Swarm
            .remove_member(&*manager, &third.spec.name, Some(&*cluster.exec(&third)))
            .await
            .unwrap();
        let view = cluster.view(&second).await;
        let left: Vec<NodeName> = view.members.into_keys().collect();
        assert_eq!(left, std::slice::from_ref(&second.spec.name));

        // The last one keeps its vote.
        let last = Swarm
            .remove_member(&*manager, &second.spec.name, None)
            .await;
        assert!(last.is_err());
    })
    .await;
}

#[tokio::test]
async fn nodes_that_are_made_again_with_their_volumes_are_the_members_they_were() {
    with_cluster(|cluster| async move {
        let first = cluster.init().await;
        let worker = cluster.join(&first, Role::Worker, 1).await;
        cluster.ready(&first, &[&first, &worker]).await;
        let before = cluster.view(&first).await.members;

        let id = cluster.owner.cluster;
        for machine in [&first, &worker] {
            cluster
                .docker
                .delete_machine(id, &machine.spec.name)
                .await
                .unwrap();
        }
        let port = first.published[&Swarm.api_port()].1;
        let (again, worker) = tokio::join!(
            cluster.machine(Role::ControlPlane, 1, None, Some(port)),
            cluster.machine(Role::Worker, 1, None, None),
        );
        cluster.ready(&again, &[&again, &worker]).await;
        let after = cluster.view(&again).await.members;
        assert_eq!(before, after);
        let credentials = Swarm
            .credentials(&cluster.secrets, Duration::from_mins(5))
            .unwrap();
        cluster.ask_endpoint(&again, &credentials).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn work_moves_off_a_node_before_its_drain_is_done_and_a_dead_node_is_forgotten() {
    with_cluster(|cluster| async move {
        let first = cluster.init().await;
        let worker = cluster.join(&first, Role::Worker, 1).await;
        cluster.ready(&first, &[&first, &worker]).await;
        let manager = cluster.exec(&first);
        let workload = ImageName(WORKLOAD_IMAGE.to_owned());
        let loads = [&first, &worker].map(|machine| async {
            let mut load = Swarm.load_image();
            load.stdin = Stdin::Stream(cluster.docker.export_image(&workload).await.unwrap());
            cluster.exec(machine).run(load).await.unwrap().status
        });
        assert_eq!(join_all(loads).await, [0, 0]);

        let create = format!(
            "docker service create --quiet --no-resolve-image --name hello --replicas 2 \
             --endpoint-mode dnsrr --constraint node.role==worker {WORKLOAD_IMAGE}"
        );
        output_of(&*manager, &create).await;
        let running = "docker ps --quiet";
        assert_eq!(
            output_of(&*cluster.exec(&worker), running)
                .await
                .lines()
                .count(),
            2
        );
        Swarm
            .drain(&*manager, &worker.spec.name, Drain::default())
            .await
            .unwrap();
        assert_eq!(output_of(&*cluster.exec(&worker), running).await, "");

        cluster.docker.stop_machine(&worker).await.unwrap();
        cluster
            .wait_for_state(&first, &worker.spec.name, MemberState::Down)
            .await;
        Swarm
            .remove_member(&*manager, &worker.spec.name, None)
            .await
            .unwrap();
        assert_eq!(cluster.view(&first).await.members.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_node_whose_service_ends_says_why() {
    with_cluster(|cluster| async move {
        let first = cluster.init().await;
        output_of(
            &*cluster.exec(&first),
            "echo nonsense >/etc/docker/daemon.json",
        )
        .await;
        cluster.docker.stop_machine(&first).await.unwrap();
        cluster.docker.start_machine(&first).await.unwrap();
        let error = Swarm
            .wait_until_up(&*cluster.exec(&first))
            .await
            .unwrap_err();
        let mut text = error.to_string();
        let mut next = std::error::Error::source(&error);
        while let Some(error) = next {
            text = format!("{text}: {error}");
            next = error.source();
        }
        assert!(text.contains("daemon.json"), "{text}");
    })
    .await;
}

struct Silent;

impl ProgressSink for Silent {
    fn report(&self, _event: Event) {}
}

fn operation() -> Operation {
    Operation {
        id: OperationId::new(),
        deadline: Timestamp::now() + SignedDuration::from_mins(5),
        cancellation: CancellationToken::new(),
        progress: Arc::new(Silent),
        retries: RetryBudget::default(),
    }
}

/// Without two of three managers nobody can be asked, not even whether the two are members still.
async fn lose_and_regain_the_quorum(engine: &Engine, spec: &ClusterSpec) {
    let kept = OnCreateFailure::Keep;
    let created = engine.create(spec, kept, &operation()).await;
    let created = created.unwrap_or_else(|failure| panic!("{failure}"));
    let client = bollard::Docker::connect_with_defaults().unwrap();
    for ordinal in [1, 2] {
        let node = spec.name.node(Role::ControlPlane, ordinal).unwrap();
        let kill = client.kill_container(node.as_str(), None);
        kill.await.unwrap();
    }
    let repaired = engine.update(created.id(), spec, &operation()).await;
    let repaired = repaired.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(
        repaired.health(),
        Health::Healthy,
        "{:#?}",
        repaired.nodes()
    );
    let members = |cluster: &coe_engine::cluster::Cluster| -> Vec<String> {
        let members = cluster.observed.members.iter().flatten();
        members.map(|(_, member)| member.id.clone()).collect()
    };
    assert_eq!(members(&repaired), members(&created), "nobody joined anew");
}

#[tokio::test]
async fn a_swarm_that_lost_its_quorum_is_repaired() {
    let settings = DockerSettings::default().or_environment(|name| std::env::var(name).ok());
    let docker = Docker::connect(settings).unwrap();
    let engine = Engine::new(Arc::new(docker.clone()), Settings::default());
    let unique: String = ClusterId::new().to_string().chars().take(8).collect();
    let spec = ClusterSpec {
        name: format!("quorum-{unique}").parse().unwrap(),
        control_planes: 3.try_into().unwrap(),
        workers: 0,
        image: Some(ImageName(NODE_IMAGE.to_owned())),
        ..cluster_spec()
    };
    let ended = AssertUnwindSafe(lose_and_regain_the_quorum(&engine, &spec)).catch_unwind();
    let ended = ended.await;
    for left in engine.namesakes(&spec.name).await.unwrap() {
        let deleted = engine.delete(left.id, &operation()).await;
        deleted.unwrap_or_else(|failure| panic!("{failure}"));
    }
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}
