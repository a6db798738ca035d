//! `coe_cluster_nodes`: the platform's inventory.

use async_trait::async_trait;
use coe_engine::model::{InventoryMachine, MachineStatus};
use terraform_framework::validators::one_of;
use terraform_framework::{Attr, Call, DataSource, Diagnostics, Model};

use crate::diagnostics::failed;
use crate::operation::{LOOK_TIMEOUT, look};
use crate::provider::EngineSlot;

/// The machines of the platform.
pub(crate) struct ClusterNodesData {
    pub(crate) engine: EngineSlot,
}

/// The machines that the provider's configuration reaches, in the order of their names, and which cluster has each.
///
/// On the platform `hosts` these are all machines of its inventory, those included that no cluster has; platforms
/// that make machines have those of nodes alone. They are asked all at once, and no cluster is asked how it does.
#[derive(Model, Clone)]
pub(crate) struct ClusterNodesModel {
    /// Lists machines of the cluster of this name alone.
    #[attribute(optional)]
    cluster: Attr<String>,
    /// Lists machines of this status alone.
    #[attribute(optional, validate = [one_of(MachineStatus::ALL.map(MachineStatus::as_str))])]
    status: Attr<String>,
    /// Their names.
    #[attribute(computed)]
    names: Attr<Vec<String>>,
    /// The machines.
    #[attribute(computed)]
    nodes: Attr<Vec<InventoryNodeModel>>,
}

/// A machine of the inventory.
#[derive(Model, Clone)]
pub(crate) struct InventoryNodeModel {
    /// Its name in the inventory: on platforms that make machines, that of its node.
    #[attribute(computed)]
    name: Attr<String>,
    /// Where the other nodes reach it.
    #[attribute(computed)]
    address: Attr<String>,
    /// What fails together with it; null: nothing is said.
    #[attribute(computed)]
    zone: Attr<String>,
    /// What nodes may be on it: `control_plane`, `worker`. Empty: any.
    #[attribute(computed)]
    roles: Attr<Vec<String>>,
    /// `Discovered`: it is there. `Disappeared`: a cluster has it, and it is gone or does not answer. `Unknown`: it
    /// does not answer, and no cluster that is known has it.
    #[attribute(computed)]
    membership: Attr<String>,
    /// `Unallocated`: clean, and no cluster has it. `Provisioning`: being made a node. `Allocated`: a node.
    /// `Maintenance`: a node that was stopped. `Cancelled`: a node no more, and not cleaned yet. `CleanupFailed`: it was
    /// to be clean and is not, as `reason` says. `Decommissioned`: cleaned, and not free yet; a machine of `hosts` is
    /// `Unallocated` at once. Null: it does not answer.
    #[attribute(computed)]
    status: Attr<String>,
    /// Why it is not as it should be; null: it is.
    #[attribute(computed)]
    reason: Attr<String>,
    /// The id of the cluster that has it; null: none.
    #[attribute(computed)]
    cluster_id: Attr<String>,
    /// The name of the cluster that has it.
    #[attribute(computed)]
    cluster: Attr<String>,
    /// The node that it is or was in that cluster.
    #[attribute(computed)]
    node: Attr<String>,
    /// That node's role, as far as somebody says.
    #[attribute(computed)]
    role: Attr<String>,
}

#[async_trait]
impl DataSource for ClusterNodesData {
    type Model = ClusterNodesModel;

    const NAME: &'static str = "coe_cluster_nodes";

    async fn read(&self, config: Self::Model, call: &Call) -> Result<Self::Model, Diagnostics> {
        let engine = self.engine.configured()?;
        let list = async {
            let machines = engine.inventory().await;
            machines.map_err(failed("The machines could not be listed"))
        };
        let machines = look(call, LOOK_TIMEOUT, list).await?;
        let mut nodes: Vec<InventoryNodeModel> =
            machines.iter().map(InventoryNodeModel::of).collect();
        nodes.retain(|node| {
            (config.cluster.is_null() || config.cluster == node.cluster)
                && (config.status.is_null() || config.status == node.status)
        });
        let names = nodes.iter().filter_map(|node| node.name.known().cloned());
        Ok(ClusterNodesModel {
            names: Attr::Known(names.collect()),
            nodes: nodes.into(),
            ..config
        })
    }
}

impl InventoryNodeModel {
    fn of(machine: &InventoryMachine) -> Self {
        let holder = machine.holder.as_ref();
        let roles = machine.roles.iter().map(|role| role.as_str().to_owned());
        let role = holder.and_then(|holder| holder.role);
        Self {
            name: machine.name.clone().into(),
            address: machine.address.to_string().into(),
            zone: machine.zone.clone().into(),
            roles: Attr::Known(roles.collect()),
            membership: machine.membership.to_string().into(),
            status: machine.status.map(|status| status.to_string()).into(),
            reason: machine.reason.clone().into(),
            cluster_id: holder.map(|holder| holder.cluster.to_string()).into(),
            cluster: holder.map(|holder| holder.cluster_name.to_string()).into(),
            node: holder.map(|holder| holder.node.to_string()).into(),
            role: role.map(|role| role.as_str().to_owned()).into(),
        }
    }
}
