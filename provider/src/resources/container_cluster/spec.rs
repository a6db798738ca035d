//! From the configuration to what the engine is asked for.

use std::collections::BTreeMap;

use coe_engine::model::{
    ClusterName, ClusterSpec, CoeKind, ControlPlaneCount, DesiredState, Flavor, ImageName, Mount,
    NetworkSpec, NodeName, NodeVolume, OnCreateFailure, PortMapping, Protocol, VolumeLife, WaitFor,
};
use terraform_framework::{Attr, Diagnostic, Diagnostics, Path};

use super::super::arguments::{Missing, optional, or_default, required};
use super::super::upgrade_settings::{drain, pace};
use super::model::{
    ContainerClusterModel, MountModel, NetworkModel, PortModel, VolumeModel, default,
};

/// A request that may not be known in full before apply.
pub(crate) enum Request {
    /// All of it is known.
    Known(Box<ClusterSpec>),
    /// A part is not known before apply, so nothing can be said about it yet.
    NotYet,
}

impl ContainerClusterModel {
    /// What the configuration asks for.
    pub(crate) fn request(&self) -> Result<Request, Diagnostics> {
        match self.spec() {
            Ok(spec) => Ok(Request::Known(Box::new(spec))),
            Err(Missing::NotYet) => Ok(Request::NotYet),
            Err(Missing::Wrong(diagnostics)) => Err(diagnostics),
        }
    }

    /// Whether the two may ask for different networks: what is not known may be another one.
    pub(crate) fn may_want_another_network(&self, prior: &Self) -> bool {
        match (network(&self.network), network(&prior.network)) {
            (Ok(wanted), Ok(before)) => wanted != before,
            (Err(Missing::NotYet), _) => true,
            (Err(Missing::Wrong(_)), _) | (_, Err(_)) => false,
        }
    }

    /// What becomes of a create that fails.
    pub(crate) fn on_failure(&self) -> OnCreateFailure {
        match self.on_create_failure.known().map(String::as_str) {
            Some("keep") => OnCreateFailure::Keep,
            _ => OnCreateFailure::Rollback,
        }
    }

    fn spec(&self) -> Result<ClusterSpec, Missing> {
        let name = cluster_name(&self.name)?;
        Ok(ClusterSpec {
            description: optional(&self.description)?.unwrap_or_default(),
            coe: coe(&self.coe)?,
            labels: labels(&self.labels)?,
            version: optional(&self.cluster_version)?,
            control_planes: control_planes(&self.control_plane_count)?,
            workers: workers(&self.node_count)?,
            control_plane_flavor: optional(&self.control_plane_flavor)?.map(Flavor),
            flavor: optional(&self.flavor)?.map(Flavor),
            image: optional(&self.image)?.map(ImageName),
            preload_images: preload_images(&self.preload_images)?,
            ports: each(&self.ports, "ports", |port, at| {
                port_mapping(&name, port, at)
            })?,
            mounts: each(&self.mounts, "mounts", mount)?,
            volumes: each(&self.volumes, "volumes", volume)?,
            network: network(&self.network)?,
            desired_state: desired_state(&self.desired_state)?,
            pace: pace(&self.upgrade_settings)?,
            drain: drain(&self.upgrade_settings)?,
            wait_for: wait_for(&self.wait_for)?,
            name,
        })
    }
}

/// Each element of a list, with the path that its findings carry.
fn each<M: Clone, T>(
    list: &Attr<Vec<Attr<M>>>,
    name: &str,
    convert: impl Fn(&M, &Path) -> Result<T, Missing>,
) -> Result<Vec<T>, Missing> {
    let elements = optional(list)?.unwrap_or_default();
    let convert = |(element, index)| {
        let path = Path::attribute_name(name).index(index);
        convert(&required(&element, path.clone())?, &path)
    };
    elements.into_iter().zip(0..).map(convert).collect()
}

fn cluster_name(name: &Attr<String>) -> Result<ClusterName, Missing> {
    let path = Path::attribute_name("name");
    required(name, path.clone())?.parse().map_err(|invalid| {
        Diagnostic::error("Not a cluster's name", format!("{invalid}."))
            .at(path)
            .into()
    })
}

fn coe(coe: &Attr<String>) -> Result<CoeKind, Missing> {
    let path = Path::attribute_name("coe");
    let text = required(coe, path.clone())?;
    text.parse().map_err(|()| {
        Diagnostic::error(
            "Unknown container orchestration engine",
            format!(
                "{text:?} is none that this provider makes; it makes {}.",
                known_coes()
            ),
        )
        .at(path)
        .into()
    })
}

fn known_coes() -> String {
    CoeKind::ALL.map(CoeKind::as_str).join(", ")
}

fn labels(
    labels: &Attr<BTreeMap<String, Attr<String>>>,
) -> Result<BTreeMap<String, String>, Missing> {
    let labels = optional(labels)?.unwrap_or_default();
    let value = |(key, value): (String, Attr<String>)| {
        let path = Path::attribute_name("labels").key(key.clone());
        Ok((key, required(&value, path)?))
    };
    labels.into_iter().map(value).collect()
}

fn control_planes(count: &Attr<i64>) -> Result<ControlPlaneCount, Missing> {
    let path = Path::attribute_name("control_plane_count");
    let count = or_default(count, default::CONTROL_PLANE_COUNT)?;
    u32::try_from(count)
        .map_err(|_| format!("A cluster has 1, 3, 5 or 7 control planes, not {count}."))
        .and_then(|count| {
            ControlPlaneCount::try_from(count).map_err(|invalid| format!("{invalid}."))
        })
        .map_err(|detail| {
            Diagnostic::error("Not a number of control planes", detail)
                .at(path)
                .into()
        })
}

fn workers(count: &Attr<i64>) -> Result<u32, Missing> {
    let path = Path::attribute_name("node_count");
    let count = or_default(count, default::NODE_COUNT)?;
    u32::try_from(count).map_err(|_| {
        Diagnostic::error(
            "Not a number of nodes",
            format!("A pool has 0 nodes or more, not {count}."),
        )
        .at(path)
        .into()
    })
}

fn preload_images(images: &Attr<Vec<Attr<String>>>) -> Result<Vec<ImageName>, Missing> {
    each(images, "preload_images", |image, _| {
        Ok(ImageName(image.clone()))
    })
}

fn port_mapping(
    cluster: &ClusterName,
    port: &PortModel,
    at: &Path,
) -> Result<PortMapping, Missing> {
    let node = or_default(&port.node, default::PORT_NODE)?;
    let listen_address = or_default(&port.listen_address, default::LISTEN_ADDRESS)?;
    Ok(PortMapping {
        node: node_of(cluster, &node).ok_or_else(|| {
            Diagnostic::error(
                "Not a node's name",
                format!("{cluster}-{node} is longer than a node's name may be."),
            )
            .at(at.attribute("node"))
        })?,
        node_port: port_number(&port.node_port, &at.attribute("node_port"))?
            .ok_or(Missing::NotYet)?,
        host_port: port_number(&port.host_port, &at.attribute("host_port"))?,
        listen_address: listen_address.parse().map_err(|_| {
            Diagnostic::error(
                "Not an IP address",
                format!("{listen_address:?} is no IP address, such as 127.0.0.1, 0.0.0.0 or ::1."),
            )
            .at(at.attribute("listen_address"))
        })?,
        protocol: match or_default(&port.protocol, default::PROTOCOL)?.as_str() {
            "udp" => Protocol::Udp,
            _ => Protocol::Tcp,
        },
    })
}

fn node_of(cluster: &ClusterName, node: &str) -> Option<NodeName> {
    format!("{cluster}-{node}").parse().ok()
}

fn port_number(port: &Attr<i64>, at: &Path) -> Result<Option<u16>, Missing> {
    optional(port)?
        .map(|port| {
            u16::try_from(port).map_err(|_| {
                Diagnostic::error("Not a port", format!("A port is 1 to 65535, not {port}."))
                    .at(at.clone())
                    .into()
            })
        })
        .transpose()
}

fn mount(mount: &MountModel, at: &Path) -> Result<Mount, Missing> {
    Ok(Mount {
        host_path: required(&mount.host_path, at.attribute("host_path"))?,
        node_path: required(&mount.node_path, at.attribute("node_path"))?,
        read_only: or_default(&mount.read_only, default::READ_ONLY)?,
    })
}

fn volume(volume: &VolumeModel, at: &Path) -> Result<NodeVolume, Missing> {
    let size = optional(&volume.size)?
        .map(|size| {
            u32::try_from(size).map_err(|_| {
                Diagnostic::error(
                    "Not a size",
                    format!("A volume has 1 GiB or more, not {size}."),
                )
                .at(at.attribute("size"))
            })
        })
        .transpose()?;
    Ok(NodeVolume {
        name: required(&volume.name, at.attribute("name"))?,
        path: required(&volume.path, at.attribute("path"))?,
        size,
        life: VolumeLife::Node,
    })
}

fn network(network: &Attr<NetworkModel>) -> Result<NetworkSpec, Missing> {
    let Some(network) = optional(network)? else {
        return Ok(NetworkSpec::Isolated);
    };
    let path = Path::attribute_name("network");
    match (optional(&network.id)?, optional(&network.cidr)?) {
        (None, None) => Ok(NetworkSpec::Isolated),
        (Some(id), None) => Ok(NetworkSpec::Existing(id)),
        (None, Some(cidr)) => cidr.parse().map(NetworkSpec::Subnet).map_err(|_| {
            Diagnostic::error(
                "Not a subnet",
                format!("{cidr:?} is no subnet in CIDR notation, such as 10.89.7.0/24."),
            )
            .at(path.attribute("cidr"))
            .into()
        }),
        (Some(_), Some(_)) => Err(Diagnostic::error(
            "An existing network has its own subnet",
            "Give `id` for a network that exists, or `cidr` for a new one.",
        )
        .at(path.attribute("cidr"))
        .into()),
    }
}

fn wait_for(wait_for: &Attr<String>) -> Result<WaitFor, Missing> {
    match or_default(wait_for, default::WAIT_FOR)?.as_str() {
        "nodes_ready" => Ok(WaitFor::NodesReady),
        _ => Ok(WaitFor::Usable),
    }
}

fn desired_state(state: &Attr<String>) -> Result<DesiredState, Missing> {
    match or_default(state, default::DESIRED_STATE)?.as_str() {
        "Stopped" => Ok(DesiredState::Stopped),
        _ => Ok(DesiredState::Running),
    }
}
