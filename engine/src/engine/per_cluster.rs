//! What the engine keeps for each cluster that it has to do with, made when it is first asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::ClusterId;

/// One thing a cluster.
pub(super) struct PerCluster<T>(Mutex<HashMap<ClusterId, Arc<T>>>);

impl<T> Default for PerCluster<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Default> PerCluster<T> {
    /// The thing of that cluster.
    pub(super) fn of(&self, cluster: ClusterId) -> Arc<T> {
        // Nothing panics while it holds the lock.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(cluster).or_default())
    }
}
