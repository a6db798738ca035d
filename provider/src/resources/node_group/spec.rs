//! From the configuration of a group to what the engine is asked for.

use coe_engine::model::{Flavor, GroupName, ImageName, NodeGroupSpec};
use terraform_framework::{Attr, Diagnostic, Diagnostics, Path};

use super::super::arguments::{Missing, optional, required};
use super::super::node_settings::{has_unknown_labels, has_unknown_taints, node_labels, taints};
use super::super::upgrade_settings::{drain, pace};
use super::model::NodeGroupModel;

/// A request that may not be known in full before apply.
pub(super) enum Request {
    /// All of it is known.
    Known(Box<NodeGroupSpec>),
    /// A part is not known before apply, so nothing can be said about it yet.
    NotYet,
}

impl NodeGroupModel {
    /// What the configuration asks for.
    pub(super) fn request(&self) -> Result<Request, Diagnostics> {
        match self.spec() {
            Ok(spec) => Ok(Request::Known(Box::new(spec))),
            Err(Missing::NotYet) => Ok(Request::NotYet),
            Err(Missing::Wrong(diagnostics)) => Err(diagnostics),
        }
    }

    fn spec(&self) -> Result<NodeGroupSpec, Missing> {
        if has_unknown_labels(&self.node_labels) || has_unknown_taints(&self.taints) {
            return Err(Missing::NotYet);
        }
        Ok(NodeGroupSpec {
            name: group_name(&self.name)?,
            count: number(&self.node_count, "node_count")?.unwrap_or(1),
            min_count: number(&self.min_node_count, "min_node_count")?,
            max_count: number(&self.max_node_count, "max_node_count")?,
            flavor: optional(&self.flavor)?.map(Flavor),
            image: optional(&self.image)?.map(ImageName),
            labels: node_labels(&self.node_labels).map_err(Missing::Wrong)?,
            taints: taints(&self.taints),
            pace: pace(&self.upgrade_settings)?,
            drain: drain(&self.upgrade_settings)?,
        })
    }

    /// What is wrong with the number of nodes and its bounds, as far as they are known.
    pub(super) fn check_bounds(&self) -> Option<Diagnostic> {
        let known = |attribute: &Attr<i64>| attribute.known().copied();
        let least = known(&self.min_node_count);
        let most = known(&self.max_node_count);
        let wrong = |at: &str, detail: String| {
            let summary = "A number of nodes that cannot be";
            Some(Diagnostic::error(summary, detail).at(Path::attribute_name(at)))
        };
        if let (Some(least), Some(most)) = (least, most)
            && least > most
        {
            let detail = format!("min_node_count is {least}, and max_node_count {most}.");
            return wrong("min_node_count", detail);
        }
        let count = known(&self.node_count)?;
        if let Some(least) = least.filter(|least| count < *least) {
            let detail = format!("node_count is {count}, and min_node_count {least}.");
            return wrong("node_count", detail);
        }
        let most = most.filter(|most| count > *most)?;
        let detail = format!("node_count is {count}, and max_node_count {most}.");
        wrong("node_count", detail)
    }
}

/// The name of a group as it stands in a configuration or in state.
pub(super) fn group_name(name: &Attr<String>) -> Result<GroupName, Missing> {
    let path = Path::attribute_name("name");
    required(name, path.clone())?.parse().map_err(|invalid| {
        Diagnostic::error("Not a group's name", format!("{invalid}."))
            .at(path)
            .into()
    })
}

fn number(number: &Attr<i64>, name: &str) -> Result<Option<u32>, Missing> {
    optional(number)?
        .map(|number| {
            u32::try_from(number).map_err(|_| {
                let detail = format!("A group has 0 nodes or more, not {number}.");
                Diagnostic::error("Not a number of nodes", detail)
                    .at(Path::attribute_name(name))
                    .into()
            })
        })
        .transpose()
}
