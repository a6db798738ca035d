//! What an engine has: images by their tags, and networks. A machine may have any size that the engine's host has.

use bollard::query_parameters::ListImagesOptions;

use super::Docker;
use super::network::subnets_of;
use crate::model::{Offer, OfferedImage, OfferedNetwork};
use crate::platform::PlatformError;

impl Docker {
    /// See `Platform::offer`.
    pub(super) async fn all_offered(&self) -> Result<Offer, PlatformError> {
        let images = async {
            let options = ListImagesOptions::default();
            let listed = self.client().await?.list_images(Some(options)).await;
            listed.map_err(|error| self.failure("list images", error))
        };
        let (images, networks) = tokio::try_join!(images, self.list_networks())?;
        let images = images.into_iter().flat_map(|image| {
            let id = image.id;
            let tags = image.repo_tags.into_iter();
            tags.map(move |name| OfferedImage {
                name,
                id: id.clone(),
            })
        });
        let networks = networks.iter().map(|network| OfferedNetwork {
            name: network.name.clone().unwrap_or_default(),
            id: network.id.clone().unwrap_or_default(),
            subnets: subnets_of(network),
        });
        Ok(Offer {
            images: images.collect(),
            networks: networks.collect(),
            ..Offer::default()
        })
    }
}
