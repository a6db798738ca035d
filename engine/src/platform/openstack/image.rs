//! Images and flavors, by name or by id.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::client::{Service, encoded};
use super::{NAME, OpenStack};
use crate::model::{Flavor, ImageName, MachineSize};
use crate::platform::{PlatformError, Retry};

/// An image of Glance's.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ListedImage {
    pub(super) id: String,
    pub(super) name: Option<String>,
    /// GiB.
    #[serde(default)]
    pub(super) min_disk: u64,
    /// MiB.
    #[serde(default)]
    pub(super) min_ram: u64,
}

/// A flavor of Nova's.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ListedFlavor {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) vcpus: u64,
    /// MiB.
    pub(super) ram: u64,
    /// GiB.
    pub(super) disk: u64,
}

impl ListedFlavor {
    pub(super) fn size(&self) -> MachineSize {
        MachineSize {
            millicpus: self.vcpus.saturating_mul(1000),
            memory: self.ram,
        }
    }
}

impl OpenStack {
    /// The images of that name or id that machines can be made from.
    pub(super) async fn images_named(&self, name: &str) -> Result<Vec<ListedImage>, PlatformError> {
        let what = format!("look for image {name}");
        // What stands before a colon would be an operator.
        let quoted = format!("in:\"{}\"", name.replace('"', "\\\""));
        let query = format!("status=active&name={}", encoded(&quoted));
        let list = ("/images", "images");
        let client = &self.shared.client;
        let named = client.list(&what, Service::Image, list, &query).await?;
        if !named.is_empty() || uuid::Uuid::parse_str(name).is_err() {
            return Ok(named);
        }
        let query = format!("status=active&id=in:{name}");
        client.list(&what, Service::Image, list, &query).await
    }

    /// The image that a machine is made from: the one that its cluster names, where the cloud has it, or else the one
    /// of the configuration.
    pub(super) async fn image_for(&self, image: &ImageName) -> Result<ListedImage, PlatformError> {
        if let Some(known) = self.shared.images.lock().await.get(&image.0) {
            return Ok(known.clone());
        }
        let mut found = self.images_named(&image.0).await?;
        let mut named = &image.0;
        if found.is_empty()
            && let Some(default) = &self.shared.settings.image
        {
            found = self.images_named(default).await?;
            named = default;
        }
        let no_image = |reason: String| PlatformError::NoImage {
            image: ImageName(named.clone()),
            platform: NAME,
            reason,
        };
        let found = match found.as_slice() {
            [only] => only.clone(),
            [] => {
                return Err(no_image(
                    "the cloud has no such image that is active".to_owned(),
                ));
            }
            several => {
                let ids: Vec<&str> = several.iter().map(|image| image.id.as_str()).collect();
                let reason = format!(
                    "several have that name; say which by its id: {}",
                    ids.join(", ")
                );
                return Err(no_image(reason));
            }
        };
        let mut known = self.shared.images.lock().await;
        known.insert(image.0.clone(), found.clone());
        Ok(found)
    }

    /// See `Platform::image_ids`.
    pub(super) async fn ids_of_images(
        &self,
        images: &[ImageName],
    ) -> Result<BTreeMap<ImageName, String>, PlatformError> {
        let mut ids = BTreeMap::new();
        for image in images {
            if let [only] = self.images_named(&image.0).await?.as_slice() {
                ids.insert(image.clone(), only.id.clone());
            }
        }
        Ok(ids)
    }

    pub(super) async fn flavors(&self) -> Result<Vec<ListedFlavor>, PlatformError> {
        let list = ("/flavors/detail", "flavors");
        let client = &self.shared.client;
        client
            .list("list flavors", Service::Compute, list, "")
            .await
    }

    /// The flavor of a machine; asked once for all of that size.
    pub(super) async fn flavor_for(
        &self,
        flavor: Option<&Flavor>,
    ) -> Result<ListedFlavor, PlatformError> {
        let settings = &self.shared.settings;
        let Some(wanted) = flavor.map(|flavor| &flavor.0).or(settings.flavor.as_ref()) else {
            return Err(PlatformError::Refused {
                what: "choose the size of a machine".to_owned(),
                reason: "nobody names a flavor".to_owned(),
                help: Some(format!(
                    "Give `flavor`, or `{NAME}.flavor` in the provider's configuration."
                )),
                retry: Retry::Never,
            });
        };
        let mut known = self.shared.flavors.lock().await;
        if let Some(known) = known.get(wanted) {
            return Ok(known.clone());
        }
        let flavors = self.flavors().await?;
        let found = find_flavor(&flavors, wanted).cloned();
        let found = found.ok_or_else(|| PlatformError::Refused {
            what: format!("use flavor {wanted}"),
            reason: "the cloud has no such flavor".to_owned(),
            help: Some(format!("It has: {}.", names(&flavors))),
            retry: Retry::Never,
        })?;
        known.insert(wanted.clone(), found.clone());
        Ok(found)
    }
}

pub(super) fn find_flavor<'a>(
    flavors: &'a [ListedFlavor],
    wanted: &str,
) -> Option<&'a ListedFlavor> {
    let named = flavors.iter().find(|flavor| flavor.name == wanted);
    named.or_else(|| flavors.iter().find(|flavor| flavor.id == wanted))
}

pub(super) fn names(flavors: &[ListedFlavor]) -> String {
    let names: Vec<&str> = flavors.iter().map(|flavor| flavor.name.as_str()).collect();
    names.join(", ")
}
