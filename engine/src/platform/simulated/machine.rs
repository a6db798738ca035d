//! Machines: files that say what each of them is and whether it runs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::{ClusterId, Machine, MachineState, NodeName, NodeSpec, Owner, VolumeLife};
use crate::platform::{MachineRequest, PlatformError, Retry};
use crate::transport::NodeFile;

use super::folder::{Folder, Kind, LockedFolder};
use super::labels::{self, Holder, Labels};
use super::settings::Quota;
use super::{clusters, image, network, port, size, volume};

/// A machine as its file keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct MachineFile {
    pub(super) labels: Labels,
    pub(super) id: String,
    pub(super) state: MachineState,
    pub(super) network: String,
    pub(super) address: IpAddr,
    pub(super) command: Vec<String>,
    pub(super) spec: NodeSpec,
}

impl MachineFile {
    /// `None` where somebody damaged the labels.
    pub(super) fn to_machine(&self) -> Option<Machine> {
        let published: BTreeMap<u16, (IpAddr, u16)> = self
            .spec
            .ports
            .iter()
            .filter_map(|port| Some((port.node_port, (port.listen_address, port.host_port?))))
            .collect();
        Some(Machine {
            id: self.id.clone(),
            spec: self.spec.clone(),
            address: self.address,
            state: self.state,
            published,
            owner: labels::owner_from(&self.labels)?,
        })
    }

    /// Where a file of the node is kept: in the volume that is mounted there, or with the machine.
    /// `None`: not a path that a node can have.
    pub(super) fn locate(&self, folder: &Folder, path: &str) -> Option<PathBuf> {
        let path = Path::new(path);
        let (volume, rest) = self
            .spec
            .volumes
            .iter()
            .filter(|volume| volume.life == VolumeLife::Node)
            .filter_map(|volume| Some((volume, path.strip_prefix(&volume.path).ok()?)))
            .max_by_key(|(volume, _)| volume.path.len())
            .map_or_else(
                || Some((None, path.strip_prefix("/").ok()?)),
                |(volume, rest)| Some((Some(volume), rest)),
            )?;
        if !rest
            .components()
            .all(|component| matches!(component, Component::Normal(_)))
        {
            return None;
        }
        Some(match volume {
            Some(volume) => {
                volume::files(folder, &volume::name(&self.spec.name, volume)).join(rest)
            }
            None => folder
                .object(Kind::Machine, self.spec.name.as_str())
                .join("files")
                .join(rest),
        })
    }
}

/// Puts files into a machine.
pub(super) fn put_files(
    folder: &LockedFolder<'_>,
    machine: &MachineFile,
    files: &[NodeFile],
) -> Result<(), PlatformError> {
    for file in files {
        let path = machine
            .locate(folder, &file.path)
            .ok_or_else(|| PlatformError::Refused {
                what: format!("putting {} on {}", file.path, machine.spec.name),
                reason: "the path is not absolute, or leads upwards".to_owned(),
                help: None,
                retry: Retry::Never,
            })?;
        folder.write(&path, file.mode, file.content.expose())?;
    }
    Ok(())
}

/// The machine of that name if it is the cluster's.
pub(super) fn find(
    folder: &Folder,
    name: &str,
    cluster: ClusterId,
) -> Result<Option<MachineFile>, PlatformError> {
    let file = folder.object_file(Kind::Machine, name);
    let Some(content) = folder.read(&file)? else {
        return Ok(None);
    };
    if let Ok(machine) = serde_json::from_slice::<MachineFile>(&content)
        && labels::owner_from(&machine.labels).is_some_and(|owner| owner.cluster == cluster)
    {
        return Ok(Some(machine));
    }
    // Somebody else's, or one of ours that is damaged.
    if !labels::is_ours(folder, Kind::Machine, name, cluster)? {
        return Ok(None);
    }
    folder.read_json(&file)
}

/// Makes sure that the machine is there and runs.
pub(super) fn ensure(
    folder: &LockedFolder<'_>,
    quota: Quota,
    owner: &Owner,
    request: &MachineRequest,
) -> Result<Machine, PlatformError> {
    let node = &request.spec.name;
    let mut machine = match find(folder, node.as_str(), owner.cluster)? {
        Some(mut found) if found.state != MachineState::Created => {
            set_state(folder, &mut found, MachineState::Running)?;
            found
        }
        Some(half_made) => {
            remove(folder, &half_made)?;
            make(folder, quota, owner, request)?
        }
        None => make(folder, quota, owner, request)?,
    };
    set_state(folder, &mut machine, MachineState::Running)?;
    machine.to_machine().ok_or_else(|| PlatformError::Foreign {
        kind: Kind::Machine.as_str(),
        name: node.to_string(),
    })
}

fn make(
    folder: &LockedFolder<'_>,
    quota: Quota,
    owner: &Owner,
    request: &MachineRequest,
) -> Result<MachineFile, PlatformError> {
    let node = &request.spec.name;
    let refused = |reason: String| PlatformError::Refused {
        what: format!("making machine {node}"),
        reason,
        help: None,
        retry: Retry::Never,
    };
    image::find(folder, &request.spec.image)?;
    if let Some(flavor) = &request.spec.flavor {
        size::check(flavor, quota).map_err(refused)?;
    }
    if let Some(most) = quota.machines
        && folder.names_in(&folder.all(Kind::Machine))?.len()
            >= usize::try_from(most).unwrap_or(usize::MAX)
    {
        return Err(refused(format!("the platform's quota is {most} machines")));
    }
    check_address(folder, request).map_err(|error| match error {
        AddressError::Taken(reason) => refused(reason),
        AddressError::Platform(error) => error,
    })?;
    let ports = port::choose(folder, node, &request.spec.ports)?;
    let volumes = request.spec.volumes.iter();
    for wanted in volumes.filter(|volume| volume.life == VolumeLife::Node) {
        volume::ensure(folder, owner, &request.spec, wanted)?;
    }
    let machine = MachineFile {
        labels: labels::of_node(owner, &request.spec),
        id: Uuid::new_v4().to_string(),
        state: MachineState::Created,
        network: request.network.name.clone(),
        address: request.address,
        command: request.boot.command.clone(),
        spec: NodeSpec {
            ports,
            ..request.spec.clone()
        },
    };
    clusters::point_to(folder, owner, Kind::Machine, node.as_str())?;
    // What a machine that was deleted by hand kept for itself is not the new one's.
    folder.remove_folder(&folder.object(Kind::Machine, node.as_str()))?;
    folder.write_json(&folder.object_file(Kind::Machine, node.as_str()), &machine)?;
    let address_file = folder.address_file(&machine.network, machine.address);
    folder.write(&address_file, 0o644, node.as_str().as_bytes())?;
    port::hold(folder, node, &machine.spec.ports)?;
    put_files(folder, &machine, &request.boot.files)?;
    Ok(machine)
}

enum AddressError {
    Taken(String),
    Platform(PlatformError),
}

impl From<PlatformError> for AddressError {
    fn from(error: PlatformError) -> Self {
        Self::Platform(error)
    }
}

fn check_address(folder: &Folder, request: &MachineRequest) -> Result<(), AddressError> {
    let (address, network) = (request.address, &request.network);
    if !folder.object_file(Kind::Network, &network.name).exists() {
        return Err(AddressError::Taken(format!(
            "there is no network {}",
            network.name
        )));
    }
    if !network.subnet.contains(&address) {
        return Err(AddressError::Taken(format!(
            "{address} is not in {}",
            network.subnet
        )));
    }
    if network::gateway(network.subnet) == Some(address) {
        return Err(AddressError::Taken(format!(
            "{address} is the gateway of {}",
            network.name
        )));
    }
    match network::holder_of_address(folder, &network.name, address)? {
        Some(holder) if holder != request.spec.name.as_str() => Err(AddressError::Taken(format!(
            "machine {holder} has the address {address}"
        ))),
        _ => Ok(()),
    }
}

/// Starts or stops a machine that is there.
pub(super) fn ensure_state(
    folder: &LockedFolder<'_>,
    cluster: ClusterId,
    node: &NodeName,
    state: MachineState,
) -> Result<(), PlatformError> {
    let mut machine =
        find(folder, node.as_str(), cluster)?.ok_or_else(|| PlatformError::Refused {
            what: format!("starting or stopping machine {node}"),
            reason: "there is no such machine".to_owned(),
            help: None,
            retry: Retry::Never,
        })?;
    set_state(folder, &mut machine, state)
}

fn set_state(
    folder: &LockedFolder<'_>,
    machine: &mut MachineFile,
    state: MachineState,
) -> Result<(), PlatformError> {
    if machine.state == state {
        return Ok(());
    }
    machine.state = state;
    folder.write_json(
        &folder.object_file(Kind::Machine, machine.spec.name.as_str()),
        machine,
    )
}

/// Deletes the machine of that name if it is the cluster's.
pub(super) fn delete(
    folder: &LockedFolder<'_>,
    cluster: ClusterId,
    node: &NodeName,
) -> Result<(), PlatformError> {
    if labels::holder(folder, Kind::Machine, node.as_str())? == Holder::Cluster(cluster)
        && let Some(machine) = find(folder, node.as_str(), cluster)?
    {
        remove(folder, &machine)?;
    }
    clusters::forget(folder, cluster, Kind::Machine, node.as_str())
}

fn remove(folder: &LockedFolder<'_>, machine: &MachineFile) -> Result<(), PlatformError> {
    let node = &machine.spec.name;
    let address_file = folder.address_file(&machine.network, machine.address);
    folder.remove_object(Kind::Machine, node.as_str())?;
    port::release(folder, node, &machine.spec.ports)?;
    if folder.read_text(&address_file)?.as_deref() == Some(node.as_str()) {
        folder.remove_file(&address_file)?;
    }
    Ok(())
}
