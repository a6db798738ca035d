//! Waits until nodes are ready members of their cluster, of the version that is wanted.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use async_trait::async_trait;

use super::Site;
use crate::coe::CoeError;
use crate::model::NodeName;
use crate::plan::{PlanError, version};
use crate::saga::{Step, StepError, StepName};
use crate::transport::Exec;

/// See the module.
pub struct WaitUntilReady {
    /// The nodes.
    pub nodes: Vec<NodeName>,
}

#[async_trait]
impl Step for WaitUntilReady {
    fn name(&self) -> StepName {
        let nodes: Vec<_> = self.nodes.iter().map(NodeName::as_str).collect();
        StepName::new("wait_until_ready", &nodes.join(","))
    }

    fn title(&self) -> String {
        match self.nodes.as_slice() {
            [node] => format!("wait until {node} is ready"),
            nodes => format!("wait until {} nodes are ready", nodes.len()),
        }
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let asked = site.any_control_plane()?;
        let ready = site
            .coe
            .wait_until_ready(asked.as_ref(), &self.nodes, site.spec.wait_for)
            .await;
        if let Err(error) = ready {
            return Err(explained(site, error).await);
        }
        match &site.spec.version {
            Some(wanted) => self.verify_version(site, asked.as_ref(), wanted).await,
            None => Ok(()),
        }
    }
}

/// How many nodes are asked why they are not ready: what keeps one from it keeps most.
const ASKED: usize = 2;

/// The error together with what the services of those nodes said last that are not ready.
async fn explained(site: &Site, error: CoeError) -> StepError {
    let CoeError::NotReady { missing, .. } = &error else {
        return error.into();
    };
    let nodes: BTreeSet<NodeName> = missing.iter().filter_map(|it| it.node.clone()).collect();
    let mut last_words = String::new();
    for node in nodes.iter().take(ASKED) {
        if let Ok(exec) = site.exec(node)
            && let Some(said) = site.coe.last_words(exec.as_ref()).await
        {
            // Writing to a string cannot fail.
            _ = write!(last_words, "\n{node} said last:\n{said}");
        }
    }
    StepError::NotReady {
        error: Box::new(error),
        last_words,
    }
}

impl WaitUntilReady {
    /// What an image carries is known for certain only when nodes of it run.
    async fn verify_version(
        &self,
        site: &Site,
        asked: &dyn Exec,
        wanted: &str,
    ) -> Result<(), StepError> {
        let view = site.coe.observe(asked).await?;
        for (name, member) in &view.members {
            if self.nodes.contains(name) && !version::satisfies(&member.version, wanted) {
                return Err(StepError::Plan(PlanError::OtherVersion {
                    image: site.machine(name)?.spec.image,
                    carried: member.version.clone(),
                    wanted: wanted.to_owned(),
                }));
            }
        }
        Ok(())
    }
}
