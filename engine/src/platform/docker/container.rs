//! A node as the engine's API describes a container, and back. Pure.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HostConfig,
    HostConfigCgroupnsModeEnum, Mount, MountType, MountVolumeOptions, NetworkingConfig,
    PortBinding, RestartPolicy, RestartPolicyNameEnum,
};

use super::privileges::Privileges;
use super::{labels, volume};
use crate::coe::FirstProcess;
use crate::model::{Machine, MachineState, NodeSpec, Owner, PortMapping, Protocol};
use crate::platform::flavor::{InvalidFlavor, Size};
use crate::platform::{MachineRequest, PlatformError, Retry};

/// An init system and what it starts look for modules of the running kernel, which is the host's. Where the
/// host has none the engine makes an empty folder, which a mount would not.
const KERNEL_MODULES: &str = "/lib/modules:/lib/modules:ro";

/// The container of a node. `spec` is the request's with the host ports that were chosen.
pub(super) fn body(
    owner: &Owner,
    request: &MachineRequest,
    spec: &NodeSpec,
    privileges: Privileges,
) -> Result<ContainerCreateBody, PlatformError> {
    let mut labels = labels::of_node(owner, spec);
    labels.insert(
        labels::NODE_SPEC.to_owned(),
        labels::json("the node", spec)?,
    );
    labels.insert(labels::NODE_ADDRESS.to_owned(), request.address.to_string());
    labels.insert(labels::NETWORK_ID.to_owned(), request.network.id.clone());
    let mut host_config = HostConfig {
        mounts: Some(mounts(owner, spec)),
        port_bindings: Some(port_bindings(&spec.ports)),
        network_mode: Some(request.network.id.clone()),
        // A cluster survives a restart of the engine's machine; one that was stopped stays stopped.
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
            maximum_retry_count: None,
        }),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        ..HostConfig::default()
    };
    if let Some(flavor) = &spec.flavor {
        let size: Size =
            flavor
                .0
                .parse()
                .map_err(|error: InvalidFlavor| PlatformError::Refused {
                    what: format!("make container {}", spec.name),
                    reason: error.to_string(),
                    help: None,
                    retry: Retry::Never,
                })?;
        host_config.nano_cpus = Some(size.nano_cpus);
        host_config.memory = Some(size.memory);
    }
    privileges.apply(&mut host_config);
    let has_init_system = request.boot.first_process == FirstProcess::InitSystem;
    if has_init_system {
        let in_memory = ["/run", "/tmp"].map(|path| (path.to_owned(), String::new()));
        host_config.tmpfs = Some(HashMap::from(in_memory));
        host_config.binds = Some(vec![KERNEL_MODULES.to_owned()]);
    }
    Ok(ContainerCreateBody {
        hostname: Some(spec.name.to_string()),
        // Where an init system tells of its start.
        tty: Some(has_init_system),
        image: Some(spec.image.0.clone()),
        cmd: (!request.boot.command.is_empty()).then(|| request.boot.command.clone()),
        exposed_ports: Some(spec.ports.iter().map(node_port).collect()),
        labels: Some(labels),
        host_config: Some(host_config),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(
                request.network.id.clone(),
                endpoint(request.address),
            )])),
        }),
        ..ContainerCreateBody::default()
    })
}

/// The place of a container that has that address in a network.
pub(super) fn endpoint(address: IpAddr) -> EndpointSettings {
    EndpointSettings {
        ipam_config: Some(ipam_config(address)),
        ..EndpointSettings::default()
    }
}

fn ipam_config(address: IpAddr) -> EndpointIpamConfig {
    match address {
        IpAddr::V4(address) => EndpointIpamConfig {
            ipv4_address: Some(address.to_string()),
            ..EndpointIpamConfig::default()
        },
        IpAddr::V6(address) => EndpointIpamConfig {
            ipv6_address: Some(address.to_string()),
            ..EndpointIpamConfig::default()
        },
    }
}

fn mounts(owner: &Owner, spec: &NodeSpec) -> Vec<Mount> {
    let volumes = spec.volumes.iter().map(|node_volume| Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume::name_of(&spec.name, node_volume)),
        target: Some(node_volume.path.clone()),
        // The engine makes a volume that is gone by then: one that is ours as well.
        volume_options: Some(MountVolumeOptions {
            labels: Some(labels::of_volume(owner, spec, node_volume)),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    });
    let binds = spec.mounts.iter().map(|mount| Mount {
        typ: Some(MountType::BIND),
        source: Some(mount.host_path.clone()),
        target: Some(mount.node_path.clone()),
        read_only: Some(mount.read_only),
        ..Mount::default()
    });
    volumes.chain(binds).collect()
}

pub(super) fn node_port(port: &PortMapping) -> String {
    let protocol = match port.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    format!("{}/{protocol}", port.node_port)
}

pub(super) fn port_bindings(ports: &[PortMapping]) -> HashMap<String, Option<Vec<PortBinding>>> {
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in ports {
        let binding = PortBinding {
            host_ip: Some(port.listen_address.to_string()),
            host_port: port.host_port.map(|port| port.to_string()),
        };
        bindings
            .entry(node_port(port))
            .or_default()
            .get_or_insert_default()
            .push(binding);
    }
    bindings
}

/// The machine that a container's labels tell of.
pub(super) fn machine(
    id: &str,
    labels: &HashMap<String, String>,
    state: MachineState,
) -> Result<Machine, PlatformError> {
    let object = format!("container {id}");
    let spec: NodeSpec = labels::parsed_json(&object, labels, labels::NODE_SPEC)?;
    Ok(Machine {
        id: id.to_owned(),
        address: labels::parsed(&object, labels, labels::NODE_ADDRESS)?,
        state,
        published: published(&spec.ports),
        owner: labels::owner(&object, labels)?,
        spec,
    })
}

/// Where the node's ports are reached. Kept with the node, so they are known of a stopped one too.
pub(super) fn published(ports: &[PortMapping]) -> BTreeMap<u16, (IpAddr, u16)> {
    ports
        .iter()
        .filter_map(|port| Some((port.node_port, (port.listen_address, port.host_port?))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coe::Boot;
    use crate::model::{Carries, ClusterId, ImageName, Network, NodeGroup, OperationId, Role};

    fn container(first_process: FirstProcess) -> ContainerCreateBody {
        let spec = NodeSpec {
            name: "demo-worker-1".parse().unwrap(),
            role: Role::Worker,
            group: NodeGroup::Pool,
            image: ImageName("node:1".to_owned()),
            flavor: None,
            ports: Vec::new(),
            mounts: Vec::new(),
            volumes: Vec::new(),
            labels: BTreeMap::new(),
        };
        let request = MachineRequest {
            spec: spec.clone(),
            address: [10, 89, 0, 3].into(),
            network: Network {
                id: "net".to_owned(),
                name: "demo".to_owned(),
                subnet: "10.89.0.0/24".parse().unwrap(),
                taken: Vec::new(),
                carries: Carries::AnyAddress,
                outside: None,
                owned: true,
            },
            boot: Boot {
                first_process,
                ..Boot::default()
            },
        };
        let owner = Owner {
            cluster: ClusterId::new(),
            cluster_name: "demo".parse().unwrap(),
            operation: OperationId::new(),
            deadline: jiff::Timestamp::UNIX_EPOCH,
            host: None,
        };
        body(&owner, &request, &spec, Privileges::Lesser).unwrap()
    }

    #[test]
    fn an_init_system_starts_with_empty_folders_in_memory_and_tells_of_its_start() {
        let container = container(FirstProcess::InitSystem);
        let host = container.host_config.unwrap();
        let mut in_memory: Vec<String> = host.tmpfs.unwrap().into_keys().collect();
        in_memory.sort();
        assert_eq!(in_memory, ["/run", "/tmp"]);
        assert_eq!(host.binds, Some(vec![KERNEL_MODULES.to_owned()]));
        assert_eq!(container.tty, Some(true));
    }

    #[test]
    fn a_service_keeps_its_folders_when_it_starts_again() {
        let container = container(FirstProcess::Service);
        let host = container.host_config.unwrap();
        assert_eq!((host.tmpfs, host.binds), (None, None));
        assert_eq!(container.tty, Some(false));
    }
}
