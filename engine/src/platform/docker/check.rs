//! Everything that can be known to be wrong with a request before a write.

use crate::model::{ClusterSpec, Finding, NodeSpec, ObservedCluster};
use crate::platform::PlatformError;

use super::Docker;

impl Docker {
    /// See `Platform::check`.
    pub(super) async fn check_request(
        &self,
        _spec: &ClusterSpec,
        _nodes: &[NodeSpec],
        _observed: Option<&ObservedCluster>,
    ) -> Result<Vec<Finding>, PlatformError> {
        Ok(Vec::new())
    }
}
