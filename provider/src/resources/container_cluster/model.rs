//! The arguments and attributes of `coe_container_cluster`.

use std::collections::BTreeMap;

use coe_engine::model::CoeKind;
use terraform_framework::timeouts::Timeouts;
use terraform_framework::validators::{at_least, between, cidr, length, one_of, pattern};
use terraform_framework::{Attr, Model};

use super::super::upgrade_settings::UpgradeSettingsModel;

/// What an argument is when the configuration leaves it out.
pub(super) mod default {
    pub(crate) const CONTROL_PLANE_COUNT: i64 = 1;
    pub(crate) const NODE_COUNT: i64 = 1;
    pub(crate) const DESIRED_STATE: &str = "Running";
    pub(crate) const ON_CREATE_FAILURE: &str = "rollback";
    pub(crate) const WAIT_FOR: &str = "usable";
    pub(crate) const DELETION_PROTECTION: bool = false;
    pub(crate) const LISTEN_ADDRESS: &str = "127.0.0.1";
    pub(crate) const PROTOCOL: &str = "tcp";
    pub(crate) const PORT_NODE: &str = "control-plane-1";
    pub(crate) const READ_ONLY: bool = false;
}

/// A cluster of nodes that runs one container orchestration engine (COE): its network, its machines, its
/// control plane and everything between.
///
/// Only `name`, `coe`, `network` and some `labels` replace the cluster; everything else changes in place, and the plan
/// says in words what the apply will do (`planned_operations`). A node that was killed or removed by hand is
/// seen by the next plan and repaired by the next apply.
#[derive(Model, Clone)]
#[model(version = 0)]
pub(crate) struct ContainerClusterModel {
    /// The cluster's id, a UUID. Every object that the cluster owns carries it as the label
    /// `io.coe.cluster.id`.
    #[attribute(computed, keep)]
    pub(crate) id: Attr<String>,

    /// Name of the cluster, unique on its platform. Nodes are called after it: `<name>-control-plane-1`,
    /// `<name>-worker-1`. A change replaces the cluster.
    #[attribute(required, replace, validate = [
        pattern("^[a-zA-Z][a-zA-Z0-9_.-]*$", "begin with a letter and go on with letters, digits, `_`, `.` and `-`"),
        length(1..=63),
    ])]
    pub(crate) name: Attr<String>,

    /// What the cluster is for, in words.
    #[attribute(optional)]
    pub(crate) description: Attr<String>,

    /// Settings of the COE by its own keys, checked at plan time and changed in place. For swarm: `task_history_limit`,
    /// `cert_expiry`, `dispatcher_heartbeat`, `snapshot_interval`, `max_snapshots`. For kubernetes: `pod_cidr`,
    /// `service_cidr` and `network_driver` (`image`, `native` or `none`), of which a change replaces the cluster;
    /// `cni_manifest`, `feature_gates`, `kubeapi_options`, `kubecontroller_options`, `kubescheduler_options`,
    /// `kubelet_options`, `apiserver_cert_extra_sans`, `oidc_issuer_url`, `oidc_client_id`, `oidc_username_claim`,
    /// `oidc_username_prefix`, `oidc_groups_claim`, `oidc_groups_prefix`, `oidc_ca_certificate`, `registry_mirrors`,
    /// `pod_security`, `audit_policy`: the guide of Kubernetes on Docker says what each takes.
    #[attribute(optional)]
    pub(crate) labels: Attr<BTreeMap<String, Attr<String>>>,

    /// The container orchestration engine. A change replaces the cluster.
    #[attribute(required, replace, validate = [one_of(CoeKind::ALL.map(CoeKind::as_str))])]
    pub(crate) coe: Attr<String>,

    /// Version of the COE. A newer one is a rolling upgrade in place, control planes first; an older one is refused, and
    /// for kubernetes one that leaves a minor version out. Without it the version is what the image carries (`coe_version`).
    #[attribute(optional)]
    pub(crate) cluster_version: Attr<String>,

    /// Number of control planes (for swarm: managers): 1, 3, 5 or 7, so that a majority survives. Default: 1.
    #[attribute(optional, computed, default = default::CONTROL_PLANE_COUNT, validate = [one_of([1_i64, 3, 5, 7])])]
    pub(crate) control_plane_count: Attr<i64>,

    /// Number of workers in the cluster's own pool. Default: 1.
    #[attribute(optional, computed, default = default::NODE_COUNT, validate = [between(0, 1000)])]
    pub(crate) node_count: Attr<i64>,

    /// Size of the nodes, as the platform names it. On docker `"<cpus>x<GiB>"`, such as `"2x4"` or `"0.5x1"`;
    /// without it nodes are not limited.
    #[attribute(optional)]
    pub(crate) flavor: Attr<String>,

    /// Size of the control planes. Default: `flavor`.
    #[attribute(optional)]
    pub(crate) control_plane_flavor: Attr<String>,

    /// What the nodes' machines are made from. On docker an image that honours the node image contract;
    /// it is pulled only where the engine has none of that name, and a plan fails where it cannot be. Default: the image that users of the COE know
    /// (`docker:<cluster_version>-dind` for swarm, `kindest/node:v<cluster_version>` for kubernetes). A change recreates
    /// the machines, control planes one by one and then workers as `upgrade_settings` say; their data stays.
    #[attribute(optional)]
    pub(crate) image: Attr<String>,

    /// Images of the platform that each node has before it counts as ready, without a registry. An image
    /// whose content changed under its name is loaded again.
    #[attribute(optional)]
    pub(crate) preload_images: Attr<Vec<Attr<String>>>,

    /// Ports of nodes that are published on the platform's host.
    #[attribute(optional)]
    pub(crate) ports: Attr<Vec<Attr<PortModel>>>,

    /// Folders and files of the platform's host that all nodes see.
    #[attribute(optional)]
    pub(crate) mounts: Attr<Vec<Attr<MountModel>>>,

    /// The network between the nodes. Without it: a new one with a subnet that is free. A change
    /// replaces the cluster.
    // What replaces is another meaning and not another spelling: the plan tells them apart.
    #[attribute(optional)]
    pub(crate) network: Attr<NetworkModel>,

    /// Volumes of each node, beside those that the COE needs. They outlive the node's machine.
    #[attribute(optional)]
    pub(crate) volumes: Attr<Vec<Attr<VolumeModel>>>,

    /// `Running`, or `Stopped`: all machines are stopped with all data. What else is changed while the cluster is
    /// stopped is put off, as the plan says, and done when it is started. Default: `Running`.
    #[attribute(optional, computed, default = default::DESIRED_STATE.to_owned(), validate = [one_of(["Running", "Stopped"])])]
    pub(crate) desired_state: Attr<String>,

    /// What becomes of a cluster whose create fails: `rollback` removes everything that was made, `keep` keeps
    /// what works, and the next apply carries on where it stopped. Default: `rollback`.
    #[attribute(optional, computed, default = default::ON_CREATE_FAILURE.to_owned(), validate = [one_of(["rollback", "keep"])])]
    pub(crate) on_create_failure: Attr<String>,

    /// What an apply that makes nodes waits for: `usable`, that all is there that work needs of the COE (the nodes, what
    /// the COE runs on each of them, and the resolving of names), or `nodes_ready`, that the COE says of the nodes that they
    /// are ready, after which the rest comes by itself. Default: `usable`.
    #[attribute(optional, computed, default = default::WAIT_FOR.to_owned(), validate = [one_of(["usable", "nodes_ready"])])]
    pub(crate) wait_for: Attr<String>,

    /// How nodes that are there are drained, and made again as other ones: at an upgrade, or with another flavor, image,
    /// port, mount or volume.
    #[attribute(optional)]
    pub(crate) upgrade_settings: Attr<UpgradeSettingsModel>,

    /// Refuses to destroy or replace the cluster while it is true. Default: false.
    #[attribute(optional, computed, default = default::DELETION_PROTECTION)]
    pub(crate) deletion_protection: Attr<bool>,

    /// How long create, read, update and delete may take. Defaults: 20, 2, 30 and 10 minutes.
    #[attribute(optional)]
    pub(crate) timeouts: Attr<Timeouts>,

    /// `Running` and `Stopped` where all is as it should be, `Alert` where something is not: the next apply repairs it.
    /// `Starting` while it is being made, `Error` where its create failed and left what could not be removed, and
    /// `Destroying` where its destruction was cut off.
    #[attribute(computed)]
    pub(crate) status: Attr<String>,

    /// `HEALTHY`, `DEGRADED` (it works, and a node does not), `UNHEALTHY` (it does not work: too few control planes
    /// run, or they answer that they cannot serve), or `UNKNOWN` (it could not be asked: it is stopped, or its machines
    /// run and no control plane answers).
    #[attribute(computed)]
    pub(crate) health: Attr<String>,

    /// Where the cluster's API answers, over TLS: `tcp://127.0.0.1:49321`. It stays through every change but one: a
    /// cluster that gets several control planes for the first time gets a balancer before them, where its platform has
    /// such a thing (`docker`).
    #[attribute(computed, keep)]
    pub(crate) endpoint: Attr<String>,

    /// Certificate of the cluster's own CA, PEM.
    #[attribute(computed, keep)]
    pub(crate) cluster_ca_certificate: Attr<String>,

    /// The platform's id of the network between the nodes.
    #[attribute(computed, keep)]
    pub(crate) network_id: Attr<String>,

    /// Version of the COE that the control planes run.
    #[attribute(computed)]
    pub(crate) coe_version: Attr<String>,

    /// The nodes by name, those beside the pool included.
    #[attribute(computed)]
    pub(crate) nodes: Attr<BTreeMap<String, NodeModel>>,

    /// When the cluster was made, RFC 3339.
    #[attribute(computed, keep)]
    pub(crate) created_at: Attr<String>,

    /// What this apply will do, in order, in words. After it: what the last apply did.
    #[attribute(computed)]
    pub(crate) planned_operations: Attr<Vec<String>>,
}

/// A port of a node on the platform's host.
#[derive(Model, Clone)]
pub(crate) struct PortModel {
    /// Port on the node.
    #[attribute(required, validate = [between(1, 65535)])]
    pub(crate) node_port: Attr<i64>,
    /// Port on the host. Without it the platform chooses a free one.
    #[attribute(optional, validate = [between(1, 65535)])]
    pub(crate) host_port: Attr<i64>,
    /// The host's address that listens. Default: `127.0.0.1`, the host itself only.
    #[attribute(optional, computed, default = default::LISTEN_ADDRESS.to_owned())]
    pub(crate) listen_address: Attr<String>,
    /// `tcp` or `udp`. Default: `tcp`.
    #[attribute(optional, computed, default = default::PROTOCOL.to_owned(), validate = [one_of(["tcp", "udp"])])]
    pub(crate) protocol: Attr<String>,
    /// Which node, by its name without the cluster's: `control-plane-1`, `worker-2`. Default:
    /// `control-plane-1`.
    #[attribute(optional, computed, default = default::PORT_NODE.to_owned(), validate = [
        pattern("^(control-plane|worker)-[1-9][0-9]*$", "be `control-plane-<number>` or `worker-<number>`"),
    ])]
    pub(crate) node: Attr<String>,
}

/// A folder or file of the platform's host that nodes see.
#[derive(Model, Clone)]
pub(crate) struct MountModel {
    /// Path on the host, absolute.
    #[attribute(required, validate = [pattern("^/", "be an absolute path")])]
    pub(crate) host_path: Attr<String>,
    /// Path on the nodes, absolute.
    #[attribute(required, validate = [pattern("^/.", "be an absolute path, and not `/` itself")])]
    pub(crate) node_path: Attr<String>,
    /// Whether nodes may only read it. Default: false.
    #[attribute(optional, computed, default = default::READ_ONLY)]
    pub(crate) read_only: Attr<bool>,
}

/// The network between the nodes.
#[derive(Model, Clone)]
pub(crate) struct NetworkModel {
    /// An existing network, by its id or name. It is never changed and never deleted.
    #[attribute(optional)]
    pub(crate) id: Attr<String>,
    /// Subnet of a new network, such as `10.89.7.0/24`.
    #[attribute(optional, validate = [cidr()])]
    pub(crate) cidr: Attr<String>,
}

/// A volume of each node.
#[derive(Model, Clone)]
pub(crate) struct VolumeModel {
    /// Distinguishes a node's volumes.
    #[attribute(required, validate = [
        pattern("^[a-z][a-z0-9-]*$", "begin with a lower-case letter and go on with lower-case letters, digits and `-`"),
        length(1..=32),
    ])]
    pub(crate) name: Attr<String>,
    /// Where the nodes see it, absolute.
    #[attribute(required, validate = [pattern("^/.", "be an absolute path, and not `/` itself")])]
    pub(crate) path: Attr<String>,
    /// Size in GiB, where the platform has sizes for volumes; docker has none.
    #[attribute(optional, validate = [at_least(1)])]
    pub(crate) size: Attr<i64>,
}

/// A node of a cluster.
#[derive(Model, Clone)]
pub(crate) struct NodeModel {
    /// The platform's id of its machine.
    #[attribute(computed)]
    pub(crate) id: Attr<String>,
    /// `control_plane` or `worker`.
    #[attribute(computed)]
    pub(crate) role: Attr<String>,
    /// Its address in the cluster's network.
    #[attribute(computed)]
    pub(crate) address: Attr<String>,
    /// Version of the COE that it runs.
    #[attribute(computed)]
    pub(crate) version: Attr<String>,
    /// `Ready`, `Drained`, `Stopped` (with its whole cluster), `Down` (it does not answer, or its machine does not run),
    /// `Missing` (its machine is gone), `NotMember`, or `Unknown`.
    #[attribute(computed)]
    pub(crate) status: Attr<String>,
}
