//! From what the engine observed to state.

use std::collections::BTreeMap;

use coe_engine::cluster::{Cluster, Node};
use coe_engine::model::{
    ClusterSpec, DesiredState, NetworkSpec, NodeName, PortMapping, Protocol, WaitFor,
};
use terraform_framework::Attr;

use super::super::upgrade_settings::UpgradeSettingsModel;
use super::model::{
    ContainerClusterModel, MountModel, NetworkModel, NodeModel, PortModel, VolumeModel, default,
};
use super::spec::Request;

impl ContainerClusterModel {
    /// The same arguments, with the attributes that `cluster` shows.
    pub(crate) fn observed(mut self, cluster: &Cluster) -> Self {
        self.id = cluster.id().to_string().into();
        self.status = cluster.status().to_string().into();
        self.health = cluster.health().as_str().to_owned().into();
        keep_if_unseen(&mut self.endpoint, cluster.endpoint().map(str::to_owned));
        keep_if_unseen(
            &mut self.cluster_ca_certificate,
            cluster.ca_certificate().map(str::to_owned),
        );
        keep_if_unseen(
            &mut self.network_id,
            cluster
                .observed
                .network
                .as_ref()
                .map(|network| network.id.clone()),
        );
        keep_if_unseen(
            &mut self.coe_version,
            cluster.coe_version().map(str::to_owned),
        );
        keep_if_unseen(
            &mut self.created_at,
            cluster
                .observed
                .record
                .as_ref()
                .map(|record| record.created_at.to_string()),
        );
        self.nodes = Attr::Known(node_models(cluster.nodes()));
        if !matches!(self.planned_operations, Attr::Known(_)) {
            self.planned_operations = Attr::Known(Vec::new());
        }
        self
    }

    /// The same state, with every argument whose meaning differs from what the cluster's record holds.
    ///
    /// A spelling that means the same (`null` and `""`, a list in a different notation) is left as the
    /// user wrote it, so that it does not show as a change.
    pub(crate) fn recorded(mut self, recorded: &ClusterSpec) -> Self {
        let known = match self.request() {
            Ok(Request::Known(spec)) => Some(*spec),
            Ok(Request::NotYet) | Err(_) => None,
        };
        let differs = |same: fn(&ClusterSpec, &ClusterSpec) -> bool| {
            known.as_ref().is_none_or(|known| !same(known, recorded))
        };
        if differs(|a, b| a.name == b.name) {
            self.name = recorded.name.to_string().into();
        }
        if differs(|a, b| a.description == b.description) {
            self.description = text(&recorded.description);
        }
        if differs(|a, b| a.coe == b.coe) {
            self.coe = recorded.coe.to_string().into();
        }
        if differs(|a, b| a.labels == b.labels) {
            self.labels = labels(&recorded.labels);
        }
        if differs(|a, b| a.version == b.version) {
            self.cluster_version = recorded.version.clone().into();
        }
        if differs(|a, b| a.control_planes == b.control_planes) {
            self.control_plane_count = i64::from(recorded.control_planes.get()).into();
        }
        if differs(|a, b| a.workers == b.workers) {
            self.node_count = i64::from(recorded.workers).into();
        }
        if differs(|a, b| a.flavor == b.flavor) {
            self.flavor = recorded
                .flavor
                .as_ref()
                .map(|flavor| flavor.0.clone())
                .into();
        }
        if differs(|a, b| a.control_plane_flavor == b.control_plane_flavor) {
            self.control_plane_flavor = recorded
                .control_plane_flavor
                .as_ref()
                .map(|flavor| flavor.0.clone())
                .into();
        }
        if differs(|a, b| a.image == b.image) {
            self.image = recorded.image.as_ref().map(|image| image.0.clone()).into();
        }
        if differs(|a, b| a.preload_images == b.preload_images) {
            self.preload_images = list(&recorded.preload_images, |image| image.0.clone().into());
        }
        if differs(|a, b| a.ports == b.ports) {
            self.ports = list(&recorded.ports, |port| {
                Attr::Known(port_model(recorded, port))
            });
        }
        if differs(|a, b| a.mounts == b.mounts) {
            self.mounts = list(&recorded.mounts, |mount| {
                Attr::Known(MountModel {
                    host_path: mount.host_path.clone().into(),
                    node_path: mount.node_path.clone().into(),
                    read_only: mount.read_only.into(),
                })
            });
        }
        if differs(|a, b| a.volumes == b.volumes) {
            self.volumes = list(&recorded.volumes, |volume| {
                Attr::Known(VolumeModel {
                    name: volume.name.clone().into(),
                    path: volume.path.clone().into(),
                    size: volume.size.map(i64::from).into(),
                })
            });
        }
        if differs(|a, b| a.network == b.network) {
            self.network = network_model(&recorded.network);
        }
        if differs(|a, b| a.desired_state == b.desired_state) {
            self.desired_state = desired_state(recorded.desired_state).into();
        }
        if differs(|a, b| a.wait_for == b.wait_for) {
            self.wait_for = wait_for(recorded.wait_for).into();
        }
        if differs(|a, b| (a.pace, a.drain) == (b.pace, b.drain)) {
            self.upgrade_settings = UpgradeSettingsModel::of(recorded.pace, recorded.drain);
        }
        self
    }

    /// State before anything is known of the cluster: what import starts from.
    pub(crate) fn unread() -> Self {
        Self {
            id: Attr::Null,
            name: Attr::Null,
            description: Attr::Null,
            labels: Attr::Null,
            coe: Attr::Null,
            cluster_version: Attr::Null,
            control_plane_count: Attr::Null,
            node_count: Attr::Null,
            flavor: Attr::Null,
            control_plane_flavor: Attr::Null,
            image: Attr::Null,
            preload_images: Attr::Null,
            ports: Attr::Null,
            mounts: Attr::Null,
            network: Attr::Null,
            volumes: Attr::Null,
            desired_state: Attr::Null,
            // Neither is the cluster's: they are Terraform's own, and begin at their defaults.
            on_create_failure: default::ON_CREATE_FAILURE.to_owned().into(),
            deletion_protection: default::DELETION_PROTECTION.into(),
            wait_for: Attr::Null,
            upgrade_settings: Attr::Null,
            timeouts: Attr::Null,
            status: Attr::Null,
            health: Attr::Null,
            endpoint: Attr::Null,
            cluster_ca_certificate: Attr::Null,
            network_id: Attr::Null,
            coe_version: Attr::Null,
            nodes: Attr::Null,
            created_at: Attr::Null,
            planned_operations: Attr::Null,
        }
    }
}

/// What is seen replaces what was known; what could not be seen now stays as it was.
fn keep_if_unseen(attribute: &mut Attr<String>, seen: Option<String>) {
    match seen {
        Some(seen) => *attribute = Attr::Known(seen),
        None if attribute.is_unknown() => *attribute = Attr::Null,
        None => {}
    }
}

/// Nodes as they stand in state.
pub(crate) fn node_models(nodes: BTreeMap<NodeName, Node>) -> BTreeMap<String, NodeModel> {
    nodes
        .into_iter()
        .map(|(name, node)| (name.to_string(), node_model(&node)))
        .collect()
}

fn node_model(node: &Node) -> NodeModel {
    NodeModel {
        id: node.id.clone().into(),
        role: node.role.as_str().to_owned().into(),
        address: node.address.map(|address| address.to_string()).into(),
        version: node.version.clone().into(),
        status: node.status.to_string().into(),
    }
}

fn text(text: &str) -> Attr<String> {
    if text.is_empty() {
        Attr::Null
    } else {
        text.to_owned().into()
    }
}

fn labels(labels: &BTreeMap<String, String>) -> Attr<BTreeMap<String, Attr<String>>> {
    if labels.is_empty() {
        return Attr::Null;
    }
    let known = |(key, value): (&String, &String)| (key.clone(), value.clone().into());
    Attr::Known(labels.iter().map(known).collect())
}

fn list<T, M>(items: &[T], convert: impl Fn(&T) -> M) -> Attr<Vec<M>> {
    if items.is_empty() {
        Attr::Null
    } else {
        Attr::Known(items.iter().map(convert).collect())
    }
}

fn port_model(cluster: &ClusterSpec, port: &PortMapping) -> PortModel {
    let node = port.node.as_str();
    let short = node
        .strip_prefix(cluster.name.as_str())
        .and_then(|rest| rest.strip_prefix('-'))
        .unwrap_or(node);
    PortModel {
        node_port: i64::from(port.node_port).into(),
        host_port: port.host_port.map(i64::from).into(),
        listen_address: port.listen_address.to_string().into(),
        protocol: match port.protocol {
            Protocol::Tcp => "tcp".to_owned().into(),
            Protocol::Udp => "udp".to_owned().into(),
        },
        node: short.to_owned().into(),
    }
}

fn network_model(network: &NetworkSpec) -> Attr<NetworkModel> {
    match network {
        NetworkSpec::Isolated => Attr::Null,
        NetworkSpec::Subnet(subnet) => NetworkModel {
            id: Attr::Null,
            cidr: subnet.to_string().into(),
        }
        .into(),
        NetworkSpec::Existing(id) => NetworkModel {
            id: id.clone().into(),
            cidr: Attr::Null,
        }
        .into(),
    }
}

fn wait_for(wait_for: WaitFor) -> String {
    match wait_for {
        WaitFor::Usable => "usable".to_owned(),
        WaitFor::NodesReady => "nodes_ready".to_owned(),
    }
}

fn desired_state(state: DesiredState) -> String {
    match state {
        DesiredState::Running => "Running".to_owned(),
        DesiredState::Stopped => "Stopped".to_owned(),
    }
}
