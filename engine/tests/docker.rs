//! The platform contract on a real Docker Engine.
//!
//! Needs an engine (`tests/testbeds/docker-engine up`) and the node image that
//! `examples/node-images/build swarm` builds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[allow(
    unused_imports,
    reason = "the suite also serves tests of one platform alone"
)]
mod platform_contract;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bollard::models::{
    ContainerCreateBody, Ipam, IpamConfig, NetworkCreateRequest, VolumeCreateRequest,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptions,
};
use coe_engine::model::{ClusterSpec, ImageName, NodeSpec, Owner, Severity, Subject};
use coe_engine::platform::docker::{Docker, DockerSettings};
use coe_engine::platform::{MachineRequest, Platform, Scope};
use coe_engine::transport::Command;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;

use platform_contract::{Foreign, Harness, MakesObjects};

const IMAGE: &str = "coe/swarm-node:20.10.24";

struct DockerHarness {
    docker: Docker,
    /// The hands of somebody who works on the engine without this program.
    client: bollard::Docker,
}

impl DockerHarness {
    async fn new() -> Self {
        let settings = DockerSettings::default().or_environment(|name| std::env::var(name).ok());
        let client = bollard::Docker::connect_with_defaults().unwrap();
        Self {
            docker: Docker::connect(settings).unwrap(),
            client: client.negotiate_version().await.unwrap(),
        }
    }
}

#[async_trait]
impl Harness for DockerHarness {
    fn platform(&self) -> Arc<dyn Platform> {
        Arc::new(self.docker.clone())
    }

    fn image(&self) -> ImageName {
        ImageName(IMAGE.to_owned())
    }

    fn command(&self) -> Vec<String> {
        ["sleep", "infinity"].map(str::to_owned).to_vec()
    }

    async fn remove_foreign(&self, kind: Foreign, name: &str) {
        match kind {
            Foreign::Machine => self.delete_machine_by_hand(name).await,
            Foreign::Network => _ = self.client.remove_network(name).await,
            Foreign::Volume => {
                _ = self
                    .client
                    .remove_volume(name, None::<RemoveVolumeOptions>)
                    .await;
            }
        }
    }
}

#[async_trait]
impl MakesObjects for DockerHarness {
    fn missing_image(&self) -> ImageName {
        // The name of a registry that is none is refused without a word to the world.
        ImageName("localhost:1/nobody/has-this:1".to_owned())
    }

    fn huge_flavor(&self) -> String {
        "1x100000".to_owned()
    }

    async fn make_foreign(&self, kind: Foreign, name: &str) {
        match kind {
            Foreign::Machine => {
                let options = CreateContainerOptionsBuilder::new().name(name).build();
                let body = ContainerCreateBody {
                    image: Some(IMAGE.to_owned()),
                    ..ContainerCreateBody::default()
                };
                self.client
                    .create_container(Some(options), body)
                    .await
                    .unwrap();
            }
            Foreign::Network => {
                // Outside of the pool that the platform chooses from, and different for each name.
                let third = name
                    .bytes()
                    .fold(0_u8, |sum, byte| sum.rotate_left(1) ^ byte);
                let config = IpamConfig {
                    subnet: Some(format!("10.90.{third}.0/24")),
                    ..IpamConfig::default()
                };
                let request = NetworkCreateRequest {
                    name: name.to_owned(),
                    ipam: Some(Ipam {
                        config: Some(vec![config]),
                        ..Ipam::default()
                    }),
                    ..NetworkCreateRequest::default()
                };
                self.client.create_network(request).await.unwrap();
            }
            Foreign::Volume => {
                let request = VolumeCreateRequest {
                    name: Some(name.to_owned()),
                    ..Default::default()
                };
                self.client.create_volume(request).await.unwrap();
            }
        }
    }

    async fn foreign_is_untouched(&self, kind: Foreign, name: &str) -> bool {
        let is_there = match kind {
            Foreign::Machine => {
                let found = self.client.inspect_container(name, None).await.unwrap();
                found.state.unwrap().running == Some(false)
            }
            Foreign::Network => self.client.inspect_network(name, None).await.is_ok(),
            Foreign::Volume => self.client.inspect_volume(name).await.is_ok(),
        };
        is_there
            && self
                .labels(kind, name)
                .await
                .keys()
                .all(|key| !key.starts_with("io.coe.cluster"))
    }

    async fn delete_machine_by_hand(&self, name: &str) {
        let options = RemoveContainerOptionsBuilder::new()
            .force(true)
            .v(true)
            .build();
        self.client
            .remove_container(name, Some(options))
            .await
            .unwrap();
    }

    async fn half_make_machine(&self, owner: &Owner, request: &MachineRequest) {
        // A container that a process made and did not start: of the same labels, without boot files.
        let made = self.docker.ensure_machine(owner, request).await.unwrap();
        let labels = self.client.inspect_container(&made.id, None).await.unwrap();
        let labels = labels.config.unwrap().labels.unwrap();
        self.delete_machine_by_hand(request.spec.name.as_str())
            .await;
        let options = CreateContainerOptionsBuilder::new()
            .name(request.spec.name.as_str())
            .build();
        let body = ContainerCreateBody {
            image: Some(IMAGE.to_owned()),
            labels: Some(labels),
            ..ContainerCreateBody::default()
        };
        self.client
            .create_container(Some(options), body)
            .await
            .unwrap();
    }

    async fn labels(&self, kind: Foreign, name: &str) -> BTreeMap<String, String> {
        let labels: HashMap<String, String> = match kind {
            Foreign::Machine => {
                let found = self.client.inspect_container(name, None).await.unwrap();
                found.config.unwrap().labels.unwrap_or_default()
            }
            Foreign::Network => self
                .client
                .inspect_network(name, None)
                .await
                .unwrap()
                .labels
                .unwrap_or_default(),
            Foreign::Volume => self.client.inspect_volume(name).await.unwrap().labels,
        };
        labels.into_iter().collect()
    }
}

platform_contract!(DockerHarness::new());

/// A way to the engine on which each call passes once `watch`, which is told how it begins, has ended. The client makes
/// one connection a call.
fn watched<F>(watch: impl Fn(String) -> F + Send + 'static) -> (Docker, TempDir)
where
    F: Future<Output = ()> + Send + 'static,
{
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let length = client.read(&mut head).await.unwrap();
            head.truncate(length);
            let watched = watch(String::from_utf8_lossy(&head).into_owned());
            tokio::spawn(async move {
                watched.await;
                let mut engine = UnixStream::connect("/var/run/docker.sock").await.unwrap();
                engine.write_all(&head).await.unwrap();
                _ = tokio::io::copy_bidirectional(&mut client, &mut engine).await;
            });
        }
    });
    let settings = DockerSettings {
        host: Some(format!("unix://{}", path.display())),
        ..DockerSettings::default()
    };
    (Docker::connect(settings).unwrap(), folder)
}

/// Counts the calls that pass through to the engine.
fn counted(calls: Arc<AtomicUsize>) -> (Docker, TempDir) {
    watched(move |_call| {
        calls.fetch_add(1, Ordering::SeqCst);
        async {}
    })
}

/// A way to the engine on which creates of containers wait until they are let go.
struct Held {
    docker: Docker,
    has_come: Arc<Notify>,
    go_on: Arc<Notify>,
    _folder: TempDir,
}

fn held() -> Held {
    let (has_come, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (came, may_go) = (Arc::clone(&has_come), Arc::clone(&go_on));
    let (docker, folder) = watched(move |call| {
        let (came, may_go) = (Arc::clone(&came), Arc::clone(&may_go));
        async move {
            if call.contains("/containers/create") {
                came.notify_one();
                may_go.notified().await;
            }
        }
    });
    Held {
        docker,
        has_come,
        go_on,
        _folder: folder,
    }
}

/// Ctrl-C drops the step, and the engine makes the container nevertheless.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_waits_for_the_creation_that_was_dropped() {
    platform_contract::run(DockerHarness::new().await, |fixture| async move {
        let held = held();
        let cluster = fixture.cluster();
        let network = cluster.ensure_network().await;
        let request = cluster.request(&network, 0, cluster.node(0));
        // Each process asks an engine once which privileges it grants, with a container too.
        held.go_on.notify_one();
        tokio::select! {
            made = held.docker.ensure_machine(&cluster.owner, &request) => panic!("{made:?}"),
            () = async {
                held.has_come.notified().await;
                held.has_come.notified().await;
            } => {}
        }

        let deleted = async {
            let (id, node) = (cluster.id(), &request.spec.name);
            held.docker.delete_machine(id, node).await?;
            held.docker.delete_volumes(id, node).await?;
            held.docker.delete_network(id).await
        };
        let (deleted, ()) = tokio::join!(deleted, async { held.go_on.notify_one() });
        deleted.unwrap();
        assert!(cluster.observe().await.is_none());
    })
    .await;
}

/// A container that is made for a volume which is gone makes it anew.
#[tokio::test]
async fn a_volume_that_a_machine_brings_along_is_the_clusters() {
    platform_contract::run(DockerHarness::new().await, |fixture| async move {
        let cluster = fixture.cluster();
        let network = cluster.ensure_network().await;
        let harness = &fixture.harness;
        let made = cluster.ensure_machine(&network, 0).await;
        let found = harness
            .client
            .inspect_container(&made.id, None)
            .await
            .unwrap();
        let options = found.host_config.unwrap().mounts.unwrap();
        let labels = options[0].volume_options.clone().unwrap().labels.unwrap();
        let name = options[0].source.clone().unwrap();
        let volume = harness.labels(Foreign::Volume, &name).await;
        assert_eq!(labels.into_iter().collect::<BTreeMap<_, _>>(), volume);
    })
    .await;
}

/// A process that was killed between the two halves of that leaves the record before.
#[tokio::test]
async fn the_end_of_an_operation_leaves_one_record() {
    platform_contract::run(DockerHarness::new().await, |fixture| async move {
        let (cluster, harness) = (fixture.cluster(), &fixture.harness);
        let (platform, owner) = (&cluster.platform, &cluster.owner);
        let old = cluster.record("old");
        platform.put_record(owner, &old).await.unwrap();
        let name = format!("{}-record-1", cluster.name());
        let labels = harness.labels(Foreign::Volume, &name).await;
        let new = cluster.record("new");
        platform.put_record(owner, &new).await.unwrap();
        let left = VolumeCreateRequest {
            name: Some(name.clone()),
            labels: Some(labels.into_iter().collect()),
            ..Default::default()
        };
        harness.client.create_volume(left).await.unwrap();

        platform.claim(owner, None).await.unwrap();
        let released = platform.release(cluster.id(), owner.operation).await;
        released.unwrap();
        assert!(harness.client.inspect_volume(&name).await.is_err());
        let record = cluster.observe().await.unwrap().record.unwrap();
        assert_eq!(record, new);
    })
    .await;
}

#[tokio::test]
async fn a_stream_carries_both_ways_and_ends_its_command_when_it_is_dropped() {
    platform_contract::run(DockerHarness::new().await, |fixture| async move {
        let cluster = fixture.cluster();
        let network = cluster.ensure_network().await;
        let machine = cluster.ensure_machine(&network, 0).await;
        let exec = cluster.platform.exec(&machine);
        let mut stream = exec
            .open(Command::shell("cat; touch /ended"))
            .await
            .unwrap();
        // Longer than what any buffer on the way holds.
        let sent: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
        let mut back = vec![0; sent.len()];
        let (mut reader, mut writer) = tokio::io::split(&mut stream);
        let write = async {
            writer.write_all(&sent).await?;
            writer.flush().await
        };
        tokio::try_join!(write, reader.read_exact(&mut back)).unwrap();
        assert!(sent == back, "what came back is not what was sent");

        drop(stream);
        let ended = exec.run(Command::shell("until [ -e /ended ]; do sleep 0.02; done"));
        let ended = tokio::time::timeout(Duration::from_secs(30), ended).await;
        assert_eq!(ended.expect("the command ends").unwrap().status, 0);
    })
    .await;
}

/// Nothing listens at the registry that the image's name holds, so the engine has an answer at once.
#[tokio::test]
async fn an_image_that_cannot_be_pulled_is_found_before_it_is() {
    platform_contract::run(DockerHarness::new().await, |fixture| async move {
        let cluster = fixture.cluster();
        let missing = fixture.harness.missing_image();
        let spec = ClusterSpec {
            image: Some(missing.clone()),
            preload_images: vec![ImageName(IMAGE.to_owned()), missing.clone()],
            ..cluster.spec()
        };
        let node = NodeSpec {
            image: missing.clone(),
            ..cluster.node(0)
        };
        let found = cluster.findings(&spec, &[node]).await;
        let subjects: Vec<_> = found.iter().map(|finding| &finding.subject).collect();
        assert_eq!(subjects, [&Subject::Image, &Subject::PreloadImage(1)]);
        for finding in &found {
            assert_eq!(finding.severity, Severity::Error);
            assert!(finding.summary.contains(&missing.0), "{}", finding.summary);
            assert!(finding.detail.contains("localhost:1"), "{}", finding.detail);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_is_three_calls_whatever_the_number_of_nodes() {
    platform_contract::run(DockerHarness::new().await, |fixture| async move {
        let calls = Arc::new(AtomicUsize::new(0));
        let (counted, _folder) = counted(Arc::clone(&calls));
        let cluster = fixture.cluster();
        let network = cluster.ensure_network().await;
        for ordinal in 0..2 {
            cluster.ensure_machine(&network, ordinal).await;
            // The first look of all also finds out which version of the API there is.
            counted.observe(&Scope::Id(cluster.id())).await.unwrap();
            calls.store(0, Ordering::SeqCst);
            let observed = counted.observe(&Scope::Id(cluster.id())).await.unwrap();
            assert_eq!(observed[0].machines.len(), ordinal as usize + 1);
            assert_eq!(calls.load(Ordering::SeqCst), 3);
        }
    })
    .await;
}
