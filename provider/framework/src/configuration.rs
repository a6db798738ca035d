//! A configuration on its way to an author's own validation.

use crate::{Diagnostics, Model, Path, Value};

/// `config` as a model, or `None` where the model has no place for what is not known yet: a plain `String` cannot say
/// "unknown". Such a configuration is judged when all of it is known; Terraform validates again then.
pub(crate) fn to_validate<M: Model>(config: Value) -> Result<Option<M>, Diagnostics> {
    let wholly_known = config.is_wholly_known();
    match M::from_value(config, &Path::root()) {
        Ok(config) => Ok(Some(config)),
        Err(_) if !wholly_known => Ok(None),
        Err(diagnostics) => Err(diagnostics),
    }
}
