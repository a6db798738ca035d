//! A rehearsed COE behaves as a real one as far as an engine can tell.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use coe_engine::coe::rehearsal::Rehearsal;
use coe_engine::coe::swarm::Swarm;
use coe_engine::coe::{Coe, NewNode, NodeAccess};
use coe_engine::model::{
    Carries, ClusterSpec, Drain, Machine, Member, MemberState, Network, NodeName, NodeSpec, Role,
    Secret, WaitFor,
};
use coe_engine::platform::MachineRequest;
use coe_engine::transport::{Command, Duplex, Exec, ExecError, NodeFile, Output};

use crate::SimulatedHarness;
use crate::platform_contract::{Cluster, Fixture, run};

type Simulation = Arc<Fixture<SimulatedHarness>>;

/// A cluster whose COE is rehearsed.
struct Rehearsed {
    fixture: Simulation,
    cluster: Cluster,
    coe: Rehearsal,
    spec: ClusterSpec,
    network: Network,
    machines: BTreeMap<NodeName, Machine>,
}

impl Rehearsed {
    /// So many control planes and workers, all of them members.
    async fn new(fixture: Simulation, control_planes: u32, workers: u32) -> Self {
        let cluster = fixture.cluster();
        let network = cluster.ensure_network().await;
        let spec = ClusterSpec {
            version: Some("27.1.0".to_owned()),
            ..cluster.spec()
        };
        let coe = Rehearsal::new(Arc::new(Swarm));
        let machines = BTreeMap::new();
        let mut rehearsed = Self {
            fixture,
            cluster,
            coe,
            spec,
            network,
            machines,
        };
        for ordinal in 1..=control_planes {
            rehearsed.make(Role::ControlPlane, ordinal).await;
        }
        for ordinal in 1..=workers {
            rehearsed.make(Role::Worker, ordinal).await;
        }
        let first = rehearsed.name(Role::ControlPlane, 1);
        let exec = rehearsed.exec(&first);
        rehearsed
            .coe
            .init(&rehearsed.spec, &rehearsed.access(&first, &*exec))
            .await
            .unwrap();
        let others = rehearsed.machines.keys().filter(|name| **name != first);
        futures_util::future::join_all(others.map(|name| rehearsed.join(name))).await;
        rehearsed
    }

    fn name(&self, role: Role, ordinal: u32) -> NodeName {
        self.cluster.owner.cluster_name.node(role, ordinal).unwrap()
    }

    async fn make(&mut self, role: Role, ordinal: u32) {
        let name = self.name(role, ordinal);
        let secrets = self.coe.new_secrets(&self.spec).unwrap();
        let node = NodeSpec {
            name: name.clone(),
            role,
            volumes: self.coe.volumes(role),
            ..self.cluster.node(0)
        };
        let position = ordinal + if role == Role::Worker { 100 } else { 0 };
        let request = self.cluster.request(&self.network, position, node);
        let new = NewNode {
            name: &name,
            role,
            address: request.address,
            reached_by: &[],
            control_planes: &[],
            carries: Carries::AnyAddress,
        };
        let boot = self.coe.boot(&self.spec, &new, Some(&secrets)).unwrap();
        let request = MachineRequest { boot, ..request };
        let owner = &self.cluster.owner;
        let machine = self
            .cluster
            .platform
            .ensure_machine(owner, &request)
            .await
            .unwrap();
        self.coe
            .wait_until_up(&*self.cluster.platform.exec(&machine))
            .await
            .unwrap();
        self.machines.insert(name, machine);
    }

    fn exec(&self, name: &NodeName) -> Arc<dyn Exec> {
        self.cluster.platform.exec(&self.machines[name])
    }

    fn access<'a>(&self, name: &NodeName, exec: &'a dyn Exec) -> NodeAccess<'a> {
        let machine = &self.machines[name];
        NodeAccess {
            role: machine.spec.role,
            address: machine.address,
            exec,
        }
    }

    /// The first control plane, which most tests ask.
    fn first(&self) -> Arc<dyn Exec> {
        self.exec(&self.name(Role::ControlPlane, 1))
    }

    async fn join(&self, name: &NodeName) {
        let role = self.machines[name].spec.role;
        let ticket = self.coe.join_ticket(&*self.first(), role).await.unwrap();
        let exec = self.exec(name);
        self.coe
            .join(&self.access(name, &*exec), &ticket)
            .await
            .unwrap();
    }

    async fn members(&self) -> BTreeMap<NodeName, Member> {
        self.coe.observe(&*self.first()).await.unwrap().members
    }

    async fn state(&self, name: &NodeName) -> MemberState {
        self.members().await[name].state
    }

    async fn stop(&self, name: &NodeName) {
        self.cluster
            .platform
            .stop_machine(&self.machines[name])
            .await
            .unwrap();
    }

    async fn start(&self, name: &NodeName) {
        self.cluster
            .platform
            .start_machine(&self.machines[name])
            .await
            .unwrap();
    }

    fn delete_by_hand(&self, folder: &str, name: &str) {
        fs::remove_dir_all(self.fixture.harness.dir.path().join(folder).join(name)).unwrap();
    }
}

impl Rehearsed {
    /// Takes a member out of the copy of the ledger that a control plane has.
    fn forget_by_hand(&self, control_plane: &NodeName, node: &NodeName, member: &str) {
        let volume = &self.coe.volumes(Role::ControlPlane)[0].name;
        let folder = match self.machines[node].spec.role {
            Role::ControlPlane => "control".to_owned(),
            Role::Worker => format!("workers/{node}"),
        };
        let ledger = format!("volumes/{control_plane}-{volume}/files/rehearsal/ledger");
        let page = format!("{ledger}/{folder}/{member}.json");
        fs::remove_file(self.fixture.harness.dir.path().join(page)).unwrap();
    }
}

async fn rehearse(control_planes: u32, workers: u32, test: impl AsyncFnOnce(Rehearsed)) {
    run(
        SimulatedHarness::new().await,
        async |fixture: Simulation| {
            test(Rehearsed::new(fixture, control_planes, workers).await).await;
        },
    )
    .await;
}

#[tokio::test]
async fn all_join_at_once_and_are_ready() {
    rehearse(3, 2, async |rehearsed| {
        let names: Vec<NodeName> = rehearsed.machines.keys().cloned().collect();
        rehearsed
            .coe
            .wait_until_ready(&*rehearsed.first(), &names, WaitFor::Usable)
            .await
            .unwrap();
        let members = rehearsed.members().await;
        assert_eq!(members.keys().cloned().collect::<Vec<_>>(), names);
        for (name, member) in &members {
            assert_eq!(member.state, MemberState::Ready, "{name}");
            assert_eq!(member.role, rehearsed.machines[name].spec.role, "{name}");
            assert_eq!(member.version, "27.1.0", "{name}");
        }
        for ordinal in 2..=3 {
            let other = rehearsed.exec(&rehearsed.name(Role::ControlPlane, ordinal));
            assert_eq!(
                rehearsed.coe.observe(&*other).await.unwrap().members,
                members
            );
        }
    })
    .await;
}

#[tokio::test]
async fn asked_twice_a_node_joins_once() {
    rehearse(1, 1, async |rehearsed| {
        let before = rehearsed.members().await;
        let first = rehearsed.name(Role::ControlPlane, 1);
        let exec = rehearsed.exec(&first);
        rehearsed
            .coe
            .init(&rehearsed.spec, &rehearsed.access(&first, &*exec))
            .await
            .unwrap();
        rehearsed.join(&rehearsed.name(Role::Worker, 1)).await;
        assert_eq!(rehearsed.members().await, before);
    })
    .await;
}

#[tokio::test]
async fn a_node_whose_join_was_cut_off_is_the_same_member_when_it_joins_again() {
    rehearse(2, 1, async |rehearsed| {
        let before = rehearsed.members().await;
        let first = rehearsed.name(Role::ControlPlane, 1);
        for name in [
            rehearsed.name(Role::ControlPlane, 2),
            rehearsed.name(Role::Worker, 1),
        ] {
            for control_plane in [&first, &rehearsed.name(Role::ControlPlane, 2)] {
                if *control_plane != name {
                    rehearsed.forget_by_hand(control_plane, &name, &before[&name].id);
                }
            }
            assert!(!rehearsed.members().await.contains_key(&name));
            rehearsed.join(&name).await;
            assert_eq!(rehearsed.members().await, before);
        }
    })
    .await;
}

#[tokio::test]
async fn control_planes_that_joined_at_once_know_one_another_without_the_first() {
    rehearse(3, 1, async |rehearsed| {
        let members = rehearsed.members().await;
        rehearsed.stop(&rehearsed.name(Role::ControlPlane, 1)).await;
        for ordinal in 2..=3 {
            let other = rehearsed.exec(&rehearsed.name(Role::ControlPlane, ordinal));
            let seen = rehearsed.coe.observe(&*other).await.unwrap().members;
            assert!(seen.keys().eq(members.keys()), "{seen:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_member_is_down_while_its_machine_is_stopped() {
    rehearse(1, 1, async |rehearsed| {
        let worker = rehearsed.name(Role::Worker, 1);
        rehearsed.stop(&worker).await;
        assert_eq!(rehearsed.state(&worker).await, MemberState::Down);
        rehearsed.start(&worker).await;
        assert_eq!(rehearsed.state(&worker).await, MemberState::Ready);
    })
    .await;
}

#[tokio::test]
async fn a_machine_made_again_is_the_member_that_its_volumes_say() {
    rehearse(1, 1, async |mut rehearsed| {
        let worker = rehearsed.name(Role::Worker, 1);
        let before = rehearsed.members().await;
        rehearsed.delete_by_hand("machines", worker.as_str());
        assert_eq!(rehearsed.state(&worker).await, MemberState::Down);
        rehearsed.make(Role::Worker, 1).await;
        assert_eq!(rehearsed.members().await, before);
    })
    .await;
}

#[tokio::test]
async fn without_its_volumes_a_machine_is_nobody_until_it_joins() {
    rehearse(1, 1, async |mut rehearsed| {
        let worker = rehearsed.name(Role::Worker, 1);
        let before = rehearsed.members().await;
        rehearsed.delete_by_hand("machines", worker.as_str());
        for volume in rehearsed.coe.volumes(Role::Worker) {
            rehearsed.delete_by_hand("volumes", &format!("{worker}-{}", volume.name));
        }
        rehearsed.make(Role::Worker, 1).await;
        assert_eq!(rehearsed.state(&worker).await, MemberState::Down);
        rehearsed
            .coe
            .remove_member(&*rehearsed.first(), &worker, None)
            .await
            .unwrap();
        assert!(!rehearsed.members().await.contains_key(&worker));
        rehearsed.join(&worker).await;
        assert_eq!(rehearsed.state(&worker).await, MemberState::Ready);
        assert_ne!(rehearsed.members().await[&worker].id, before[&worker].id);
    })
    .await;
}

#[tokio::test]
async fn control_planes_answer_while_a_majority_runs() {
    rehearse(3, 1, async |rehearsed| {
        let (second, third) = (
            rehearsed.name(Role::ControlPlane, 2),
            rehearsed.name(Role::ControlPlane, 3),
        );
        rehearsed.stop(&third).await;
        assert_eq!(rehearsed.state(&third).await, MemberState::Down);
        rehearsed.stop(&second).await;
        let error = rehearsed
            .coe
            .observe(&*rehearsed.first())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("no quorum: 1 of 3"), "{error}");
        rehearsed.start(&second).await;
        assert_eq!(rehearsed.state(&second).await, MemberState::Ready);
    })
    .await;
}

#[tokio::test]
async fn a_removal_that_would_end_the_quorum_is_refused() {
    rehearse(3, 0, async |rehearsed| {
        let (second, third) = (
            rehearsed.name(Role::ControlPlane, 2),
            rehearsed.name(Role::ControlPlane, 3),
        );
        rehearsed.stop(&third).await;
        let first = rehearsed.first();
        let error = rehearsed
            .coe
            .remove_member(&*first, &second, None)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("no quorum"), "{error}");
        rehearsed
            .coe
            .remove_member(&*first, &third, None)
            .await
            .unwrap();
        rehearsed
            .coe
            .remove_member(&*first, &second, None)
            .await
            .unwrap();
        let only = rehearsed.name(Role::ControlPlane, 1);
        assert!(
            rehearsed
                .coe
                .remove_member(&*first, &only, None)
                .await
                .is_err()
        );
        assert_eq!(
            rehearsed.members().await.into_keys().collect::<Vec<_>>(),
            [only]
        );
    })
    .await;
}

#[tokio::test]
async fn a_control_plane_that_was_away_catches_up() {
    rehearse(3, 1, async |rehearsed| {
        let (third, worker) = (
            rehearsed.name(Role::ControlPlane, 3),
            rehearsed.name(Role::Worker, 1),
        );
        rehearsed.stop(&third).await;
        rehearsed
            .coe
            .remove_member(&*rehearsed.first(), &worker, None)
            .await
            .unwrap();
        rehearsed.start(&third).await;
        let seen = rehearsed
            .coe
            .observe(&*rehearsed.exec(&third))
            .await
            .unwrap()
            .members;
        assert!(!seen.contains_key(&worker));
        assert_eq!(seen, rehearsed.members().await);
    })
    .await;
}

#[tokio::test]
async fn who_is_no_control_plane_is_not_asked() {
    rehearse(3, 1, async |rehearsed| {
        let third = rehearsed.name(Role::ControlPlane, 3);
        rehearsed
            .coe
            .remove_member(&*rehearsed.first(), &third, None)
            .await
            .unwrap();
        for name in [third, rehearsed.name(Role::Worker, 1)] {
            let error = rehearsed
                .coe
                .observe(&*rehearsed.exec(&name))
                .await
                .unwrap_err();
            assert!(error.to_string().contains("no control plane"), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn labels_drains_and_settings_are_kept() {
    rehearse(1, 1, async |rehearsed| {
        let (first, worker) = (rehearsed.first(), rehearsed.name(Role::Worker, 1));
        let labels = BTreeMap::from([("disk".to_owned(), "fast".to_owned())]);
        rehearsed
            .coe
            .set_node_labels(&*first, &worker, &labels)
            .await
            .unwrap();
        rehearsed
            .coe
            .drain(&*first, &worker, Drain::default())
            .await
            .unwrap();
        let member = rehearsed.members().await[&worker].clone();
        assert_eq!(
            (member.labels, member.state),
            (labels, MemberState::Drained)
        );
        rehearsed.coe.uncordon(&*first, &worker).await.unwrap();
        assert_eq!(rehearsed.state(&worker).await, MemberState::Ready);

        let settings = BTreeMap::from([("task_history_limit".to_owned(), "7".to_owned())]);
        let spec = ClusterSpec {
            labels: settings.clone(),
            ..rehearsed.spec.clone()
        };
        rehearsed.coe.configure(&*first, &[], &spec).await.unwrap();
        assert_eq!(
            rehearsed.coe.observe(&*first).await.unwrap().settings,
            settings
        );
    })
    .await;
}

#[tokio::test]
async fn a_ticket_lets_its_own_role_join_and_no_other() {
    rehearse(1, 0, async |mut rehearsed| {
        rehearsed.make(Role::Worker, 1).await;
        let worker = rehearsed.name(Role::Worker, 1);
        let ticket = rehearsed
            .coe
            .join_ticket(&*rehearsed.first(), Role::ControlPlane)
            .await
            .unwrap();
        let exec = rehearsed.exec(&worker);
        let result = rehearsed
            .coe
            .join(&rehearsed.access(&worker, &*exec), &ticket)
            .await;
        assert!(result.is_err());
        assert!(!rehearsed.members().await.contains_key(&worker));
    })
    .await;
}

#[tokio::test]
async fn secrets_are_read_from_a_control_plane_and_make_credentials() {
    rehearse(1, 0, async |rehearsed| {
        let first = rehearsed.first();
        let secrets = rehearsed.coe.read_secrets(&*first).await.unwrap();
        let told = rehearsed.coe.observe(&*first).await.unwrap().ca_certificate;
        assert_eq!(told, secrets.ca_certificate);
        let life = std::time::Duration::from_hours(1);
        assert!(rehearsed.coe.credentials(&secrets, life).is_ok());
    })
    .await;
}

/// Counts the files that are asked for on the way to a node, and those that are put.
struct Counted {
    exec: Arc<dyn Exec>,
    files: AtomicUsize,
}

#[async_trait]
impl Exec for Counted {
    fn node(&self) -> &NodeName {
        self.exec.node()
    }

    async fn run(&self, command: Command) -> Result<Output, ExecError> {
        self.files.fetch_add(command.argv.len(), Ordering::Relaxed);
        self.exec.run(command).await
    }

    async fn open(&self, command: Command) -> Result<Box<dyn Duplex>, ExecError> {
        self.exec.open(command).await
    }

    async fn read_file(&self, path: &str) -> Result<Option<Secret<Vec<u8>>>, ExecError> {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.exec.read_file(path).await
    }

    async fn put_files(&self, files: &[NodeFile]) -> Result<(), ExecError> {
        self.files.fetch_add(files.len(), Ordering::Relaxed);
        self.exec.put_files(files).await
    }
}

impl Rehearsed {
    /// How many files it takes to make one worker more a member, to label it, and to remove it.
    async fn files_of_one_more(&mut self, ordinal: u32) -> [usize; 3] {
        self.make(Role::Worker, ordinal).await;
        let name = self.name(Role::Worker, ordinal);
        let counted = |exec| Counted {
            exec,
            files: AtomicUsize::new(0),
        };
        let (worker, first) = (counted(self.exec(&name)), counted(self.first()));
        let ticket = self.coe.join_ticket(&first, Role::Worker).await.unwrap();
        let access = self.access(&name, &worker);
        self.coe.join(&access, &ticket).await.unwrap();
        let asked_of_first = || first.files.swap(0, Ordering::Relaxed);
        let joined = worker.files.load(Ordering::Relaxed) + asked_of_first();
        let labels = BTreeMap::from([("disk".to_owned(), "fast".to_owned())]);
        self.coe
            .set_node_labels(&first, &name, &labels)
            .await
            .unwrap();
        let labelled = asked_of_first();
        self.coe.remove_member(&first, &name, None).await.unwrap();
        [joined, labelled, asked_of_first()]
    }
}

#[tokio::test]
async fn what_a_worker_costs_does_not_grow_with_the_workers_that_are_there() {
    let mut of_clusters = Vec::new();
    for workers in [1, 20] {
        rehearse(3, workers, async |mut rehearsed| {
            of_clusters.push(rehearsed.files_of_one_more(workers + 1).await);
        })
        .await;
    }
    assert_eq!(of_clusters[0], of_clusters[1]);
}
