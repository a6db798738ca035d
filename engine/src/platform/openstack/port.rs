//! The port of a node's machine, which has its address: one of two that want an address gets it.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::json;

use super::OpenStack;
use super::labels::description;
use super::network::{Listed, PORT};
use crate::model::{ClusterId, NodeName, Owner};
use crate::platform::{MachineRequest, PlatformError, Retry};

/// A port of Neutron's.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ListedPort {
    #[serde(flatten)]
    pub(super) object: Listed,
    #[serde(default)]
    fixed_ips: Vec<FixedAddress>,
    #[serde(default)]
    device_owner: String,
}

#[derive(Debug, Clone, Deserialize)]
struct FixedAddress {
    ip_address: IpAddr,
}

impl ListedPort {
    pub(super) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.fixed_ips.iter().map(|fixed| fixed.ip_address)
    }

    pub(super) fn is_of_node(&self, cluster: ClusterId, node: &NodeName) -> bool {
        self.object.is_of(cluster) && self.object.name == node.as_str()
    }
}

impl OpenStack {
    /// The port that has the address that the machine is to have.
    pub(super) async fn port_for(
        &self,
        owner: &Owner,
        request: &MachineRequest,
        group: &str,
    ) -> Result<ListedPort, PlatformError> {
        let node = &request.spec.name;
        let body = json!({
            "name": node.as_str(),
            "description": description(owner),
            "network_id": request.network.id,
            "fixed_ips": [{ "ip_address": request.address }],
            "security_groups": [group],
        });
        let made = self.make(PORT, owner, node.as_str(), body).await;
        let failure = match made {
            Err(failure) if failure.is_conflict() && !failure.is_quota() => failure,
            made => return Ok(made?),
        };
        // Somebody has the address: it may be this node, whose call was not seen to have its effect.
        let query = format!(
            "network_id={}&fixed_ips=ip_address%3D{}",
            request.network.id, request.address
        );
        let holders: Vec<ListedPort> = self.neutron_everywhere(PORT, &query).await?;
        let own = holders
            .iter()
            .find(|port| port.is_of_node(owner.cluster, node));
        if let Some(own) = own {
            return Ok(own.clone());
        }
        let Some(holder) = holders.first() else {
            return Err(failure.into());
        };
        let (id, name) = (&holder.object.id, &holder.object.name);
        Err(PlatformError::Refused {
            what: format!("give {node} the address {}", request.address),
            reason: format!("port {id} {name:?} has it ({})", holder.device_owner),
            help: None,
            retry: Retry::Never,
        })
    }

    /// Deletes the ports of a node.
    pub(super) async fn remove_ports(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        let query = format!("name={}", super::client::encoded(node.as_str()));
        let named: Vec<ListedPort> = self.neutron(PORT, &query).await?;
        for port in named.iter().filter(|port| port.is_of_node(cluster, node)) {
            self.remove(PORT, &port.object.id, node.as_str()).await?;
        }
        Ok(())
    }
}
