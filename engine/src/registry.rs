//! The COEs that this build drives: a new one is its folder and a line here.

use std::sync::Arc;

use crate::coe::Coe;
use crate::coe::kubernetes::Kubernetes;
use crate::coe::swarm::Swarm;

/// A driver for each.
pub fn drivers() -> Vec<Arc<dyn Coe>> {
    vec![Arc::new(Kubernetes), Arc::new(Swarm)]
}
