//! Loads the images that each node has before it counts as ready, without a registry.
//!
//! There is nothing to undo: the images live on the node and go with it.

use async_trait::async_trait;

use super::Site;
use crate::model::{ImageName, NodeName};
use crate::saga::{Step, StepError, StepName};
use crate::transport::Stdin;

/// How much of what a command complained of is shown.
const SHOWN_COMPLAINT: usize = 2000;

/// See the module.
pub struct LoadImages {
    /// The node.
    pub node: NodeName,
    /// The images.
    pub images: Vec<ImageName>,
}

#[async_trait]
impl Step for LoadImages {
    fn name(&self) -> StepName {
        StepName::new("load_images", &self.node)
    }

    fn title(&self) -> String {
        match self.images.as_slice() {
            [image] => format!("load image {image} on {}", self.node),
            images => format!("load {} images on {}", images.len(), self.node),
        }
    }

    fn node(&self) -> Option<&NodeName> {
        Some(&self.node)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let exec = site.exec(&self.node)?;
        for image in &self.images {
            let mut command = site.coe.load_image();
            command.stdin = Stdin::Stream(site.platform.export_image(image).await?);
            let shown = command.argv.join(" ");
            let output = exec.run(command).await?;
            if output.status != 0 {
                let stderr = String::from_utf8_lossy(&output.stderr);
                let skipped = stderr.chars().count().saturating_sub(SHOWN_COMPLAINT);
                return Err(StepError::Command {
                    command: shown,
                    status: output.status,
                    node: self.node.clone(),
                    stderr: stderr.trim().chars().skip(skipped).collect(),
                });
            }
        }
        Ok(())
    }
}
