//! Makes a machine a node: facts first, then what is missing, then the node's files, then its service.

use jiff::Timestamp;

use super::{Packages, SshMachine};
use crate::model::Owner;
use crate::platform::{MachineRequest, PlatformError, Retry};

const PREFLIGHT: &str = include_str!("scripts/preflight.sh");
const TAKE_OVER: &str = include_str!("scripts/take_over.sh");
const PREPARE: &str = include_str!("scripts/prepare.sh");
const START: &str = include_str!("scripts/start.sh");

/// What a node runs, and the packages that bring it.
pub(in crate::platform) struct NodeService<'a> {
    request: &'a MachineRequest,
    program: &'a str,
    arguments: &'a [String],
    packages: Vec<String>,
}

impl<'a> NodeService<'a> {
    /// What `machine` is to run.
    pub(in crate::platform) fn of(
        machine: &SshMachine,
        request: &'a MachineRequest,
        packages: &Packages,
    ) -> Result<Self, PlatformError> {
        let Some((program, arguments)) = request.boot.command.split_first() else {
            return Err(PlatformError::Refused {
                what: format!("make machine {} node {}", machine.name, request.spec.name),
                reason: "it starts nothing by itself: it has to be made from a node image, which a machine that exists \
                         is not"
                    .to_owned(),
                help: None,
                retry: Retry::Never,
            });
        };
        Ok(Self {
            request,
            program,
            arguments,
            packages: packages.of(program),
        })
    }

    /// Everything that keeps the machine from becoming the node. Nothing is changed on it.
    pub(in crate::platform) async fn preflight(
        &self,
        machine: &SshMachine,
    ) -> Result<Vec<String>, PlatformError> {
        let ports = self.request.spec.ports.iter();
        let ports = ports.map(|port| port.node_port.to_string()).collect();
        let volumes = self.request.spec.volumes.iter();
        let folders = volumes.map(|volume| volume.path.as_str()).collect();
        self.look_for_problems(machine, ports, folders).await
    }

    /// The same of a machine that was made for the node: what is on it came with its image, and nobody else uses it.
    pub(in crate::platform) async fn preflight_of_new(
        &self,
        machine: &SshMachine,
    ) -> Result<Vec<String>, PlatformError> {
        self.look_for_problems(machine, Vec::new(), Vec::new())
            .await
    }

    /// Ends what the image of a machine that was made for the node starts of the node's program by itself.
    pub(in crate::platform) async fn take_over(
        &self,
        machine: &SshMachine,
    ) -> Result<(), PlatformError> {
        let what = format!("end the image's own {}", self.program);
        machine
            .script(&what, TAKE_OVER, &[self.program], &[])
            .await?;
        Ok(())
    }

    async fn look_for_problems(
        &self,
        machine: &SshMachine,
        ports: Vec<String>,
        folders: Vec<&str>,
    ) -> Result<Vec<String>, PlatformError> {
        let now = Timestamp::now().as_second().to_string();
        let (packages, ports) = (self.packages.join(" "), ports.join(" "));
        let mut arguments = vec![now.as_str(), self.program, &packages, &ports];
        arguments.extend(folders);
        let said = machine
            .script("check it", PREFLIGHT, &arguments, &[])
            .await?;
        Ok(said.lines().map(str::to_owned).collect())
    }

    /// Installs what is missing, puts the node's files in place and starts its service.
    pub(in crate::platform) async fn install(
        &self,
        machine: &SshMachine,
        owner: &Owner,
    ) -> Result<(), PlatformError> {
        let files = &self.request.boot.files;
        let mut folders: Vec<&str> = files
            .iter()
            .filter_map(|file| Some(file.path.rsplit_once('/')?.0))
            .collect();
        folders.dedup();
        let folders = folders.join("\n");
        let mut prepare = vec![self.program, folders.as_str()];
        prepare.extend(self.packages.iter().map(String::as_str));
        let what = format!("install {}", self.packages.join(", "));
        machine.script(&what, PREPARE, &prepare, &[]).await?;
        machine.put_files(files).await?;
        let node = self.request.spec.name.as_str();
        let mut start = vec![node, owner.cluster_name.as_str(), self.program];
        start.extend(self.arguments.iter().map(String::as_str));
        machine
            .script("start the node's service", START, &start, &[])
            .await?;
        Ok(())
    }

    /// Starts the service of a machine that is a node, now and with the machine.
    pub(in crate::platform) async fn start(machine: &SshMachine) -> Result<(), PlatformError> {
        const ENABLE: &str =
            "systemctl enable coe-node.service >/dev/null 2>&1; systemctl start coe-node.service";
        machine
            .script("start the node's service", ENABLE, &[], &[])
            .await?;
        Ok(())
    }

    /// Stops it, now and when the machine starts.
    pub(in crate::platform) async fn stop(machine: &SshMachine) -> Result<(), PlatformError> {
        const DISABLE: &str = "systemctl disable --now coe-node.service >/dev/null 2>&1; ! systemctl is-active --quiet coe-node.service";
        machine
            .script("stop the node's service", DISABLE, &[], &[])
            .await?;
        Ok(())
    }
}
