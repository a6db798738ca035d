//! Makes sure that the platform has an image.
//!
//! There is nothing to undo: an image belongs to nobody and does no harm.

use async_trait::async_trait;

use super::Site;
use crate::model::ImageName;
use crate::saga::{Step, StepError, StepName};

/// See the module.
pub struct EnsureImage {
    /// The image.
    pub image: ImageName,
}

#[async_trait]
impl Step for EnsureImage {
    fn name(&self) -> StepName {
        StepName::new("ensure_image", &self.image)
    }

    fn title(&self) -> String {
        format!("fetch image {}", self.image)
    }

    async fn ensure(&self, site: &Site) -> Result<(), StepError> {
        let id = site.platform.ensure_image(&self.image).await?;
        site.has_image(&self.image, id);
        Ok(())
    }
}
