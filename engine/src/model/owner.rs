//! What every object of a cluster carries from the call that creates it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ClusterId, ClusterName, NodeSpec, OperationId};

/// To whom an object belongs, and which operation made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The cluster.
    pub cluster: ClusterId,
    /// Its name, for people and for import by name.
    pub cluster_name: ClusterName,
    /// The operation that made the object.
    pub operation: OperationId,
    /// After it no live process works on that operation.
    pub deadline: Timestamp,
    /// The machine that works on it, if it was told.
    #[serde(default)]
    pub host: Option<String>,
}

impl Owner {
    /// Label of the cluster's id.
    pub const CLUSTER_ID: &'static str = "io.coe.cluster.id";
    /// Label of the cluster's name.
    pub const CLUSTER_NAME: &'static str = "io.coe.cluster.name";
    /// Label of a node's name.
    pub const NODE_NAME: &'static str = "io.coe.node.name";
    /// Label of a node's role.
    pub const NODE_ROLE: &'static str = "io.coe.node.role";
    /// Label of the name of a node's group, where it is of one beside the pool.
    pub const NODE_GROUP: &'static str = "io.coe.node.group";
    /// Label of the operation's id.
    pub const OPERATION_ID: &'static str = "io.coe.operation.id";
    /// Label of the operation's deadline, RFC 3339.
    pub const OPERATION_DEADLINE: &'static str = "io.coe.operation.deadline";

    /// Label of the name of the machine that works on the operation.
    pub const OPERATION_HOST: &'static str = "io.coe.operation.host";

    /// The owner's labels, as every object carries them.
    pub fn labels(&self) -> Vec<(&'static str, String)> {
        let mut labels = vec![
            (Self::CLUSTER_ID, self.cluster.to_string()),
            (Self::CLUSTER_NAME, self.cluster_name.to_string()),
            (Self::OPERATION_ID, self.operation.to_string()),
            (Self::OPERATION_DEADLINE, self.deadline.to_string()),
        ];
        let host = self.host.clone();
        labels.extend(host.map(|host| (Self::OPERATION_HOST, host)));
        labels
    }

    /// The labels of an object of that node: the owner's, and those that tell which node it is.
    pub fn labels_of(&self, node: &NodeSpec) -> Vec<(&'static str, String)> {
        let mut labels = self.labels();
        labels.push((Self::NODE_NAME, node.name.to_string()));
        labels.push((Self::NODE_ROLE, node.role.as_str().to_owned()));
        let group = node.group.name().map(ToString::to_string);
        labels.extend(group.map(|group| (Self::NODE_GROUP, group)));
        labels
    }
}
