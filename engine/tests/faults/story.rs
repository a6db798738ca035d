//! The operations: what is there before, and what is wanted then.

use coe_engine::model::{
    ClusterId, ClusterSpec, DesiredState, ImageName, NodeGroupSpec, NodeName, OnCreateFailure, Pace,
};
use coe_engine::platform::simulated::Simulated;
use coe_engine::platform::{Platform, PlatformError};

use crate::caller::Wanted;
use crate::group::group;
use crate::support::{extra, spec};

/// An operation that is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Story {
    Create,
    CreateKept,
    CreateStopped,
    Start,
    Stop,
    ScaleUp,
    ScaleDown,
    MoreControlPlanes,
    FewerControlPlanes,
    NodeAdd,
    NodeRemove,
    GroupAdd,
    GroupGrow,
    GroupShrink,
    GroupUpgrade,
    GroupRemove,
    Repair,
    RepairControlPlane,
    Upgrade,
    Destroy,
}

impl Story {
    pub(crate) const ALL: [Self; 20] = [
        Self::Create,
        Self::CreateKept,
        Self::CreateStopped,
        Self::Start,
        Self::Stop,
        Self::ScaleUp,
        Self::ScaleDown,
        Self::MoreControlPlanes,
        Self::FewerControlPlanes,
        Self::NodeAdd,
        Self::NodeRemove,
        Self::GroupAdd,
        Self::GroupGrow,
        Self::GroupShrink,
        Self::GroupUpgrade,
        Self::GroupRemove,
        Self::Repair,
        Self::RepairControlPlane,
        Self::Upgrade,
        Self::Destroy,
    ];

    /// As it is written in a trial: `scale_up`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::CreateKept => "create_kept",
            Self::CreateStopped => "create_stopped",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::ScaleUp => "scale_up",
            Self::ScaleDown => "scale_down",
            Self::MoreControlPlanes => "more_control_planes",
            Self::FewerControlPlanes => "fewer_control_planes",
            Self::NodeAdd => "node_add",
            Self::NodeRemove => "node_remove",
            Self::GroupAdd => "group_add",
            Self::GroupGrow => "group_grow",
            Self::GroupShrink => "group_shrink",
            Self::GroupUpgrade => "group_upgrade",
            Self::GroupRemove => "group_remove",
            Self::Repair => "repair",
            Self::RepairControlPlane => "repair_control_plane",
            Self::Upgrade => "upgrade",
            Self::Destroy => "destroy",
        }
    }

    /// Whether several control planes have to agree in it.
    pub(crate) fn is_large(self) -> bool {
        matches!(
            self,
            Self::MoreControlPlanes | Self::FewerControlPlanes | Self::RepairControlPlane
        )
    }

    /// Whether a caller can want what was there before again. What a create or an add has left that died nobody has:
    /// only who wants the same again comes upon it.
    pub(crate) fn can_be_given_up(self) -> bool {
        !matches!(
            self,
            Self::Create | Self::CreateKept | Self::CreateStopped | Self::NodeAdd | Self::GroupAdd
        )
    }

    /// What is there before.
    pub(crate) fn before(self) -> Wanted {
        match self {
            Self::Create | Self::CreateKept | Self::CreateStopped => Wanted::nothing(),
            Self::Start => Wanted::cluster(stopped(spec(1, 1))),
            Self::ScaleDown => Wanted::cluster(spec(1, 3)),
            Self::Stop | Self::FewerControlPlanes | Self::Destroy => Wanted::cluster(spec(3, 0)),
            Self::RepairControlPlane => Wanted::cluster(spec(3, 1)),
            Self::NodeRemove => Wanted {
                node: Some(extra()),
                ..Wanted::cluster(spec(1, 1))
            },
            Self::GroupGrow | Self::GroupUpgrade => with_group(group(1)),
            Self::GroupShrink | Self::GroupRemove => with_group(group(2)),
            Self::ScaleUp
            | Self::MoreControlPlanes
            | Self::NodeAdd
            | Self::GroupAdd
            | Self::Repair
            | Self::Upgrade => Wanted::cluster(spec(1, 1)),
        }
    }

    /// What happens to it then.
    pub(crate) async fn befall(
        self,
        platform: &Simulated,
        cluster: ClusterId,
    ) -> Result<(), PlatformError> {
        let lost = match self {
            Self::Repair => "bar-worker-1",
            Self::RepairControlPlane => "bar-control-plane-1",
            _ => return Ok(()),
        };
        if let Ok(node) = lost.parse::<NodeName>() {
            platform.delete_machine(cluster, &node).await?;
            platform.delete_volumes(cluster, &node).await?;
        }
        Ok(())
    }

    /// What is wanted after it.
    pub(crate) fn wanted(self) -> Wanted {
        match self {
            Self::Create => Wanted::cluster(preloaded(spec(1, 1))),
            Self::CreateKept => Wanted {
                on_failure: OnCreateFailure::Keep,
                ..Wanted::cluster(preloaded(spec(1, 1)))
            },
            Self::CreateStopped => Wanted::cluster(stopped(spec(1, 1))),
            Self::Stop => Wanted::cluster(stopped(spec(3, 0))),
            Self::ScaleUp => Wanted::cluster(spec(1, 3)),
            Self::MoreControlPlanes | Self::RepairControlPlane => Wanted::cluster(spec(3, 1)),
            Self::FewerControlPlanes => Wanted::cluster(spec(1, 0)),
            Self::NodeAdd => Wanted {
                node: Some(extra()),
                ..Wanted::cluster(spec(1, 1))
            },
            Self::GroupAdd | Self::GroupGrow => with_group(group(2)),
            Self::GroupShrink => with_group(group(1)),
            // One more before one less, so that a node for a time comes and goes.
            Self::GroupUpgrade => with_group(NodeGroupSpec {
                image: Some(ImageName("node:2".to_owned())),
                pace: Pace::new(1, 0).unwrap_or_default(),
                ..group(1)
            }),
            Self::Upgrade => Wanted::cluster(ClusterSpec {
                image: Some(ImageName("node:2".to_owned())),
                ..spec(1, 1)
            }),
            Self::Start | Self::ScaleDown | Self::NodeRemove | Self::GroupRemove | Self::Repair => {
                Wanted::cluster(spec(1, 1))
            }
            Self::Destroy => Wanted::nothing(),
        }
    }
}

fn with_group(group: NodeGroupSpec) -> Wanted {
    Wanted {
        group: Some(group),
        ..Wanted::cluster(spec(1, 1))
    }
}

fn stopped(spec: ClusterSpec) -> ClusterSpec {
    ClusterSpec {
        desired_state: DesiredState::Stopped,
        ..spec
    }
}

fn preloaded(spec: ClusterSpec) -> ClusterSpec {
    ClusterSpec {
        preload_images: vec![ImageName("hello:1".to_owned())],
        ..spec
    }
}
