//! Which clusters Terraform has in its state.
//!
//! A plan of a create says when a cluster of that name is there already. When the resource is tainted or
//! replaced, that cluster is its own predecessor, which the apply destroys first; Terraform asks for the plan
//! of the create in the same words as for any other. What tells the two apart is that Terraform had the
//! predecessor read in this very process.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use coe_engine::model::ClusterId;

/// The clusters that Terraform had read since the provider started. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct KnownClusters(Arc<Mutex<HashSet<ClusterId>>>);

impl KnownClusters {
    /// Terraform has this one in its state.
    pub(crate) fn insert(&self, cluster: ClusterId) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(cluster);
    }

    /// Whether Terraform is known to have it in its state.
    pub(crate) fn contains(&self, cluster: ClusterId) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&cluster)
    }
}
