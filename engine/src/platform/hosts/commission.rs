//! Makes a machine a node: facts first, then what is missing, then the node's files, then its service.

use jiff::Timestamp;

use super::Hosts;
use super::look::{Seen, look_at};
use super::machine::HostMachine;
use super::marker::{Marker, MarkerState};
use super::observe::machine as machine_of;
use super::record::json;
use crate::model::{Machine, MachineState, Owner};
use crate::platform::{MachineRequest, PlatformError, Retry};

const PREFLIGHT: &str = include_str!("scripts/preflight.sh");
const PREPARE: &str = include_str!("scripts/prepare.sh");
const START: &str = include_str!("scripts/start.sh");
const MARK: &str = include_str!("scripts/mark.sh");
/// Frees a machine on which nothing was begun.
const LEAVE: &str = "[ -d /var/lib/coe/before ] || rm -f /var/lib/coe/machine.json";

impl Hosts {
    /// See `Platform::ensure_machine`.
    pub(super) async fn commission(
        &self,
        owner: &Owner,
        request: &MachineRequest,
    ) -> Result<Machine, PlatformError> {
        let node = &request.spec;
        let address = self.draw(owner, node).await?;
        let machine = self.machine_at(address)?;
        let seen = look_at(machine).await?;
        let Some(marker) = seen.marker.clone() else {
            return Err(lost(machine, node));
        };
        if !marker.is_of(owner.cluster, &node.name) {
            return Err(lost(machine, node));
        }
        let there = machine_of(&machine.name, &marker, seen.runs);
        match there.as_ref().map(|machine| machine.state) {
            Some(MachineState::Running) => {}
            Some(MachineState::Stopped) => {
                self.start_marked(machine, &marker).await?;
                return Ok(running(machine, &marker));
            }
            _ => {
                return self.make_node(machine, owner, request, &marker).await;
            }
        }
        there.ok_or_else(|| lost(machine, node))
    }

    async fn make_node(
        &self,
        machine: &HostMachine,
        owner: &Owner,
        request: &MachineRequest,
        before: &Marker,
    ) -> Result<Machine, PlatformError> {
        let node = &request.spec;
        let Some((program, arguments)) = request.boot.command.split_first() else {
            return Err(Self::not_here(
                format!("make machine {} node {}", machine.name, node.name),
                "it starts nothing by itself: it has to be made from a node image, which a machine that exists is not",
            ));
        };
        let packages = self.shared.settings.packages_of(program);
        let problems = preflight(machine, program, &packages, request).await?;
        if !problems.is_empty() {
            machine.script("leave it", LEAVE, &[], &[]).await?;
            return Err(PlatformError::Refused {
                what: format!("make machine {} node {}", machine.name, node.name),
                reason: problems.join("; "),
                help: Some("Nothing was changed on it.".to_owned()),
                retry: Retry::Never,
            });
        }
        let mut files = before.files.clone();
        files.extend(request.boot.files.iter().map(|file| file.path.clone()));
        files.sort();
        files.dedup();
        let mut marker = Marker {
            owner: owner.clone(),
            spec: node.clone(),
            files,
            ..before.clone()
        };
        mark(machine, &marker).await?;
        let mut folders: Vec<&str> = request
            .boot
            .files
            .iter()
            .filter_map(|file| Some(file.path.rsplit_once('/')?.0))
            .collect();
        folders.dedup();
        let folders = folders.join("\n");
        let mut prepare = vec![program.as_str(), folders.as_str()];
        prepare.extend(packages.iter().map(String::as_str));
        let what = format!("install {}", packages.join(", "));
        machine.script(&what, PREPARE, &prepare, &[]).await?;
        machine.put_files(&request.boot.files).await?;
        let cluster = owner.cluster_name.as_str();
        let mut start = vec![node.name.as_str(), cluster, program];
        start.extend(arguments.iter().map(String::as_str));
        machine
            .script("start the node's service", START, &start, &[])
            .await?;
        marker.state = MarkerState::Allocated;
        mark(machine, &marker).await?;
        Ok(running(machine, &marker))
    }

    /// See `Platform::start_machine`.
    pub(super) async fn start_services(&self, machine: &Machine) -> Result<(), PlatformError> {
        let (on, seen) = self.marked(machine).await?;
        match seen.marker {
            Some(marker) => self.start_marked(on, &marker).await,
            None => Err(lost(on, &machine.spec)),
        }
    }

    async fn start_marked(&self, on: &HostMachine, marker: &Marker) -> Result<(), PlatformError> {
        const ENABLE: &str =
            "systemctl enable coe-node.service >/dev/null 2>&1; systemctl start coe-node.service";
        on.script("start the node's service", ENABLE, &[], &[])
            .await?;
        let allocated = Marker {
            state: MarkerState::Allocated,
            ..marker.clone()
        };
        mark(on, &allocated).await
    }

    /// See `Platform::stop_machine`: the machine itself goes on, it has other things to do.
    pub(super) async fn stop_services(&self, machine: &Machine) -> Result<(), PlatformError> {
        const DISABLE: &str = "systemctl disable --now coe-node.service >/dev/null 2>&1; ! systemctl is-active --quiet coe-node.service";
        let (on, seen) = self.marked(machine).await?;
        let Some(marker) = seen.marker else {
            return Err(lost(on, &machine.spec));
        };
        // First the intention: one whose service ended by itself is found to be down, and not to be asleep.
        let stopped = Marker {
            state: MarkerState::Stopped,
            ..marker
        };
        mark(on, &stopped).await?;
        on.script("stop the node's service", DISABLE, &[], &[])
            .await?;
        Ok(())
    }

    async fn marked(&self, machine: &Machine) -> Result<(&HostMachine, Seen), PlatformError> {
        let on = self.machine_at(machine.address)?;
        let seen = look_at(on).await?;
        let is_ours = |marker: &Marker| marker.is_of(machine.owner.cluster, &machine.spec.name);
        if seen.marker.as_ref().is_some_and(is_ours) {
            Ok((on, seen))
        } else {
            Err(lost(on, &machine.spec))
        }
    }

    pub(super) fn machine_at(
        &self,
        address: std::net::IpAddr,
    ) -> Result<&HostMachine, PlatformError> {
        let settings = self.shared.settings.machines.iter();
        let mut at = settings.filter(|(_, machine)| machine.address == address);
        at.next()
            .and_then(|(name, _)| self.shared.machines.get(name))
            .ok_or_else(|| {
                let reason = "the configuration names no machine of that address";
                Self::not_here(format!("work on machine {address}"), reason)
            })
    }
}

/// Everything that keeps the machine from becoming a node.
async fn preflight(
    machine: &HostMachine,
    program: &str,
    packages: &[String],
    request: &MachineRequest,
) -> Result<Vec<String>, PlatformError> {
    let now = Timestamp::now().as_second().to_string();
    let ports = request.spec.ports.iter();
    let ports: Vec<String> = ports.map(|port| port.node_port.to_string()).collect();
    let (packages, ports) = (packages.join(" "), ports.join(" "));
    let mut arguments = vec![now.as_str(), program, &packages, &ports];
    arguments.extend(
        request
            .spec
            .volumes
            .iter()
            .map(|volume| volume.path.as_str()),
    );
    let said = machine
        .script("check it", PREFLIGHT, &arguments, &[])
        .await?;
    Ok(said.lines().map(str::to_owned).collect())
}

/// Replaces the marker of a machine that is the cluster's.
pub(super) async fn mark(machine: &HostMachine, marker: &Marker) -> Result<(), PlatformError> {
    let marker = json("the machine's marker", marker)?;
    machine.script("mark it", MARK, &[], &marker).await?;
    Ok(())
}

fn running(machine: &HostMachine, marker: &Marker) -> Machine {
    Machine {
        id: machine.name.to_string(),
        spec: marker.spec.clone(),
        address: marker.address,
        state: MachineState::Running,
        published: std::collections::BTreeMap::new(),
        owner: marker.owner.clone(),
    }
}

/// Somebody took the machine away meanwhile.
fn lost(machine: &HostMachine, node: &crate::model::NodeSpec) -> PlatformError {
    PlatformError::Refused {
        what: format!("work on {} on machine {}", node.name, machine.name),
        reason: "the machine is no longer marked as this node's".to_owned(),
        help: None,
        retry: Retry::Later,
    }
}
