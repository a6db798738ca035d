//! Changes of nodes whose cluster is stopped.

use std::collections::BTreeMap;

use super::Target;
use super::party::Remembered;
use crate::engine::Engine;
use crate::engine::memory::{NodeWork, outcome};
use crate::error::{EngineError, Failure};
use crate::model::{NodeName, NodeSettings};
use crate::operation::Operation;
use crate::platform::Scope;
use crate::scheduler::Bounds;

/// What can be done to nodes beside the pool of a cluster that is stopped.
#[derive(Default)]
pub(super) struct Later {
    /// What nodes get when it is started.
    pub(super) settings: BTreeMap<NodeName, NodeSettings>,
    /// What is remembered of their group.
    pub(super) remembered: Option<Remembered>,
}

impl Engine {
    /// Remembers what nodes of a stopped cluster are to get when the cluster is started.
    pub(super) async fn put_off(
        &self,
        target: &Target,
        later: Later,
        operation: &Operation,
    ) -> Result<(), Failure> {
        let (id, of) = (target.observed.id, &target.record.spec.name);
        let work = self.begin_node(NodeWork::Change, id, of, operation).await?;
        let put = self.put_later(target, later, operation).await;
        let put = put.map_err(Failure::from);
        work.end(outcome(&put)).await;
        put
    }

    async fn put_later(
        &self,
        target: &Target,
        later: Later,
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
        record.put_off.extend(later.settings);
        if let Some(remembered) = later.remembered {
            remembered.put_into(&mut record);
        }
        let owner = operation.owner(id, &record.spec.name);
        self.ask(&bounds, || self.0.platform.put_record(&owner, &record))
            .await
    }
}

/// Why that cannot wait until the cluster is started.
pub(super) fn start_first(target: &Target, what: &str) -> Failure {
    let cluster = target.record.spec.name.clone();
    let reason = format!("it is stopped, and {what}: start the cluster first");
    EngineError::NoControlPlane { cluster, reason }.into()
}
