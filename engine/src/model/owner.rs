//! What every object of a cluster carries from the call that creates it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ClusterId, ClusterName, OperationId};

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
}
