//! The arguments and attributes of `coe_cluster_node`.

use std::collections::BTreeMap;

use coe_engine::cluster::{Node, NodeStatus};
use coe_engine::engine::NodeRequest;
use coe_engine::model::ClusterId;
use terraform_framework::timeouts::Timeouts;
use terraform_framework::validators::{length, one_of, pattern};
use terraform_framework::{Attr, Diagnostic, Model, Path, Set};

use super::super::node_settings::{
    TaintModel, has_unknown_labels, has_unknown_taints, show_labels, show_taints,
};

/// A node joined to a cluster beside its own pool: with a name, a role and labels of its own.
///
/// Destroying it drains it, takes it out of the cluster and then deletes its machine and volumes.
#[derive(Model, Clone)]
#[model(version = 0)]
pub(crate) struct ClusterNodeModel {
    /// `<cluster_id>/<name>`.
    #[attribute(computed, keep)]
    pub(crate) id: Attr<String>,

    /// The cluster that it joins. A change replaces the node.
    #[attribute(required, replace)]
    pub(crate) cluster_id: Attr<String>,

    /// Name of the node and of its machine, unique on the platform. A change replaces the node.
    #[attribute(required, replace, validate = [
        pattern("^[a-zA-Z][a-zA-Z0-9_.-]*$", "begin with a letter and go on with letters, digits, `_`, `.` and `-`"),
        length(1..=63),
    ])]
    pub(crate) name: Attr<String>,

    /// `worker` or `control_plane`. Default: `worker`. A change replaces the node.
    #[attribute(optional, computed, replace, default = "worker", validate = [one_of(["worker", "control_plane"])])]
    pub(crate) role: Attr<String>,

    /// Size of the node, as the platform names it. Default: the cluster's. A change recreates the machine; its
    /// data stays.
    #[attribute(optional)]
    pub(crate) flavor: Attr<String>,

    /// What the machine is made from. Default: the cluster's. A change recreates the machine; its data stays.
    #[attribute(optional)]
    pub(crate) image: Attr<String>,

    /// Labels of the node in the COE, for placement of what runs on the cluster. Those that are changed while the
    /// cluster is stopped are set when it is started, and so is `maintenance`.
    #[attribute(optional)]
    pub(crate) node_labels: Attr<BTreeMap<String, Attr<String>>>,

    /// What keeps work off the node that does not tolerate it (for kubernetes; swarm has no taints). Those that others
    /// give the node are left alone. Changed while the cluster is stopped as `node_labels` are.
    #[attribute(optional)]
    pub(crate) taints: Attr<Set<Attr<TaintModel>>>,

    /// While true the node is cordoned and drained: it keeps its place and takes no work. Default: false.
    #[attribute(optional, computed, default = false)]
    pub(crate) maintenance: Attr<bool>,

    /// How long create, read, update and delete may take. Defaults: 10, 2, 10 and 10 minutes.
    #[attribute(optional)]
    pub(crate) timeouts: Attr<Timeouts>,

    /// Its address in the cluster's network.
    #[attribute(computed, keep)]
    pub(crate) address: Attr<String>,

    /// `Discovered` while the node is where it should be, `Disappeared` while it does not answer or is gone, and
    /// `Unknown` while the cluster cannot be asked.
    #[attribute(computed)]
    pub(crate) membership: Attr<String>,

    /// `Ready`, `Drained`, `Stopped` (with its whole cluster), `Down` (it does not answer, or its machine does not run),
    /// `Missing` (its machine is gone), `NotMember`, or `Unknown`.
    #[attribute(computed)]
    pub(crate) status: Attr<String>,

    /// Version of the COE that it runs.
    #[attribute(computed)]
    pub(crate) version: Attr<String>,
}

impl ClusterNodeModel {
    /// The same arguments, with the attributes that `node` shows.
    pub(super) fn observed(mut self, cluster: ClusterId, node: &Node) -> Self {
        self.id = format!("{cluster}/{}", node.name).into();
        self.cluster_id = cluster.to_string().into();
        if let Some(address) = node.address {
            self.address = address.to_string().into();
        } else if self.address.is_unknown() {
            self.address = Attr::Null;
        }
        self.membership = membership(node.status).to_owned().into();
        self.status = node.status.to_string().into();
        if node.version.is_some() || self.version.is_unknown() {
            self.version = node.version.clone().into();
        }
        self
    }

    /// The same state, with every argument that the node shows differently.
    pub(super) fn drifted(mut self, node: &Node) -> Self {
        self.role = node.role.as_str().to_owned().into();
        if matches!(node.status, NodeStatus::Ready | NodeStatus::Drained) {
            self.maintenance = (node.status == NodeStatus::Drained).into();
            show_labels(&mut self.node_labels, &node.labels);
            show_taints(&mut self.taints, &node.taints);
        }
        self
    }

    /// Whether an argument that the node is made by is known only after apply.
    pub(super) fn has_unknown_arguments(&self) -> bool {
        let texts = [
            &self.cluster_id,
            &self.name,
            &self.role,
            &self.flavor,
            &self.image,
        ];
        texts.into_iter().any(Attr::is_unknown)
            || self.maintenance.is_unknown()
            || has_unknown_taints(&self.taints)
            || has_unknown_labels(&self.node_labels)
    }

    /// Says in the plan that a node which is not as it should be is repaired, and that nothing is done to one
    /// that is as it should be.
    pub(super) fn announce(&mut self, prior: &Self) {
        let healthy = ["Ready", "Drained", "Stopped"];
        let repaired = prior
            .status
            .known()
            .is_some_and(|status| !healthy.contains(&status.as_str()));
        if repaired {
            self.status = Attr::Unknown;
            self.membership = Attr::Unknown;
            self.version = Attr::Unknown;
        } else if self.wants_the_same_as(prior) {
            self.status = prior.status.clone();
            self.membership = prior.membership.clone();
            self.version = prior.version.clone();
        }
    }

    fn wants_the_same_as(&self, prior: &Self) -> bool {
        self.cluster_id == prior.cluster_id
            && self.name == prior.name
            && self.role == prior.role
            && self.flavor == prior.flavor
            && self.image == prior.image
            && self.node_labels == prior.node_labels
            && self.taints == prior.taints
            && self.maintenance == prior.maintenance
    }

    /// Says in the plan that a change of a node which sleeps with its cluster may have to wait.
    pub(super) fn put_off(&self, prior: &Self) -> Option<Diagnostic> {
        let sleeps = prior
            .status
            .known()
            .is_some_and(|status| status == "Stopped");
        let changed = if self.node_labels != prior.node_labels {
            "node_labels"
        } else if self.taints != prior.taints {
            "taints"
        } else if self.maintenance != prior.maintenance {
            "maintenance"
        } else {
            return None;
        };
        let warning = Diagnostic::warning(
            "The change is made when the cluster is started",
            "The cluster is stopped. Unless this apply starts it, the change is kept on its platform, and the node \
             gets it at the next start.",
        );
        sleeps.then(|| warning.at(Path::attribute_name(changed)))
    }

    /// What import starts from: the arguments that tell of the node's machine, and nothing else.
    pub(super) fn unread(asked_for: NodeRequest) -> Self {
        Self {
            id: Attr::Null,
            cluster_id: Attr::Null,
            name: asked_for.name.to_string().into(),
            role: Attr::Null,
            flavor: asked_for.flavor.map(|flavor| flavor.0).into(),
            image: asked_for.image.map(|image| image.0).into(),
            node_labels: Attr::Null,
            taints: Attr::Null,
            maintenance: false.into(),
            timeouts: Attr::Null,
            address: Attr::Null,
            membership: Attr::Null,
            status: Attr::Null,
            version: Attr::Null,
        }
    }
}

fn membership(status: NodeStatus) -> &'static str {
    match status {
        NodeStatus::Ready | NodeStatus::Drained | NodeStatus::Stopped => "Discovered",
        NodeStatus::Down | NodeStatus::Missing | NodeStatus::NotMember => "Disappeared",
        NodeStatus::Unknown => "Unknown",
    }
}
