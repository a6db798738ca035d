//! Makes a machine a node: facts first, then what is missing, then the node's files, then its service.

use jiff::Timestamp;

use super::{Packages, SshMachine};
use crate::model::{NodeVolume, Owner, VolumeLife};
use crate::platform::{MachineRequest, PlatformError};
use crate::transport::NodeFile;

const PREFLIGHT: &str = include_str!("scripts/preflight.sh");
const TAKE_OVER: &str = include_str!("scripts/take_over.sh");
const SETTLE: &str = include_str!("scripts/settle.sh");
const KEEP: &str = concat!(
    include_str!("scripts/common.sh"),
    include_str!("scripts/keep.sh")
);
const PREPARE: &str = concat!(
    include_str!("scripts/common.sh"),
    include_str!("scripts/keep.sh"),
    include_str!("scripts/prepare.sh")
);
const START: &str = include_str!("scripts/start.sh");
const START_IMAGE: &str = concat!(
    include_str!("scripts/common.sh"),
    include_str!("scripts/start_image.sh")
);
const RESUME: &str = concat!(
    include_str!("scripts/common.sh"),
    include_str!("scripts/resume.sh")
);
const REST: &str = concat!(
    include_str!("scripts/common.sh"),
    include_str!("scripts/rest.sh")
);

/// What a node runs.
pub(in crate::platform) struct NodeService<'a> {
    request: &'a MachineRequest,
    runs: Runs<'a>,
}

/// What becomes of a machine once it is no node any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::platform) enum Afterwards {
    /// It is as it was before.
    GivenBack,
    /// There is none: it was made for the node.
    Gone,
}

/// Who brings what a node runs.
enum Runs<'a> {
    /// Packages, where it is not there: the node's own service runs it.
    Program {
        program: &'a str,
        arguments: &'a [String],
        packages: Vec<String>,
    },
    /// The machine's image: services that are on it, and that files of the node speak to.
    Image { services: Vec<&'a str> },
}

impl<'a> NodeService<'a> {
    /// What a machine is to run that is asked for like that.
    pub(in crate::platform) fn of(request: &'a MachineRequest, packages: &Packages) -> Self {
        let runs = match request.boot.command.split_first() {
            Some((program, arguments)) => Runs::Program {
                program,
                arguments,
                packages: packages.of(program),
            },
            None => Runs::Image {
                services: spoken_to(&request.boot.files),
            },
        };
        Self { request, runs }
    }

    /// Everything that keeps the machine from becoming the node. Nothing is changed on it.
    pub(in crate::platform) async fn preflight(
        &self,
        machine: &SshMachine,
    ) -> Result<Vec<String>, PlatformError> {
        let ports = self.request.spec.ports.iter();
        let ports = ports.map(|port| port.node_port.to_string()).collect();
        self.look_for_problems(machine, ports, &self.request.spec.volumes)
            .await
    }

    /// The same of a machine that was made for the node: what is on it came with its image, and nobody else uses it.
    pub(in crate::platform) async fn preflight_of_new(
        &self,
        machine: &SshMachine,
    ) -> Result<Vec<String>, PlatformError> {
        self.look_for_problems(machine, Vec::new(), &[]).await
    }

    /// Ends what the image of a machine that was made for the node starts of the node's program by itself, or waits until
    /// it has started where the node is made of it.
    pub(in crate::platform) async fn take_over(
        &self,
        machine: &SshMachine,
    ) -> Result<(), PlatformError> {
        let Runs::Program { program, .. } = &self.runs else {
            machine
                .script("wait until it has started", SETTLE, &[], &[])
                .await?;
            return Ok(());
        };
        let what = format!("end the image's own {program}");
        machine.script(&what, TAKE_OVER, &[program], &[]).await?;
        Ok(())
    }

    async fn look_for_problems(
        &self,
        machine: &SshMachine,
        ports: Vec<String>,
        volumes: &[NodeVolume],
    ) -> Result<Vec<String>, PlatformError> {
        let now = Timestamp::now().as_second().to_string();
        let (program, packages, services) = match &self.runs {
            Runs::Program {
                program, packages, ..
            } => (*program, packages.join(" "), String::new()),
            Runs::Image { services } => ("", String::new(), services.join(" ")),
        };
        let of_life = |life| {
            let volumes = volumes.iter().filter(move |volume| volume.life == life);
            volumes.map(|volume| volume.path.as_str())
        };
        let ports = ports.join(" ");
        let mut arguments = vec![now.as_str(), program, &packages, &services, &ports];
        arguments.extend(of_life(VolumeLife::Node));
        arguments.push("--");
        arguments.extend(of_life(VolumeLife::Machine));
        let said = machine
            .script("check it", PREFLIGHT, &arguments, &[])
            .await?;
        Ok(said.lines().map(str::to_owned).collect())
    }

    /// Keeps what the machine is like, installs what is missing, puts the node's files in place and starts what it runs.
    pub(in crate::platform) async fn install(
        &self,
        machine: &SshMachine,
        owner: &Owner,
        afterwards: Afterwards,
    ) -> Result<(), PlatformError> {
        let files = &self.request.boot.files;
        let mut folders: Vec<&str> = files
            .iter()
            .filter_map(|file| Some(file.path.rsplit_once('/')?.0))
            .collect();
        folders.dedup();
        let volumes = self.request.spec.volumes.iter();
        let volumes: Vec<&str> = volumes.map(|volume| volume.path.as_str()).collect();
        let (folders, volumes) = (folders.join("\n"), volumes.join("\n"));
        let put_back = match afterwards {
            Afterwards::GivenBack => volumes.as_str(),
            Afterwards::Gone => "",
        };
        let node = self.request.spec.name.as_str();
        match &self.runs {
            Runs::Program {
                program,
                arguments,
                packages,
            } => {
                let mut prepare = vec![folders.as_str(), "", &volumes, put_back, program];
                prepare.extend(packages.iter().map(String::as_str));
                let what = format!("install {}", packages.join(", "));
                machine.script(&what, PREPARE, &prepare, &[]).await?;
                machine.put_files(files).await?;
                let mut start = vec![node, owner.cluster_name.as_str(), program];
                start.extend(arguments.iter().map(String::as_str));
                machine
                    .script("start the node's service", START, &start, &[])
                    .await?;
            }
            Runs::Image { services } => {
                let services = services.join("\n");
                let keep = [folders.as_str(), &services, &volumes, put_back];
                machine
                    .script("keep what it is like", KEEP, &keep, &[])
                    .await?;
                machine.put_files(files).await?;
                machine
                    .script("start the node's services", START_IMAGE, &[node], &[])
                    .await?;
            }
        }
        Ok(())
    }

    /// Starts what a machine runs that is a node, now and with the machine.
    pub(in crate::platform) async fn start(machine: &SshMachine) -> Result<(), PlatformError> {
        machine
            .script("start the node's service", RESUME, &[], &[])
            .await?;
        Ok(())
    }

    /// Stops it, now and when the machine starts.
    pub(in crate::platform) async fn stop(machine: &SshMachine) -> Result<(), PlatformError> {
        machine
            .script("stop the node's service", REST, &[], &[])
            .await?;
        Ok(())
    }
}

/// The services that files speak to: each as systemd's own places for that.
fn spoken_to(files: &[NodeFile]) -> Vec<&str> {
    let folders = files.iter().filter_map(|file| {
        let name = file.path.strip_prefix("/etc/systemd/system/")?;
        name.split_once(".d/").map(|(unit, _)| unit)
    });
    let mut services: Vec<&str> = folders.collect();
    services.sort_unstable();
    services.dedup();
    services
}
