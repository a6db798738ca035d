//! Gives nodes that were started time to find one another.
//!
//! A node that does not come back in that time is no error here: the next plan sees it and repairs it.

use std::time::Duration;

use async_trait::async_trait;

use super::Site;
use crate::coe::CoeError;
use crate::model::NodeName;
use crate::saga::{Step, StepError, StepName};
use crate::transport::Exec;

/// How long a control plane that gave an error is left alone.
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

/// See the module.
pub struct WaitForReturn {
    /// The nodes.
    pub nodes: Vec<NodeName>,
    /// How long they are given.
    pub patience: Duration,
}

#[async_trait]
impl Step for WaitForReturn {
    fn name(&self) -> StepName {
        let nodes: Vec<_> = self.nodes.iter().map(NodeName::as_str).collect();
        StepName::new("wait_for_return", &nodes.join(","))
    }

    fn title(&self) -> String {
        format!("wait for {} nodes to come back", self.nodes.len())
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let asked = site.any_control_plane()?;
        come_back(site, asked.as_ref(), &self.nodes, self.patience).await;
        Ok(())
    }
}

/// Whether the nodes become ready within `patience`, as `asked` sees it.
///
/// An error is no answer to that: control planes that look for one another give errors of many kinds until
/// they agree, and a node that is taken for lost too early is torn out of its cluster for nothing.
pub(super) async fn come_back(
    site: &Site,
    asked: &dyn Exec,
    nodes: &[NodeName],
    patience: Duration,
) -> bool {
    let ready = || site.coe.wait_until_ready(asked, nodes, site.spec.wait_for);
    succeeds_within(patience, ready).await
}

/// Whether what control planes are asked succeeds within `patience`, however often it fails before.
pub(super) async fn succeeds_within<T, F>(patience: Duration, ask: impl Fn() -> F) -> bool
where
    F: Future<Output = Result<T, CoeError>>,
{
    let success = async {
        while ask().await.is_err() {
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    };
    tokio::time::timeout(patience, success).await.is_ok()
}
