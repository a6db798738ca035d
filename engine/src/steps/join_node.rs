//! Joins a machine to its cluster.
//!
//! After `ensure` the node is a member; whether it is a ready one is another step's question. `undo`
//! removes the member whether or not the join was seen to finish.

use async_trait::async_trait;
use futures_util::future::join_all;

use super::Site;
use super::site::Origin;
use crate::error::chain;
use crate::model::{NodeName, Role};
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct JoinNode {
    /// The node.
    pub node: NodeName,
    /// What it becomes.
    pub role: Role,
}

#[async_trait]
impl Step for JoinNode {
    fn name(&self) -> StepName {
        StepName::new("join_node", &self.node)
    }

    fn title(&self) -> String {
        format!("join {} as {}", self.node, self.role)
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        if site.may_be_dead_member() {
            // Beside a dead one of its name it would be another member: of control planes, one vote too many.
            leave(site, &self.node).await?;
        }
        join(site, &self.node, self.role).await
    }

    async fn undo(&self, site: &Site) -> Result<(), StepError> {
        if site.origin == Origin::MadeHere {
            // The whole cluster goes: leaving it member by member would only take time.
            return Ok(());
        }
        if self.role == Role::ControlPlane {
            site.may_vote(&self.node);
        }
        leave(site, &self.node).await?;
        site.votes_no_more(&self.node);
        Ok(())
    }
}

/// Makes sure that the node is a member.
pub(super) async fn join(site: &Site, node: &NodeName, role: Role) -> Result<(), StepError> {
    let ticket = site.ticket(role, node).await?;
    let reached = site.reach(node)?;
    let turn = site.turn_to_join(role).await;
    site.coe.join(&reached.access(), ticket).await?;
    drop(turn);
    if role == Role::ControlPlane {
        site.serves(node);
        tell_control_planes(site, None).await;
    }
    Ok(())
}

/// Tells all nodes where the control planes are, but for one that has left. A node that cannot be told still knows of another, and is told when
/// its machine is made again.
async fn tell_control_planes(site: &Site, left: Option<&NodeName>) {
    let control_planes = site.control_plane_addresses(left);
    let machines = site.running_machines();
    let others = machines
        .iter()
        .filter(|machine| Some(machine.node()) != left);
    let told = others.map(async |machine| {
        let told = site
            .coe
            .tell_control_planes(machine.as_ref(), &control_planes)
            .await;
        if let Err(error) = told {
            tracing::warn!(
                "{} was not told where the control planes are: {}",
                machine.node(),
                chain(&error)
            );
        }
    });
    join_all(told).await;
}

/// Makes sure that the node is no member, whether or not it has a machine.
pub(super) async fn leave(site: &Site, node: &NodeName) -> Result<(), StepError> {
    // First, so that nobody asks it about others while it goes.
    let asked = site.control_plane(node)?;
    site.no_longer_serves(node);
    let leaving = site.exec(node).ok();
    site.coe
        .remove_member(asked.as_ref(), node, leaving.as_deref())
        .await?;
    if site.is_control_plane(node) {
        tell_control_planes(site, Some(node)).await;
    }
    Ok(())
}
