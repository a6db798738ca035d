//! What the machine of a node should be, and in what one that is there differs.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::Difference;
use crate::coe::{Coe, Upgrades};
use crate::model::{
    ClusterSpec, Flavor, ImageName, NodeGroup, NodeName, NodeSpec, NodeVolume, PortMapping,
    Protocol, Role,
};

/// What a COE asks of machines: the pure part of its driver, for one request.
#[derive(Debug, Clone)]
pub struct CoeNeeds {
    /// What machines are made from unless the user says otherwise.
    pub default_image: ImageName,
    /// What a control plane keeps.
    pub control_plane_volumes: Vec<NodeVolume>,
    /// What a worker keeps.
    pub worker_volumes: Vec<NodeVolume>,
    /// The port of the API on control planes.
    pub api_port: u16,
    /// Which versions may follow which.
    pub upgrades: Upgrades,
    /// Whether several control planes are reached through a balancer: the platform has one.
    pub balanced: bool,
}

impl CoeNeeds {
    /// What the driver asks for this cluster, on a platform that has balancers or none.
    pub fn of(coe: &dyn Coe, spec: &ClusterSpec, balanced: bool) -> Self {
        Self {
            default_image: coe.default_image(spec.version.as_deref()),
            control_plane_volumes: coe.volumes(Role::ControlPlane),
            worker_volumes: coe.volumes(Role::Worker),
            api_port: coe.api_port(),
            upgrades: coe.upgrades(),
            balanced,
        }
    }

    /// The volumes of a node of that role, the COE's own first.
    pub(crate) fn volumes(&self, spec: &ClusterSpec, role: Role) -> Vec<NodeVolume> {
        let own = match role {
            Role::ControlPlane => &self.control_plane_volumes,
            Role::Worker => &self.worker_volumes,
        };
        own.iter().chain(&spec.volumes).cloned().collect()
    }

    /// The published port of the API: the platform chooses the host's port once.
    fn api_mapping(&self, node: &NodeName) -> PortMapping {
        PortMapping {
            node: node.clone(),
            node_port: self.api_port,
            host_port: None,
            listen_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            protocol: Protocol::Tcp,
        }
    }

    /// The ports of a node: those that the user publishes, and on control planes the API.
    pub(crate) fn ports(
        &self,
        spec: &ClusterSpec,
        node: &NodeName,
        role: Role,
    ) -> Vec<PortMapping> {
        let mut ports: Vec<_> = spec
            .ports
            .iter()
            .filter(|port| port.node == *node)
            .cloned()
            .collect();
        let published_by_user =
            |port: &PortMapping| port.node_port == self.api_port && port.protocol == Protocol::Tcp;
        if role == Role::ControlPlane && !ports.iter().any(published_by_user) {
            ports.push(self.api_mapping(node));
        }
        ports
    }
}

/// What machines of the cluster are made from.
pub(crate) fn machine_image(spec: &ClusterSpec, needs: &CoeNeeds) -> ImageName {
    spec.image.as_ref().unwrap_or(&needs.default_image).clone()
}

/// What the machine of a node of the pool should be.
pub(crate) fn pool_node(
    spec: &ClusterSpec,
    needs: &CoeNeeds,
    name: &NodeName,
    role: Role,
) -> NodeSpec {
    let flavor = match role {
        Role::ControlPlane => spec.control_plane_flavor.as_ref().or(spec.flavor.as_ref()),
        Role::Worker => spec.flavor.as_ref(),
    };
    NodeSpec {
        name: name.clone(),
        role,
        group: NodeGroup::Pool,
        image: machine_image(spec, needs),
        flavor: flavor.cloned(),
        ports: needs.ports(spec, name, role),
        mounts: spec.mounts.clone(),
        volumes: needs.volumes(spec, role),
        labels: BTreeMap::new(),
    }
}

/// In what a machine that is there differs from what it should be.
pub(crate) fn differences(is: &NodeSpec, should: &NodeSpec) -> Vec<Difference> {
    let mut differences = Vec::new();
    if is.image != should.image {
        differences.push(Difference::Image {
            was: is.image.clone(),
            now: should.image.clone(),
        });
    }
    if is.flavor != should.flavor {
        differences.push(Difference::Flavor {
            was: flavor_text(is.flavor.as_ref()),
            now: flavor_text(should.flavor.as_ref()),
        });
    }
    if !same_ports(&is.ports, &should.ports) {
        differences.push(Difference::Ports);
    }
    if !same_members(&is.mounts, &should.mounts) {
        differences.push(Difference::Mounts);
    }
    if !same_members(&is.volumes, &should.volumes) {
        differences.push(Difference::Volumes);
    }
    differences
}

fn flavor_text(flavor: Option<&Flavor>) -> String {
    flavor.map_or_else(|| "unlimited".to_owned(), ToString::to_string)
}

/// Whether each port that should be published is; a host port that the platform chose is as wanted.
fn same_ports(is: &[PortMapping], should: &[PortMapping]) -> bool {
    is.len() == should.len()
        && should
            .iter()
            .all(|should| is.iter().any(|is| port_satisfies(is, should)))
}

fn port_satisfies(is: &PortMapping, should: &PortMapping) -> bool {
    is.node_port == should.node_port
        && is.listen_address == should.listen_address
        && is.protocol == should.protocol
        && (should.host_port.is_none() || is.host_port == should.host_port)
}

fn same_members<T: PartialEq>(left: &[T], right: &[T]) -> bool {
    left.len() == right.len() && left.iter().all(|item| right.contains(item))
}

/// The same ports, with the host ports that the node had before wherever the platform may choose.
pub(crate) fn keep_host_ports(ports: &mut [PortMapping], before: &[PortMapping]) {
    for port in ports.iter_mut().filter(|port| port.host_port.is_none()) {
        port.host_port = before
            .iter()
            .find(|before| port_satisfies(before, port))
            .and_then(|b| b.host_port);
    }
}
