//! Machines: made once, kept through stops, made again with what their volumes kept.

use std::sync::Arc;
use std::time::Duration;

use coe_engine::model::{
    ImageName, Machine, MachineState, NodeSpec, NodeVolume, Secret, VolumeLife,
};
use coe_engine::platform::PlatformError;
use coe_engine::transport::Command;
use futures_util::TryStreamExt;

use super::fixture::{BOOT_FILE, Cluster, Fixture, VOLUME_PATH};
use super::{Harness, MakesObjects};

fn kept() -> String {
    format!("{VOLUME_PATH}/kept")
}

async fn observed(cluster: &Cluster, machine: &Machine) -> Machine {
    cluster.observe().await.unwrap().machines[&machine.spec.name].clone()
}

pub async fn a_half_made_machine_is_made_anew<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let request = cluster.request(&network, 0, cluster.node(0));
    fixture
        .harness
        .half_make_machine(&cluster.owner, &request)
        .await;
    let half_made = cluster.observe().await.unwrap().machines[&request.spec.name].clone();
    assert_eq!(half_made.state, MachineState::Created);
    let machine = cluster.ensure_machine(&network, 0).await;
    assert_eq!(machine.state, MachineState::Running);
    assert_ne!(machine.id, half_made.id);
    assert_eq!(
        cluster.read(&machine, BOOT_FILE).await.as_deref(),
        Some("booted")
    );
}

pub async fn a_call_that_was_dropped_converges<H: Harness>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let request = cluster.request(&network, 0, cluster.node(0));
    let call = cluster.platform.ensure_machine(&cluster.owner, &request);
    // Polled once and dropped.
    _ = tokio::time::timeout(Duration::ZERO, call).await;
    let machine = cluster.ensure_machine(&network, 0).await;
    let observed = cluster.observe().await.unwrap();
    assert_eq!(observed.machines.len(), 1);
    assert_eq!(observed.machines[&machine.spec.name], machine);
}

pub async fn boot_files_are_there<H: Harness>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let machine = cluster.ensure_machine(&network, 0).await;
    assert_eq!(
        cluster.read(&machine, BOOT_FILE).await.as_deref(),
        Some("booted")
    );
}

pub async fn files_that_are_put_are_read_back<H: Harness>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let machine = cluster.ensure_machine(&network, 0).await;
    for path in [kept(), "/etc/contract/elsewhere".to_owned()] {
        assert_eq!(cluster.read(&machine, &path).await, None);
        cluster.write(&machine, &path, "one").await;
        cluster.write(&machine, &path, "two").await;
        assert_eq!(cluster.read(&machine, &path).await.as_deref(), Some("two"));
    }
}

pub async fn a_command_reads_its_input<H: Harness>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let machine = cluster.ensure_machine(&network, 0).await;
    let exec = cluster.platform.exec(&machine);
    assert_eq!(*exec.node(), machine.spec.name);
    let command = Command::new(["cat"]).with_secret(Secret::new(b"read me".to_vec()));
    let output = exec.run(command).await.unwrap();
    assert_eq!(
        (output.status, output.stdout.as_slice()),
        (0, &b"read me"[..])
    );
    let ended = exec.run(Command::new(["no-such-program"])).await;
    assert!(
        !ended.is_ok_and(|output| output.status == 0),
        "a program that is not there ended well"
    );
}

pub async fn stop_and_start_keep_address_port_and_data<H: Harness>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let spec = if H::PUBLISHES_PORTS {
        cluster.node_with_port(0, None)
    } else {
        cluster.node(0)
    };
    let machine = cluster.try_machine(&network, 0, spec).await.unwrap();
    assert_eq!(machine.published.contains_key(&7_777), H::PUBLISHES_PORTS);
    cluster.write(&machine, &kept(), "data").await;

    // Twice each: a step may be asked again.
    for _ in 0..2 {
        cluster.platform.stop_machine(&machine).await.unwrap();
        let stopped = Machine {
            state: MachineState::Stopped,
            ..machine.clone()
        };
        assert_eq!(observed(&cluster, &machine).await, stopped);
    }
    let read = cluster
        .platform
        .exec(&machine)
        .run(Command::new(["cat", BOOT_FILE]))
        .await;
    assert!(
        !read.is_ok_and(|output| output.status == 0),
        "a stopped machine ran a command"
    );
    for _ in 0..2 {
        cluster.platform.start_machine(&machine).await.unwrap();
        assert_eq!(observed(&cluster, &machine).await, machine);
    }
    assert_eq!(
        cluster.read(&machine, &kept()).await.as_deref(),
        Some("data")
    );
    assert_eq!(
        cluster.read(&machine, BOOT_FILE).await.as_deref(),
        Some("booted")
    );
}

pub async fn a_file_is_read_also_while_the_machine_is_stopped<H: Harness>(
    fixture: Arc<Fixture<H>>,
) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let machine = cluster.ensure_machine(&network, 0).await;
    cluster.write(&machine, &kept(), "data").await;
    let exec = cluster.platform.exec(&machine);
    for is_stopped in [false, true] {
        if is_stopped {
            cluster.platform.stop_machine(&machine).await.unwrap();
        }
        for (path, content) in [
            (kept(), Some("data")),
            ("/etc/contract/no".to_owned(), None),
        ] {
            let read = exec.read_file(&path).await.unwrap();
            let read = read.map(|read| String::from_utf8(read.expose().clone()).unwrap());
            assert_eq!(read.as_deref(), content, "{path}, stopped: {is_stopped}");
        }
    }
}

pub async fn ensure_starts_a_stopped_machine<H: Harness>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let machine = cluster.ensure_machine(&network, 0).await;
    cluster.platform.stop_machine(&machine).await.unwrap();
    assert_eq!(cluster.ensure_machine(&network, 0).await, machine);
}

pub async fn a_machine_made_again_keeps_its_volumes<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let spec = cluster.node_with_port(0, None);
    let first = cluster.try_machine(&network, 0, spec).await.unwrap();
    cluster.write(&first, &kept(), "data").await;
    cluster
        .write(&first, "/etc/contract/own", "gone with the machine")
        .await;
    fixture
        .harness
        .delete_machine_by_hand(first.spec.name.as_str())
        .await;

    let observed = cluster.observe().await.unwrap();
    assert!(observed.machines.is_empty());
    assert_eq!(observed.volumes[&first.spec.name], ["data"]);

    let again = cluster
        .try_machine(&network, 0, first.spec.clone())
        .await
        .unwrap();
    assert_ne!(again.id, first.id);
    assert_eq!(again.address, first.address);
    assert_eq!(again.published, first.published);
    assert_eq!(cluster.read(&again, &kept()).await.as_deref(), Some("data"));
    assert_eq!(cluster.read(&again, "/etc/contract/own").await, None);
}

pub async fn a_machine_made_again_begins_with_what_its_image_brings<H: Harness>(
    fixture: Arc<Fixture<H>>,
) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let mut spec = cluster.node(0);
    spec.volumes.push(NodeVolume {
        name: "images".to_owned(),
        path: "/etc/contract/images".to_owned(),
        size: None,
        life: VolumeLife::Machine,
    });
    let made = async || {
        let machine = cluster.try_machine(&network, 0, spec.clone()).await;
        machine.unwrap()
    };
    let first = made().await;
    let loaded = "/etc/contract/images/loaded";
    cluster.write(&first, loaded, "by hand").await;
    cluster.platform.stop_machine(&first).await.unwrap();
    let started = made().await;
    assert_eq!(
        cluster.read(&started, loaded).await.as_deref(),
        Some("by hand"),
        "it is the same machine"
    );
    let deletion = cluster.platform.delete_machine(cluster.id(), &spec.name);
    deletion.await.unwrap();
    let again = made().await;
    assert_eq!(cluster.read(&again, loaded).await, None);
}

pub async fn a_deleted_machine_leaves_its_volumes<H: Harness>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let machine = cluster.ensure_machine(&network, 0).await;
    let node = &machine.spec.name;
    cluster
        .platform
        .delete_machine(cluster.id(), node)
        .await
        .unwrap();
    let observed = cluster.observe().await.unwrap();
    assert!(observed.machines.is_empty());
    assert_eq!(observed.volumes[node], ["data"]);
    cluster
        .platform
        .delete_volumes(cluster.id(), node)
        .await
        .unwrap();
    let left = cluster.observe().await;
    assert!(left.is_none_or(|seen| seen.volumes.is_empty()));
}

pub async fn chosen_ports_differ<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let (one, two) = tokio::join!(
        cluster.try_machine(&network, 0, cluster.node_with_port(0, None)),
        cluster.try_machine(&network, 1, cluster.node_with_port(1, None)),
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_ne!(one.published[&7_777], two.published[&7_777]);
    let chosen = one.published[&7_777].1;
    assert_eq!(
        one.spec.ports[0].host_port,
        Some(chosen),
        "the choice is kept with the machine"
    );
}

pub async fn a_port_in_use_is_refused<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let spec = cluster.node_with_port(0, None);
    let holder = cluster.try_machine(&network, 0, spec).await.unwrap();
    let port = holder.published[&7_777].1;
    let spec = cluster.node_with_port(1, Some(port));
    let error = cluster.try_machine(&network, 1, spec).await.unwrap_err();
    assert!(error.to_string().contains(&port.to_string()), "{error}");
    let left = cluster.observe().await.unwrap().machines;
    assert!(
        left.values().all(|machine| machine.id == holder.id),
        "a machine was left behind"
    );
}

pub async fn a_missing_image_is_named<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let missing = fixture.harness.missing_image();
    assert_no_image(&missing, cluster.platform.ensure_image(&missing).await);
    let network = cluster.ensure_network().await;
    let spec = NodeSpec {
        image: missing.clone(),
        ..cluster.node(0)
    };
    // Whether the platform fetches it here or only in `ensure_image`, it makes no machine of it.
    assert!(cluster.try_machine(&network, 0, spec).await.is_err());
    assert!(cluster.observe().await.unwrap().machines.is_empty());
}

fn assert_no_image(missing: &ImageName, result: Result<String, PlatformError>) {
    match result {
        Err(PlatformError::NoImage { image, .. }) => assert_eq!(image, *missing),
        Err(other) => panic!("{missing} is missing, which the error does not say: {other}"),
        Ok(_) => panic!("{missing} is missing and was found"),
    }
}

pub async fn images_have_ids_and_content<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let image = fixture.harness.image();
    let missing = fixture.harness.missing_image();
    let id = cluster.platform.ensure_image(&image).await.unwrap();
    let ids = cluster
        .platform
        .image_ids(&[image.clone(), missing])
        .await
        .unwrap();
    assert_eq!(ids.into_iter().collect::<Vec<_>>(), [(image.clone(), id)]);
    let mut content = cluster.platform.export_image(&image).await.unwrap();
    let first = content.try_next().await.unwrap().unwrap();
    assert!(!first.is_empty());
}
