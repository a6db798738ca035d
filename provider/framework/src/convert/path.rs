//! Paths, as far as the wire can spell them.

use crate::proto::tfplugin6::{AttributePath, attribute_path};
use crate::{Path, Step};

/// `path` until the first element of a set, for which the wire has no spelling.
pub(crate) fn to_proto(path: &Path) -> AttributePath {
    use attribute_path::step::Selector;
    let steps = path.steps().iter().map_while(|step| {
        let selector = match step {
            Step::Attribute(name) => Selector::AttributeName(name.clone()),
            Step::Key(key) => Selector::ElementKeyString(key.clone()),
            Step::Index(index) => Selector::ElementKeyInt(i64::from(*index)),
            Step::Element(_) => return None,
        };
        Some(attribute_path::Step {
            selector: Some(selector),
        })
    });
    AttributePath {
        steps: steps.collect(),
    }
}
