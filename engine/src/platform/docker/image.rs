//! Images: taken where they are, pulled where they are not.

use std::collections::BTreeMap;
use std::io;

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::future::try_join_all;
use futures_util::{StreamExt, TryStreamExt};

use super::connection::{innermost, is_absent};
use super::reference::with_tag;
use super::{Docker, NAME};
use crate::model::ImageName;
use crate::platform::{ImageStream, PlatformError};

impl Docker {
    /// See `Platform::ensure_image`.
    pub(super) async fn find_or_pull_image(
        &self,
        image: &ImageName,
    ) -> Result<String, PlatformError> {
        if let Some(id) = self.find_image(image).await? {
            return Ok(id);
        }
        self.pull(image).await?;
        self.find_image(image)
            .await?
            .ok_or_else(|| PlatformError::NoImage {
                image: image.clone(),
                platform: NAME,
                reason: "the pull succeeded, and the engine does not have it".to_owned(),
            })
    }

    /// See `Platform::image_ids`.
    pub(super) async fn find_images(
        &self,
        images: &[ImageName],
    ) -> Result<BTreeMap<ImageName, String>, PlatformError> {
        let found = try_join_all(images.iter().map(|image| async move {
            Ok::<_, PlatformError>((image.clone(), self.find_image(image).await?))
        }))
        .await?;
        Ok(found
            .into_iter()
            .filter_map(|(image, id)| Some((image, id?)))
            .collect())
    }

    /// See `Platform::export_image`.
    pub(super) async fn image_content(
        &self,
        image: &ImageName,
    ) -> Result<ImageStream, PlatformError> {
        if self.find_image(image).await?.is_none() {
            return Err(PlatformError::Refused {
                what: format!("read image {image}"),
                reason: "the engine does not have it".to_owned(),
                help: Some(format!(
                    "`docker pull {image}`, or build it, on the engine."
                )),
                retryable: false,
            });
        }
        let client = self.client().await?.clone();
        Ok(client
            .export_image(&image.0)
            .map_err(io::Error::other)
            .boxed())
    }

    async fn find_image(&self, image: &ImageName) -> Result<Option<String>, PlatformError> {
        match self.client().await?.inspect_image(&image.0).await {
            Ok(found) => Ok(found.id),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(self.failure(format!("look for image {image}"), error)),
        }
    }

    async fn pull(&self, image: &ImageName) -> Result<(), PlatformError> {
        let no_image = |reason: String| PlatformError::NoImage {
            image: image.clone(),
            platform: NAME,
            reason,
        };
        let options = CreateImageOptionsBuilder::new()
            .from_image(&with_tag(&image.0))
            .build();
        let mut progress = self.client().await?.create_image(Some(options), None, None);
        // A pull that fails half-way says so in its progress, after a good status.
        while let Some(said) = progress.next().await {
            let said = said.map_err(|error| no_image(innermost(&error)))?;
            if let Some(message) = said.error_detail.and_then(|detail| detail.message) {
                return Err(no_image(message));
            }
        }
        Ok(())
    }
}
