//! Images: taken where they are, pulled where they are not.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::time::Duration;

use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::future::try_join_all;
use futures_util::{StreamExt, TryStreamExt};

use super::connection::{innermost, is_absent, status};
use super::reference::with_tag;
use super::{Docker, NAME};
use crate::model::ImageName;
use crate::platform::{ImageStream, PlatformError, Retry};

/// How long a plan waits for a registry's answer.
const REGISTRY_ANSWER: Duration = Duration::from_secs(10);

/// After how much more of an image its progress is told again.
const TOLD_EVERY_PERCENT: i64 = 5;

/// How much of an image is here. The engine tells of each layer by itself, and learns of a layer's size
/// when its download begins: so the share may shrink, and only what is more than before is told.
#[derive(Default)]
struct Pulled {
    /// By layer: the bytes that are here, and all of them.
    layers: HashMap<String, (i64, i64)>,
    told: i64,
}

impl Pulled {
    /// The percentage to tell after what the engine said, if it is time to tell one.
    fn hears(&mut self, said: &CreateImageInfo) -> Option<i64> {
        let layer = said.id.as_ref()?;
        match (said.status.as_deref(), &said.progress_detail) {
            (Some("Downloading"), Some(detail)) => {
                let total = detail.total.filter(|total| *total > 0)?;
                let current = detail.current.unwrap_or_default().clamp(0, total);
                self.layers.insert(layer.clone(), (current, total));
            }
            (Some("Download complete" | "Pull complete"), _) => {
                let (current, total) = self.layers.get_mut(layer)?;
                *current = *total;
            }
            _ => return None,
        }
        let (here, all) =
            self.layers
                .values()
                .fold((0_i64, 0_i64), |(here, all), (current, total)| {
                    (here.saturating_add(*current), all.saturating_add(*total))
                });
        let percent = here.saturating_mul(100).checked_div(all)?;
        let is_time =
            percent >= self.told + TOLD_EVERY_PERCENT || (percent == 100 && self.told < 100);
        is_time.then(|| {
            self.told = percent;
            percent
        })
    }
}

/// Why an image cannot be pulled now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// Its registry does not have it or does not give it, or there is no such registry.
    Certain(String),
    /// Its registry did not answer in time, or says that it may later.
    Unknown(String),
}

impl Absence {
    /// What the engine was told when it asked. It passes on what a registry does not say in HTTP as a text, in the
    /// words of the Go library that it comes from.
    fn told(status: u16, reason: String) -> Self {
        const PASSING: [&str; 6] = [
            "toomanyrequests",
            "timeout",
            "deadline exceeded",
            "temporary failure",
            "server misbehaving",
            "unexpected http status: 5",
        ];
        let text = reason.to_lowercase();
        let passes = matches!(status, 429 | 502..=504)
            || PASSING.iter().any(|passing| text.contains(passing));
        if passes {
            Self::Unknown(reason)
        } else {
            Self::Certain(reason)
        }
    }
}

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
                retry: Retry::Never,
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

    /// What its registry says of an image that the engine does not have and that cannot be pulled now. Asked
    /// without credentials, as a pull is.
    pub(super) async fn why_not_to_be_had(
        &self,
        image: &ImageName,
    ) -> Result<Option<Absence>, PlatformError> {
        if self.find_image(image).await?.is_some() {
            return Ok(None);
        }
        let name = with_tag(&image.0);
        let asked = self.client().await?.inspect_registry_image(&name, None);
        match tokio::time::timeout(REGISTRY_ANSWER, asked).await {
            Ok(Ok(_)) => Ok(None),
            Ok(Err(error)) => match status(&error) {
                Some(status) => Ok(Some(Absence::told(status, innermost(&error)))),
                None => Err(self.failure(format!("ask the registry for {image}"), error)),
            },
            Err(_) => Ok(Some(Absence::Unknown(format!(
                "nothing within {} s",
                REGISTRY_ANSWER.as_secs()
            )))),
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
        let mut pulled = Pulled::default();
        // A pull that fails half-way says so in its progress, after a good status.
        while let Some(said) = progress.next().await {
            let said = said.map_err(|error| no_image(innermost(&error)))?;
            if let Some(percent) = pulled.hears(&said) {
                tracing::info!("pulling {image}: {percent} %");
            }
            if let Some(message) = said.error_detail.and_then(|detail| detail.message) {
                return Err(no_image(message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::ProgressDetail;

    use super::*;

    fn said(layer: &str, status: &str, detail: Option<(i64, i64)>) -> CreateImageInfo {
        CreateImageInfo {
            id: Some(layer.to_owned()),
            status: Some(status.to_owned()),
            progress_detail: detail.map(|(current, total)| ProgressDetail {
                current: Some(current),
                total: Some(total),
            }),
            ..CreateImageInfo::default()
        }
    }

    #[test]
    fn progress_is_told_every_few_percent_and_never_goes_back() {
        let mut pulled = Pulled::default();
        let told: Vec<_> = [
            said("27-dind", "Pulling from library/docker", None),
            said("a", "Pulling fs layer", None),
            said("a", "Downloading", Some((34, 100))),
            said("a", "Downloading", Some((36, 100))),
            said("b", "Downloading", Some((0, 300))),
            said("a", "Download complete", None),
            said("b", "Downloading", Some((150, 300))),
            said("b", "Extracting", Some((1, 300))),
            said("b", "Pull complete", None),
            said("b", "Pull complete", None),
            said("c", "Already exists", None),
        ]
        .iter()
        .filter_map(|said| pulled.hears(said))
        .collect();
        assert_eq!(told, [34, 62, 100]);
    }

    #[test]
    fn what_may_pass_is_told_from_what_is_certain() {
        for (status, reason) in [
            (404, "manifest unknown: manifest unknown"),
            (
                403,
                "pull access denied for x, repository does not exist or may require 'docker login'",
            ),
            (
                500,
                "Get \"http://localhost:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
            ),
            (
                500,
                "Get \"https://coe.invalid/v2/\": dial tcp: lookup coe.invalid: no such host",
            ),
        ] {
            let told = Absence::told(status, reason.to_owned());
            assert_eq!(told, Absence::Certain(reason.to_owned()));
        }
        for (status, reason) in [
            (429, "slow down"),
            (
                500,
                "toomanyrequests: You have reached your pull rate limit",
            ),
            (
                500,
                "Get \"https://x/v2/\": net/http: TLS handshake timeout",
            ),
            (500, "Get \"https://x/v2/\": context deadline exceeded"),
            (
                500,
                "received unexpected HTTP status: 503 Service Unavailable",
            ),
        ] {
            let told = Absence::told(status, reason.to_owned());
            assert_eq!(told, Absence::Unknown(reason.to_owned()));
        }
    }

    #[test]
    fn sizes_that_make_no_sense_are_not_counted() {
        let mut pulled = Pulled::default();
        for detail in [(5, 0), (5, -1)] {
            assert_eq!(pulled.hears(&said("a", "Downloading", Some(detail))), None);
        }
    }
}
