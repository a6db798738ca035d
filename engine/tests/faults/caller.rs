//! Who calls the engine: knows what is wanted and what it has, looks, and has done what a plan finds.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coe_engine::cluster::Cluster;
use coe_engine::engine::{GroupStatus, NodeRequest};
use coe_engine::error::{EngineError, Failure};
use coe_engine::model::{
    ClusterId, ClusterSpec, GroupName, NodeGroupSpec, NodeName, OnCreateFailure,
};

use crate::world::Process;

/// How long a look may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// What is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The cluster; `None`: none.
    pub(crate) cluster: Option<ClusterSpec>,
    /// A node beside its pool.
    pub(crate) node: Option<NodeRequest>,
    /// A group of nodes beside its pool.
    pub(crate) group: Option<NodeGroupSpec>,
    pub(crate) on_failure: OnCreateFailure,
}

impl Wanted {
    /// Nothing.
    pub(crate) fn nothing() -> Self {
        Self {
            cluster: None,
            node: None,
            group: None,
            on_failure: OnCreateFailure::Rollback,
        }
    }

    /// That cluster.
    pub(crate) fn cluster(spec: ClusterSpec) -> Self {
        Self {
            cluster: Some(spec),
            ..Self::nothing()
        }
    }
}

/// A cluster that the caller has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Had {
    pub(crate) id: ClusterId,
    /// Its create failed: it is made anew.
    pub(crate) tainted: bool,
}

/// What the caller has, as far as the engine came to tell it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Has {
    pub(crate) cluster: Option<Had>,
    pub(crate) node: Option<NodeName>,
    pub(crate) group: Option<GroupName>,
}

/// What a caller remembers from one process to the next.
#[derive(Debug, Default)]
pub(crate) struct Caller(Mutex<Has>);

impl Caller {
    pub(crate) fn having(has: Has) -> Self {
        Self(Mutex::new(has))
    }

    fn lock(&self) -> MutexGuard<'_, Has> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has(&self) -> Has {
        self.lock().clone()
    }

    /// Looks at what it has, and does not wait for ever. What is gone it has no more.
    pub(crate) async fn refresh(&self, process: &Process) -> Result<Option<Cluster>, EngineError> {
        let look = tokio::time::timeout(PATIENCE, self.look(process)).await;
        look.unwrap_or(Err(EngineError::OutOfTime))
    }

    async fn look(&self, process: &Process) -> Result<Option<Cluster>, EngineError> {
        let Has {
            cluster,
            node,
            group,
        } = self.has();
        let Some(had) = cluster else {
            return Ok(None);
        };
        if let Some(node) = node
            && process.engine.read_node(had.id, &node).await?.is_none()
        {
            self.lock().node = None;
        }
        if let Some(group) = group
            && process.engine.read_group(had.id, &group).await?.is_none()
        {
            self.lock().group = None;
        }
        let found = process.engine.read(had.id).await?;
        if found.is_none() {
            *self.lock() = Has::default();
        }
        Ok(found)
    }

    /// What there is to do: in sentences.
    pub(crate) async fn plan(
        &self,
        process: &Process,
        wanted: &Wanted,
    ) -> Result<Vec<String>, EngineError> {
        let found = self.refresh(process).await?;
        let mut sentences = match (&wanted.cluster, &found) {
            (None, None) => Vec::new(),
            (None, Some(_)) => vec!["destroy".to_owned()],
            (Some(spec), found) => {
                let images = process.engine.image_ids(&spec.preload_images).await?;
                let observed = found.as_ref().map(|cluster| &cluster.observed);
                process.engine.plan(spec, observed, &images)?.sentences()
            }
        };
        let has_node = self.has().node;
        if wanted.node.as_ref().map(|node| &node.name) != has_node.as_ref() {
            sentences.push("the node beside the pool".to_owned());
        }
        if !self.has_group_as_wanted(process, wanted).await? {
            sentences.push("the group beside the pool".to_owned());
        }
        Ok(sentences)
    }

    /// Has everything done that a plan finds; the cluster as the last operation left it. Calls are counted from the
    /// first change on.
    pub(crate) async fn apply(
        &self,
        process: &Process,
        wanted: &Wanted,
    ) -> Result<Option<Cluster>, Failure> {
        Box::pin(self.carry_out(process, wanted)).await
    }

    async fn carry_out(
        &self,
        process: &Process,
        wanted: &Wanted,
    ) -> Result<Option<Cluster>, Failure> {
        let found = self.refresh(process).await?;
        process.gate.arm();
        let had = self.has().cluster;
        let goes_first = wanted.cluster.is_none() || had.is_some_and(|had| had.tainted);
        let mut removed = false;
        if wanted.node.is_none() || goes_first {
            removed |= self.has().node.is_some();
            self.remove_node(process).await?;
        }
        if wanted.group.is_none() || goes_first {
            removed |= self.has().group.is_some();
            self.remove_group(process).await?;
        }
        if goes_first {
            self.destroy(process).await?;
        }
        let Some(spec) = &wanted.cluster else {
            return Ok(None);
        };
        let cluster = match (self.has().cluster, found) {
            (Some(had), Some(found)) => {
                let images = process.engine.image_ids(&spec.preload_images);
                let images = tokio::time::timeout(PATIENCE, images).await;
                let images = images.unwrap_or(Err(EngineError::OutOfTime))?;
                let plan = process.engine.plan(spec, Some(&found.observed), &images);
                if plan.map_err(EngineError::from)?.is_empty() {
                    found
                } else {
                    let operation = process.operation();
                    process.engine.update(had.id, spec, &operation).await?
                }
            }
            _ => self.create(process, spec, wanted.on_failure).await?,
        };
        if let Some(node) = &wanted.node {
            Box::pin(self.bring_node(process, cluster.id(), node)).await?;
        }
        if let Some(group) = &wanted.group {
            Box::pin(self.bring_group(process, cluster.id(), group)).await?;
        }
        if wanted.node.is_none() && wanted.group.is_none() && !removed {
            return Ok(Some(cluster));
        }
        // What is known of the cluster is from before that.
        self.refresh(process).await.map_err(Failure::from)
    }

    async fn create(
        &self,
        process: &Process,
        spec: &ClusterSpec,
        on_failure: OnCreateFailure,
    ) -> Result<Cluster, Failure> {
        let operation = process.operation();
        let made = process.engine.create(spec, on_failure, &operation).await;
        let (left, tainted) = match &made {
            Ok(cluster) => (Some(cluster), false),
            Err(failure) => {
                let is_kept = on_failure == OnCreateFailure::Keep;
                (failure.cluster.as_ref(), !is_kept)
            }
        };
        self.lock().cluster = left.map(|cluster| Had {
            id: cluster.id(),
            tainted,
        });
        made
    }

    async fn destroy(&self, process: &Process) -> Result<(), Failure> {
        if let Some(had) = self.has().cluster {
            let operation = process.operation();
            process.engine.delete(had.id, &operation).await?;
            *self.lock() = Has::default();
        }
        Ok(())
    }

    async fn bring_node(
        &self,
        process: &Process,
        cluster: ClusterId,
        node: &NodeRequest,
    ) -> Result<(), Failure> {
        let operation = process.operation();
        let engine = &process.engine;
        if self.has().node.is_some() {
            engine.update_node(cluster, node, &operation).await?;
        } else {
            engine.add_node(cluster, node, &operation).await?;
            self.lock().node = Some(node.name.clone());
        }
        Ok(())
    }

    /// Whether it has the group that is wanted, and that one is as it is wanted.
    async fn has_group_as_wanted(
        &self,
        process: &Process,
        wanted: &Wanted,
    ) -> Result<bool, EngineError> {
        let Has { cluster, group, .. } = self.has();
        if wanted.group.as_ref().map(|group| &group.name) != group.as_ref() {
            return Ok(false);
        }
        let (Some(had), Some(wanted)) = (cluster, &wanted.group) else {
            return Ok(true);
        };
        let seen = process.engine.read_group(had.id, &wanted.name).await?;
        Ok(seen.is_some_and(|seen| {
            let is_well = matches!(seen.status, GroupStatus::Running | GroupStatus::Stopped);
            is_well && seen.spec.as_ref() == Some(wanted)
        }))
    }

    async fn bring_group(
        &self,
        process: &Process,
        cluster: ClusterId,
        group: &NodeGroupSpec,
    ) -> Result<(), Failure> {
        let operation = process.operation();
        let engine = &process.engine;
        if self.has().group.is_some() {
            engine.update_group(cluster, group, &operation).await?;
        } else {
            engine.add_group(cluster, group, &operation).await?;
            self.lock().group = Some(group.name.clone());
        }
        Ok(())
    }

    async fn remove_group(&self, process: &Process) -> Result<(), Failure> {
        if let Has {
            cluster: Some(had),
            group: Some(group),
            ..
        } = self.has()
        {
            let operation = process.operation();
            process
                .engine
                .remove_group(had.id, &group, &operation)
                .await?;
            self.lock().group = None;
        }
        Ok(())
    }

    async fn remove_node(&self, process: &Process) -> Result<(), Failure> {
        if let Has {
            cluster: Some(had),
            node: Some(node),
            ..
        } = self.has()
        {
            let operation = process.operation();
            process
                .engine
                .remove_node(had.id, &node, &operation)
                .await?;
            self.lock().node = None;
        }
        Ok(())
    }
}
