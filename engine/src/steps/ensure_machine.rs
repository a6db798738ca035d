//! Makes sure that a node has its machine, and that the machine's service is up.
//!
//! The node keeps the address and the published ports that it had before; its volumes are used if they
//! are there. `undo` deletes the machine, and its volumes if the node is a new one; that of a control plane whose
//! vote could not be given up stays, because the others may count on it.

use std::time::Duration;

use async_trait::async_trait;

use super::Site;
use crate::coe::NewNode;
use crate::model::{NodeName, NodeSpec, Role};
use crate::platform::MachineRequest;
use crate::saga::{Step, StepError, StepName};

/// Whether anything of the node was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeOrigin {
    /// Nothing was.
    New,
    /// Its volumes were, or may have been.
    ThereBefore,
}

/// How long the services of a machine that was started may take: one that is made from something else than a
/// node's image never has them.
const UP: Duration = Duration::from_mins(3);

/// See the module.
pub struct EnsureMachine {
    /// What the machine should be.
    pub node: NodeSpec,
    /// Whether anything of the node was there before.
    pub origin: NodeOrigin,
}

#[async_trait]
impl Step for EnsureMachine {
    fn name(&self) -> StepName {
        StepName::new("ensure_machine", &self.node.name)
    }

    fn title(&self) -> String {
        format!("make the machine of {} {}", self.node.role, self.node.name)
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node.name)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let name = &self.node.name;
        let own = site.platform.place(&site.owner, &self.node).await?;
        let address = match own {
            Some(own) => site.is_placed(name, own),
            None => site.address(name)?,
        };
        let secrets = if site.coe.boots_with_secrets(self.node.role) {
            site.secrets_for(name).await?
        } else {
            None
        };
        let api_port = site.coe.api_port();
        let published = self.node.ports.iter();
        let listens_at = published
            .filter(|port| port.node_port == api_port && !port.listen_address.is_unspecified())
            .map(|port| port.listen_address.to_string());
        let mut reached_by = vec![
            name.to_string(),
            address.to_string(),
            "127.0.0.1".to_owned(),
            "::1".to_owned(),
            "localhost".to_owned(),
        ];
        reached_by.extend(listens_at);
        let network = site.network()?;
        reached_by.extend(network.outside.map(|outside| outside.to_string()));
        let new = NewNode {
            name,
            role: self.node.role,
            address,
            reached_by: &reached_by,
            control_planes: &site.control_plane_addresses(None),
            carries: network.carries,
        };
        let boot = site.coe.boot(&site.spec, &new, secrets)?;
        let request = MachineRequest {
            spec: site.with_kept_ports(self.node.clone()),
            address,
            network,
            boot,
        };
        let machine = site.platform.ensure_machine(&site.owner, &request).await?;
        let exec = site.platform.exec(&machine);
        site.has_machine(machine);
        match tokio::time::timeout(UP, site.coe.wait_until_up(exec.as_ref())).await {
            Ok(up) => up?,
            Err(_late) => {
                return Err(StepError::NotUp {
                    node: name.clone(),
                    image: self.node.image.clone(),
                    waited: UP,
                });
            }
        }
        if self.node.role == Role::ControlPlane && site.has_volumes(name) {
            site.came_back(name);
        }
        Ok(())
    }

    async fn undo(&self, site: &Site) -> Result<(), StepError> {
        let (cluster, name) = (site.owner.cluster, &self.node.name);
        if site.is_voting(name) {
            return Err(StepError::StillVoting(name.clone()));
        }
        site.platform.delete_machine(cluster, name).await?;
        if self.origin == NodeOrigin::New {
            site.platform.delete_volumes(cluster, name).await?;
            site.node_is_gone(name);
        } else {
            site.machine_is_gone(name);
        }
        Ok(())
    }
}
