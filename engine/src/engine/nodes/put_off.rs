//! Changes of nodes whose cluster is stopped.

use super::super::Engine;
use super::super::memory::{NodeWork, outcome};
use super::{NodeRequest, Target, node_of};
use crate::cluster::Node;
use crate::error::{EngineError, Failure};
use crate::model::NodeSettings;
use crate::operation::Operation;
use crate::platform::Scope;
use crate::scheduler::Bounds;

impl Engine {
    /// Remembers what a node of a stopped cluster is to get when the cluster is started.
    pub(super) async fn put_off(
        &self,
        target: Target,
        node: &NodeRequest,
        operation: &Operation,
    ) -> Result<Node, Failure> {
        let spec = &target.record.spec;
        if target.makes_machine(&self.node_spec(spec, node)?) {
            let reason = format!(
                "it is stopped, and the machine of {} has to be made again: start the cluster first",
                node.name
            );
            let cluster = spec.name.clone();
            return Err(EngineError::NoControlPlane { cluster, reason }.into());
        }
        let id = target.observed.id;
        let work = self
            .begin_node(NodeWork::Change, id, &spec.name, operation)
            .await?;
        let put = self.put_settings(&target, node, operation).await;
        let put = put.map_err(Failure::from);
        work.end(outcome(&put)).await;
        put?;
        Ok(node_of(&self.cluster(target.observed), &node.name)?)
    }

    async fn put_settings(
        &self,
        target: &Target,
        node: &NodeRequest,
        operation: &Operation,
    ) -> Result<(), EngineError> {
        let bounds = Bounds::of(operation);
        let id = target.observed.id;
        // Several nodes of a cluster are changed at once: each writes what the others have written.
        let _record = self.0.records.lock().await;
        let now = self.observe(&Scope::Id(id), &bounds).await?;
        let mut record = now
            .into_iter()
            .find_map(|observed| observed.record)
            .ok_or(EngineError::NoRecord(id))?;
        let settings = NodeSettings {
            labels: node.labels.clone(),
            taints: node.taints.clone(),
            maintenance: node.maintenance,
        };
        record.put_off.insert(node.name.clone(), settings);
        let owner = operation.owner(id, &record.spec.name);
        self.ask(&bounds, || self.0.platform.put_record(&owner, &record))
            .await
    }
}
