//! What makes machines and networks real: a Docker Engine, by its command line. Or nothing at all.

use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::{fs, io};

use ipnet::Ipv4Net;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::sync::{RwLock, RwLockReadGuard};
use uuid::Uuid;

use crate::cloud::Cloud;

/// The label of everything that a server made; its value is the server's name.
const LABEL: &str = "io.coe.cloudstack";
const MACHINE_LABEL: &str = "io.coe.cloudstack.machine";
/// By what systemd says that a container is to be started again: a reboot.
const REBOOTED: &str = "129";
/// How many ranges are tried until one is free.
const MOST_RANGES: u32 = 16;

/// What a machine finds at its first boot.
#[derive(Debug, Clone)]
pub(crate) struct Boot {
    pub(crate) user_data: Option<Vec<u8>>,
    pub(crate) public_keys: Vec<String>,
    pub(crate) offering: &'static str,
    /// What it is made of, where its template says so.
    pub(crate) image: Option<&'static str>,
}

/// What a machine's container has to be.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) network: Uuid,
    pub(crate) gateway: Ipv4Addr,
    /// Where it sends what is for the world.
    pub(crate) via: Ipv4Addr,
    pub(crate) address: Ipv4Addr,
    pub(crate) memory_mb: u32,
    pub(crate) zone: &'static str,
    pub(crate) boot: Boot,
}

/// How a machine is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    InOrder,
    ByForce,
}

pub(crate) enum Engine {
    Pretended,
    Docker {
        server: String,
        image: String,
        /// Read while something is made, written once all is to go.
        making: RwLock<Making>,
    },
}

/// Whether anything may be made any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Making {
    Allowed,
    Over,
}

/// What making something takes while it is made.
async fn allowed(making: &RwLock<Making>) -> Outcome<RwLockReadGuard<'_, Making>> {
    let guard = making.read().await;
    match *guard {
        Making::Allowed => Ok(guard),
        Making::Over => Err("the cloud is ending".to_owned()),
    }
}

type Outcome<T> = Result<T, String>;

/// What a command of the docker CLI wrote, or what it complained of.
async fn docker(arguments: &[&str]) -> Outcome<String> {
    let output = Command::new("docker")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| format!("docker does not start: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(format!("docker {}: {}", arguments[0], text(&output.stderr)))
    }
}

fn short(id: Uuid) -> String {
    id.simple().to_string()[..12].to_owned()
}

/// Lets what is gone already be gone.
fn unless_absent(outcome: Outcome<String>) -> Outcome<()> {
    match outcome {
        Err(error) if !error.contains("No such") && !error.contains("is not running") => Err(error),
        _ => Ok(()),
    }
}

impl Engine {
    pub(crate) fn docker(server: &str, image: &str) -> Self {
        Self::Docker {
            server: server.to_owned(),
            image: image.to_owned(),
            making: RwLock::new(Making::Allowed),
        }
    }

    /// By which everything of a server is found.
    pub(crate) fn label_of(server: &str) -> String {
        format!("{LABEL}={server}")
    }

    /// A machine's container.
    pub(crate) fn container_name(server: &str, machine: Uuid) -> String {
        format!("{server}-{}", short(machine))
    }

    /// Makes a network of a range, or of one that is free.
    pub(crate) async fn create_network(
        &self,
        id: Uuid,
        range: Option<(Ipv4Net, Ipv4Addr)>,
    ) -> Outcome<(Ipv4Net, Ipv4Addr)> {
        let Self::Docker { server, making, .. } = self else {
            // CloudStack's networks are all alike, for none knows of another.
            let alike = Ipv4Net::new(Ipv4Addr::new(10, 1, 1, 0), 24);
            let alike = alike.map_err(|error| error.to_string())?;
            return Ok(range.unwrap_or((alike, Ipv4Addr::new(10, 1, 1, 1))));
        };
        let _made = allowed(making).await?;
        let (name, label) = (format!("{server}-{}", short(id)), Self::label_of(server));
        let mut refused = String::new();
        for _ in 0..MOST_RANGES {
            let (cidr, gateway) = range.unwrap_or_else(free_range);
            let (subnet, gate) = (cidr.to_string(), gateway.to_string());
            let command = [
                "network",
                "create",
                "--label",
                &label,
                "--subnet",
                &subnet,
                "--gateway",
                &gate,
                &name,
            ];
            match docker(&command).await {
                Ok(_) => return Ok((cidr, gateway)),
                Err(error) if range.is_none() && error.contains("overlap") => refused = error,
                Err(error) => return Err(error),
            }
        }
        Err(refused)
    }

    pub(crate) async fn remove_network(&self, id: Uuid) -> Outcome<()> {
        match self {
            Self::Pretended => Ok(()),
            Self::Docker { server, .. } => {
                let name = format!("{server}-{}", short(id));
                unless_absent(docker(&["network", "rm", &name]).await)
            }
        }
    }

    /// Makes a machine's container, if there is none yet, and puts into it what it finds when it boots.
    pub(crate) async fn create_machine(&self, plan: &Container) -> Outcome<()> {
        let Self::Docker {
            server,
            image,
            making,
        } = self
        else {
            return Ok(());
        };
        let _made = allowed(making).await?;
        let name = Self::container_name(server, plan.id);
        if docker(&["container", "inspect", &name]).await.is_err() {
            let image = plan.boot.image.unwrap_or(image);
            self.create_container(server, image, &name, plan).await?;
        }
        let files = tempfile::tempdir().map_err(|error| error.to_string())?;
        write_files(files.path(), plan)
            .map_err(|error| format!("{}: {error}", files.path().display()))?;
        let from = format!("{}/.", files.path().display());
        docker(&["cp", &from, &format!("{name}:/")]).await.map(drop)
    }

    async fn create_container(
        &self,
        server: &str,
        image: &str,
        name: &str,
        plan: &Container,
    ) -> Outcome<()> {
        let label = Self::label_of(server);
        let machine = format!("{MACHINE_LABEL}={}", plan.id);
        let network = format!("{server}-{}", short(plan.network));
        let (address, memory) = (plan.address.to_string(), format!("{}m", plan.memory_mb));
        // The name that cloud-init looks for first; nobody answers there, and it need not wait for a DNS server.
        let router = format!("data-server:{}", plan.gateway);
        // As tests/src/machines.rs, which says what a container needs that is to boot as a machine.
        docker(&[
            "create",
            "--tty",
            "--name",
            name,
            "--label",
            &label,
            "--label",
            &machine,
            "--hostname",
            &plan.name,
            "--network",
            &network,
            "--ip",
            &address,
            "--memory",
            &memory,
            "--add-host",
            &router,
            "--tmpfs=/run",
            "--tmpfs=/tmp",
            "--cap-add=ALL",
            "--cap-drop=SYS_RESOURCE",
            "--security-opt=seccomp=unconfined",
            "--security-opt=apparmor=unconfined",
            "--security-opt=systempaths=unconfined",
            "--device-cgroup-rule=a *:* rwm",
            "--cgroupns=private",
            image,
        ])
        .await
        .map(drop)
    }

    pub(crate) async fn start_machine(&self, id: Uuid) -> Outcome<()> {
        match self {
            Self::Pretended => Ok(()),
            Self::Docker { server, .. } => docker(&["start", &Self::container_name(server, id)])
                .await
                .map(drop),
        }
    }

    pub(crate) async fn stop_machine(&self, id: Uuid, stop: Stop) -> Outcome<()> {
        let Self::Docker { server, .. } = self else {
            return Ok(());
        };
        let name = Self::container_name(server, id);
        unless_absent(match stop {
            Stop::InOrder => docker(&["stop", "--time", "20", &name]).await,
            Stop::ByForce => docker(&["kill", &name]).await,
        })
    }

    /// What is left of a machine goes; what does not go is told to who reads the server's log.
    pub(crate) async fn remove_machine(&self, id: Uuid) {
        if let Self::Docker { server, .. } = self {
            let name = Self::container_name(server, id);
            if let Err(error) = docker(&["rm", "--force", "--volumes", &name]).await {
                eprintln!("cloudstack_server: {error}");
            }
        }
    }

    /// Says to a machine that runs where it sends what is for the world.
    pub(crate) async fn set_route(&self, id: Uuid, via: Ipv4Addr) -> Outcome<()> {
        let Self::Docker { server, .. } = self else {
            return Ok(());
        };
        let (name, via) = (Self::container_name(server, id), via.to_string());
        let script =
            "printf %s \"$0\" >/etc/cloudstack-route && ip route replace default via \"$0\"";
        unless_absent(docker(&["exec", &name, "sh", "-c", script, &via]).await)
    }

    /// Removes all that this server made.
    pub(crate) async fn remove_everything(&self) {
        let Self::Docker { server, making, .. } = self else {
            return;
        };
        *making.write().await = Making::Over;
        let filter = format!("label={}", Self::label_of(server));
        let lists: [(&[&str], &[&str]); 2] = [
            (&["ps", "--all", "--quiet"], &["rm", "--force", "--volumes"]),
            (&["network", "ls", "--quiet"], &["network", "rm"]),
        ];
        for (list, remove) in lists {
            let found = docker(&[list, &["--filter", &filter]].concat()).await;
            let found = found.unwrap_or_default();
            let found: Vec<&str> = found.lines().collect();
            if found.is_empty() {
                continue;
            }
            if let Err(error) = docker(&[remove, &found].concat()).await {
                eprintln!("cloudstack_server: {error}");
            }
        }
    }
}

/// A range that is probably nobody's.
fn free_range() -> (Ipv4Net, Ipv4Addr) {
    let [a, b, ..] = Uuid::new_v4().into_bytes();
    let first = Ipv4Addr::new(10, 128 + a % 64, b, 0);
    let range = Ipv4Net::new_assert(first, 24);
    (range, Ipv4Addr::from(u32::from(first) + 1))
}

/// Where cloud-init's own data source of CloudStack finds what it would ask a virtual router for.
fn write_files(root: &Path, plan: &Container) -> io::Result<()> {
    let seed = root.join("var/lib/cloud/seed/cs");
    fs::create_dir_all(&seed)?;
    fs::create_dir_all(root.join("etc"))?;
    let metadata = json!({
        "instance-id": plan.id,
        "local-hostname": plan.name,
        "local-ipv4": plan.address,
        "public-keys": plan.boot.public_keys,
        "service-offering": plan.boot.offering,
        "availability-zone": plan.zone,
    });
    let write = |path: &Path, content: &[u8]| {
        let file = fs::File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        io::Write::write_all(&mut &file, content)
    };
    write(&seed.join("meta-data"), metadata.to_string().as_bytes())?;
    write(
        &seed.join("user-data"),
        plan.boot.user_data.as_deref().unwrap_or_default(),
    )?;
    write(
        &root.join("etc/cloudstack-route"),
        plan.via.to_string().as_bytes(),
    )
}

/// Hears of machines that end by themselves, as long as the cloud is there.
pub(crate) async fn watch(cloud: Arc<Cloud>) -> io::Result<()> {
    let Engine::Docker { server, .. } = &cloud.engine else {
        return Ok(());
    };
    let filter = format!("label={}", Engine::label_of(server));
    let format = format!(
        "{{{{index .Actor.Attributes \"{MACHINE_LABEL}\"}}}} {{{{.Actor.Attributes.exitCode}}}}"
    );
    let mut events = Command::new("docker")
        .args([
            "events",
            "--filter",
            "event=die",
            "--filter",
            &filter,
            "--format",
            &format,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let Some(output) = events.stdout.take() else {
        return Ok(());
    };
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        let mut words = line.split(' ');
        let machine = words.next().and_then(|id| Uuid::parse_str(id).ok());
        match (machine, words.next()) {
            (Some(machine), Some(REBOOTED)) => cloud.reboots(machine).await,
            (Some(machine), _) => cloud.has_ended(machine),
            (None, _) => {}
        }
    }
    Ok(())
}
