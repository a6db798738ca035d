//! Images. The platform has every image but those that begin with `missing/`.

use crate::model::ImageName;
use crate::platform::PlatformError;

use super::NAME;
use super::folder::Folder;

const MISSING: &str = "missing/";

/// The id of an image: what its file says, or one that is made up of its name.
pub(super) fn find(folder: &Folder, image: &ImageName) -> Result<String, PlatformError> {
    if is_missing(image) {
        return Err(PlatformError::NoImage {
            image: image.clone(),
            platform: NAME,
            reason: format!("a name that begins with `{MISSING}` stands for one that nobody has"),
        });
    }
    let told = folder.read_text(&folder.image_file(&image.0))?;
    Ok(told.unwrap_or_else(|| format!("simulated:{image}")))
}

pub(super) fn is_missing(image: &ImageName) -> bool {
    image.0.starts_with(MISSING)
}
