//! Makes a machine a node: facts first, then what is missing, then the node's files, then its service.

use super::Hosts;
use super::look::{Seen, look_at};
use super::marker::{Marker, MarkerState};
use super::observe::machine as machine_of;
use super::record::json;
use crate::model::{Machine, MachineState, Owner};
use crate::platform::ssh_node::{Afterwards, NodeService, SshMachine};
use crate::platform::{MachineRequest, PlatformError, Retry};

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
        machine: &SshMachine,
        owner: &Owner,
        request: &MachineRequest,
        before: &Marker,
    ) -> Result<Machine, PlatformError> {
        let node = &request.spec;
        let service = NodeService::of(request, &self.shared.packages);
        let problems = service.preflight(machine).await?;
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
        let afterwards = Afterwards::GivenBack;
        service.install(machine, owner, afterwards).await?;
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

    async fn start_marked(&self, on: &SshMachine, marker: &Marker) -> Result<(), PlatformError> {
        NodeService::start(on).await?;
        let allocated = Marker {
            state: MarkerState::Allocated,
            ..marker.clone()
        };
        mark(on, &allocated).await
    }

    /// See `Platform::stop_machine`: the machine itself goes on, it has other things to do.
    pub(super) async fn stop_services(&self, machine: &Machine) -> Result<(), PlatformError> {
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
        NodeService::stop(on).await
    }

    async fn marked(&self, machine: &Machine) -> Result<(&SshMachine, Seen), PlatformError> {
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
    ) -> Result<&SshMachine, PlatformError> {
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

/// Replaces the marker of a machine that is the cluster's.
pub(super) async fn mark(machine: &SshMachine, marker: &Marker) -> Result<(), PlatformError> {
    let state = match marker.state {
        MarkerState::Stopped => "stopped",
        _ => "",
    };
    let marker = json("the machine's marker", marker)?;
    machine.script("mark it", MARK, &[state], &marker).await?;
    Ok(())
}

fn running(machine: &SshMachine, marker: &Marker) -> Machine {
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
fn lost(machine: &SshMachine, node: &crate::model::NodeSpec) -> PlatformError {
    PlatformError::Refused {
        what: format!("work on {} on machine {}", node.name, machine.name),
        reason: "the machine is no longer marked as this node's".to_owned(),
        help: None,
        retry: Retry::Later,
    }
}
