//! Takes a node off its machine, and gives the machine back when it is clean: not when it should be.

use super::Hosts;
use super::commission::mark;
use super::look::Sight;
use super::marker::{Marker, MarkerState};
use crate::error::chain;
use crate::model::{ClusterId, NodeName, VolumeLife};
use crate::platform::ssh_node::SshMachine;
use crate::platform::{PlatformError, Retry};

const VACATE: &str = concat!(
    include_str!("../ssh_node/scripts/common.sh"),
    include_str!("scripts/empty.sh"),
    include_str!("scripts/vacate.sh")
);
const WIPE: &str = concat!(
    include_str!("../ssh_node/scripts/common.sh"),
    include_str!("scripts/empty.sh"),
    include_str!("scripts/wipe.sh")
);

impl Hosts {
    /// See `Platform::delete_machine`.
    pub(super) async fn vacate(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        let sight = self.look().await?;
        // One that does not answer is left: another one takes its place, and its marker counts no more.
        for (name, marker) in sight.of_node(cluster, node) {
            if let Some(machine) = self.shared.machines.get(name) {
                take_off(machine, marker).await?;
            }
        }
        Ok(())
    }

    /// See `Platform::delete_volumes`.
    pub(super) async fn free(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        let sight = self.look().await?;
        self.refuse_silent(&sight, cluster, node)?;
        for (name, marker) in sight.of_node(cluster, node) {
            let Some(machine) = self.shared.machines.get(name) else {
                continue;
            };
            if marker.state != MarkerState::Kept {
                take_off(machine, marker).await?;
            }
            let folders: Vec<&str> = paths(marker, None).collect();
            let said = machine.script("clean it up", WIPE, &folders, &[]).await?;
            verify(machine, marker, &said).await?;
        }
        Ok(())
    }

    /// A machine that was the node's, and does not answer, cannot be known to be clean.
    fn refuse_silent(
        &self,
        sight: &Sight,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        if !sight.of_node(cluster, node).is_empty() {
            return Ok(());
        }
        let record = sight.record(cluster);
        let Some(address) = record.and_then(|kept| kept.record.addresses.get(node)) else {
            return Ok(());
        };
        let machines = &self.shared.settings.machines;
        let silent = sight.silent.iter().find(|(name, _)| {
            machines
                .get(*name)
                .is_some_and(|machine| machine.address == *address)
        });
        let Some((name, error)) = silent else {
            return Ok(());
        };
        Err(PlatformError::Refused {
            what: format!("clean up machine {name} of {node}"),
            reason: chain(error),
            help: Some(format!(
                "Bring the machine back, or take {name} out of the provider's configuration if it is gone for good."
            )),
            retry: Retry::Later,
        })
    }
}

/// Takes the node off the machine; what the node keeps stays.
async fn take_off(machine: &SshMachine, marker: &Marker) -> Result<(), PlatformError> {
    if marker.state == MarkerState::Kept {
        return Ok(());
    }
    let kept: Vec<&str> = paths(marker, None).collect();
    let is_kept = |file: &&String| kept.iter().any(|folder| is_below(file, folder));
    let files = marker.files.iter().filter(|file| !is_kept(file));
    let mut arguments: Vec<&str> = files.map(String::as_str).collect();
    arguments.push("--");
    arguments.extend(paths(marker, Some(VolumeLife::Machine)));
    let said = machine
        .script("take the node off it", VACATE, &arguments, &[])
        .await?;
    verify(machine, marker, &said).await?;
    let kept = Marker {
        state: MarkerState::Kept,
        files: marker.files.iter().filter(is_kept).cloned().collect(),
        ..marker.clone()
    };
    mark(machine, &kept).await
}

/// An error if the machine said that something is not as it should be; the machine says so itself from then on.
async fn verify(machine: &SshMachine, marker: &Marker, said: &str) -> Result<(), PlatformError> {
    let problems: Vec<String> = said.lines().map(str::to_owned).collect();
    if problems.is_empty() {
        return Ok(());
    }
    let reason = problems.join("; ");
    let failed = Marker {
        state: MarkerState::CleanupFailed(problems),
        ..marker.clone()
    };
    mark(machine, &failed).await?;
    Err(PlatformError::Refused {
        what: format!("clean up machine {}", machine.name),
        reason,
        help: Some("It is tried again by the next apply or destroy; until then no cluster gets the machine.".to_owned()),
        retry: Retry::Later,
    })
}

/// The folders that the node keeps, of one life or of all.
fn paths(marker: &Marker, life: Option<VolumeLife>) -> impl Iterator<Item = &str> {
    let volumes = marker.spec.volumes.iter();
    volumes
        .filter(move |volume| life.is_none_or(|life| volume.life == life))
        .map(|volume| volume.path.as_str())
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}
