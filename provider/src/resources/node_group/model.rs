//! The arguments and attributes of `coe_node_group`.

use std::collections::BTreeMap;

use coe_engine::cluster::NodeStatus;
use coe_engine::engine::{GroupStatus, SeenGroup};
use coe_engine::model::{ClusterId, GroupName, NodeGroupSpec};
use terraform_framework::timeouts::Timeouts;
use terraform_framework::validators::{between, length, pattern};
use terraform_framework::{Attr, Diagnostic, Model, Path};

use super::super::container_cluster::{NodeModel, node_models};
use super::super::node_settings::{LabelsModel, TaintsModel, show_labels, show_taints};
use super::super::upgrade_settings::UpgradeSettingsModel;
use super::spec::Request;

/// A group of workers beside a cluster's own pool that are alike: with a number, a size, an image, labels and taints of
/// their own, made again at a pace of their own.
///
/// Its nodes are called `<cluster>-<group>-1` and on. One that was killed or removed by hand is seen by the next plan and
/// repaired by the next apply. The nodes sleep and wake with their cluster. Destroying the group drains them, takes
/// them out of the cluster and then deletes their machines and volumes.
#[derive(Model, Clone)]
#[model(version = 0)]
pub(crate) struct NodeGroupModel {
    /// `<cluster_id>/<name>`.
    #[attribute(computed, keep)]
    pub(crate) id: Attr<String>,

    /// The cluster that the nodes join. A change replaces the group.
    #[attribute(required, replace)]
    pub(crate) cluster_id: Attr<String>,

    /// Name of the group, unique in its cluster, and neither `worker` nor `control-plane`. A change replaces the group.
    #[attribute(required, replace, validate = [
        pattern("^[a-zA-Z][a-zA-Z0-9_.-]*$", "begin with a letter and go on with letters, digits, `_`, `.` and `-`"),
        length(1..=63),
    ])]
    pub(crate) name: Attr<String>,

    /// Number of nodes. Where it is left out a new group has `min_node_count` nodes, or 1, and one that is there keeps as
    /// many as it has within its bounds. Of fewer nodes those with the lowest numbers stay.
    #[attribute(optional, computed, validate = [between(0, 1000)])]
    pub(crate) node_count: Attr<i64>,

    /// The fewest that `node_count` may be.
    #[attribute(optional, validate = [between(0, 1000)])]
    pub(crate) min_node_count: Attr<i64>,

    /// The most that `node_count` may be.
    #[attribute(optional, validate = [between(0, 1000)])]
    pub(crate) max_node_count: Attr<i64>,

    /// Size of the nodes, as the platform names it. Default: the cluster's. A change drains the nodes and makes their
    /// machines again as `upgrade_settings` say; their data stays.
    #[attribute(optional)]
    pub(crate) flavor: Attr<String>,

    /// What the machines are made from. Default: the cluster's, which the group follows with the apply after the one
    /// that changed it. A change drains the nodes and makes their machines again as `upgrade_settings` say; their data
    /// stays.
    #[attribute(optional)]
    pub(crate) image: Attr<String>,

    /// Labels of the nodes in the COE, for placement of what runs on the cluster, changed in place. Those that are changed
    /// while the cluster is stopped are set when it is started.
    #[attribute(optional)]
    pub(crate) node_labels: Attr<LabelsModel>,

    /// What keeps work off the nodes that does not tolerate it (for kubernetes; swarm has no taints), changed in place.
    /// Those that others give a node are left alone. Changed while the cluster is stopped as `node_labels` are.
    #[attribute(optional)]
    pub(crate) taints: Attr<TaintsModel>,

    /// How the nodes are drained, and made again as other ones; the cluster's own settings do not count for them.
    #[attribute(optional)]
    pub(crate) upgrade_settings: Attr<UpgradeSettingsModel>,

    /// How long create, read, update and delete may take. Defaults: 20, 2, 30 and 15 minutes.
    #[attribute(optional)]
    pub(crate) timeouts: Attr<Timeouts>,

    /// The nodes by name.
    #[attribute(computed)]
    pub(crate) nodes: Attr<BTreeMap<String, NodeModel>>,

    /// `Running` and `Stopped` (with the whole cluster) where all is as it should be, `Alert` where something is not: the
    /// next apply repairs it. `Unknown` while the cluster cannot be asked.
    #[attribute(computed)]
    pub(crate) status: Attr<String>,
}

impl NodeGroupModel {
    /// The same arguments, with the attributes that `seen` shows.
    pub(super) fn observed(
        mut self,
        cluster: ClusterId,
        name: &GroupName,
        seen: &SeenGroup,
    ) -> Self {
        self.id = format!("{cluster}/{name}").into();
        self.cluster_id = cluster.to_string().into();
        self.name = name.to_string().into();
        self.nodes = Attr::Known(node_models(seen.nodes.clone()));
        self.status = seen.status.as_str().to_owned().into();
        self
    }

    /// The same state, with every argument whose meaning differs from what is remembered of the group or from what a
    /// node of it shows.
    pub(super) fn drifted(mut self, seen: &SeenGroup) -> Self {
        let Some(spec) = &seen.spec else { return self };
        self = self.recorded(spec);
        if matches!(seen.status, GroupStatus::Stopped | GroupStatus::Unknown) {
            return self;
        }
        let members = seen.nodes.values().filter(|node| {
            let status = node.status;
            matches!(status, NodeStatus::Ready | NodeStatus::Drained)
        });
        let mut other_labels = members.clone().filter(|node| node.labels != spec.labels);
        if let Some(node) = other_labels.next() {
            show_labels(&mut self.node_labels, &node.labels);
        }
        let mut other_taints = members.filter(|node| node.taints != spec.taints);
        if let Some(node) = other_taints.next() {
            show_taints(&mut self.taints, &node.taints);
        }
        self
    }

    /// A spelling that means the same (`null` and `{}`) is left as the user wrote it.
    fn recorded(mut self, recorded: &NodeGroupSpec) -> Self {
        let known = match self.request() {
            Ok(Request::Known(spec)) => Some(*spec),
            Ok(Request::NotYet) | Err(_) => None,
        };
        let differs = |same: fn(&NodeGroupSpec, &NodeGroupSpec) -> bool| {
            known.as_ref().is_none_or(|known| !same(known, recorded))
        };
        if differs(|a, b| a.count == b.count) {
            self.node_count = i64::from(recorded.count).into();
        }
        if differs(|a, b| a.min_count == b.min_count) {
            self.min_node_count = recorded.min_count.map(i64::from).into();
        }
        if differs(|a, b| a.max_count == b.max_count) {
            self.max_node_count = recorded.max_count.map(i64::from).into();
        }
        if differs(|a, b| a.flavor == b.flavor) {
            let flavor = recorded.flavor.as_ref();
            self.flavor = flavor.map(|flavor| flavor.0.clone()).into();
        }
        if differs(|a, b| a.image == b.image) {
            self.image = recorded.image.as_ref().map(|image| image.0.clone()).into();
        }
        show_labels(&mut self.node_labels, &recorded.labels);
        show_taints(&mut self.taints, &recorded.taints);
        if differs(|a, b| (a.pace, a.drain) == (b.pace, b.drain)) {
            self.upgrade_settings = UpgradeSettingsModel::of(recorded.pace, recorded.drain);
        }
        self
    }

    /// Gives the plan a number of nodes where the configuration leaves it out: as many as there are.
    pub(super) fn choose_count(&mut self, prior: Option<&Self>) {
        if self.min_node_count.is_unknown() || self.max_node_count.is_unknown() {
            return;
        }
        let least = self.min_node_count.known().copied().unwrap_or_default();
        let most = self.max_node_count.known().copied().unwrap_or(i64::MAX);
        let there = prior.and_then(|prior| prior.node_count.known().copied());
        let wanted = there.unwrap_or(1);
        // Bounds that exclude one another are said by `validate`.
        self.node_count = wanted.min(most).max(least).into();
    }

    /// Says in the plan that a group which is not as it should be is repaired, and that nothing is done to one
    /// that is as it should be.
    pub(super) fn announce(&mut self, prior: &Self) {
        let healthy = [GroupStatus::Running, GroupStatus::Stopped].map(GroupStatus::as_str);
        let is_healthy = |status: &String| healthy.contains(&status.as_str());
        if prior
            .status
            .known()
            .is_none_or(|status| !is_healthy(status))
        {
            self.status = Attr::Unknown;
            self.nodes = Attr::Unknown;
        } else if self.wants_the_same_as(prior) {
            self.status = prior.status.clone();
            self.nodes = prior.nodes.clone();
        }
    }

    /// Whether the two ask for the same group, as far as they are known.
    pub(super) fn wants_the_same_as(&self, prior: &Self) -> bool {
        let same_place = self.cluster_id == prior.cluster_id;
        match (self.request(), prior.request()) {
            (Ok(Request::Known(wanted)), Ok(Request::Known(before))) => {
                same_place && wanted == before
            }
            _ => false,
        }
    }

    /// Says in the plan what may become of a change of a group that sleeps with its cluster.
    pub(super) fn put_off(&self, prior: &Self) -> Option<Diagnostic> {
        let sleeping = GroupStatus::Stopped.as_str();
        if prior.status.known().map(String::as_str) != Some(sleeping) {
            return None;
        }
        let (changed, what) = if self.node_count != prior.node_count {
            ("node_count", REFUSED)
        } else if self.image != prior.image {
            ("image", REFUSED)
        } else if self.flavor != prior.flavor {
            ("flavor", REFUSED)
        } else if self.node_labels != prior.node_labels {
            ("node_labels", LATER)
        } else if self.taints != prior.taints {
            ("taints", LATER)
        } else {
            return None;
        };
        let (summary, detail) = what;
        Some(Diagnostic::warning(summary, detail).at(Path::attribute_name(changed)))
    }

    /// What import starts from: nothing but the name.
    pub(super) fn unread(name: &str) -> Self {
        Self {
            id: Attr::Null,
            cluster_id: Attr::Null,
            name: name.to_owned().into(),
            node_count: Attr::Null,
            min_node_count: Attr::Null,
            max_node_count: Attr::Null,
            flavor: Attr::Null,
            image: Attr::Null,
            node_labels: Attr::Null,
            taints: Attr::Null,
            upgrade_settings: Attr::Null,
            timeouts: Attr::Null,
            nodes: Attr::Null,
            status: Attr::Null,
        }
    }
}

const LATER: (&str, &str) = (
    "The change is made when the cluster is started",
    "The cluster is stopped. Unless this apply starts it, the change is kept on its platform, and the nodes get it at \
     the next start.",
);

const REFUSED: (&str, &str) = (
    "The change needs a cluster that runs",
    "The cluster is stopped. Unless this apply starts it, the apply is refused: machines are made for a cluster that \
     runs, and drained in one.",
);
