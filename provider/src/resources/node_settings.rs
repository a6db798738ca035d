//! What nodes beside a pool have of their COE: labels and taints.

use std::collections::{BTreeMap, BTreeSet};

use coe_engine::model::{Taint, TaintEffect};
use terraform_framework::validators::one_of;
use terraform_framework::{Attr, Diagnostic, Diagnostics, Model, Path, Set};

/// Labels of a node as they are written.
pub(crate) type LabelsModel = BTreeMap<String, Attr<String>>;
/// Taints of a node as they are written.
pub(crate) type TaintsModel = Set<Attr<TaintModel>>;

/// A taint of a node.
#[derive(Model, Clone, PartialEq, Eq)]
pub(crate) struct TaintModel {
    /// Which.
    #[attribute(required)]
    pub(crate) key: Attr<String>,
    /// Its value. Default: empty.
    #[attribute(optional, computed, default = "")]
    pub(crate) value: Attr<String>,
    /// What it does to work that does not tolerate it: `NoSchedule`: it does not come; `PreferNoSchedule`: it comes
    /// where there is nowhere else; `NoExecute`: what is there goes as well.
    #[attribute(required, validate = [one_of(TaintEffect::ALL.map(TaintEffect::as_str))])]
    pub(crate) effect: Attr<String>,
}

impl TaintModel {
    fn of(taint: &Taint) -> Attr<Self> {
        Attr::Known(Self {
            key: taint.key.clone().into(),
            value: taint.value.clone().into(),
            effect: taint.effect.as_str().to_owned().into(),
        })
    }
}

/// The labels; an error at one without a value.
pub(crate) fn node_labels(
    labels: &Attr<BTreeMap<String, Attr<String>>>,
) -> Result<BTreeMap<String, String>, Diagnostics> {
    let labels = labels.known().cloned().unwrap_or_default();
    let value = |(key, value): (String, Attr<String>)| match value {
        Attr::Known(value) => Ok((key, value)),
        Attr::Null | Attr::Unknown => {
            let path = Path::attribute_name("node_labels").key(key);
            let missing =
                Diagnostic::error("A label has no value", "Give it one, or leave it out.");
            Err(missing.at(path).into())
        }
    };
    labels.into_iter().map(value).collect()
}

/// Of what is not known yet there is nothing to say: it is asked for again when it is.
pub(crate) fn taints(taints: &Attr<Set<Attr<TaintModel>>>) -> BTreeSet<Taint> {
    let taint = |taint: &Attr<TaintModel>| {
        let taint = taint.known()?;
        let mut effects = TaintEffect::ALL.into_iter();
        Some(Taint {
            key: taint.key.known()?.clone(),
            value: taint.value.known().cloned().unwrap_or_default(),
            effect: effects
                .find(|effect| taint.effect.known().map(String::as_str) == Some(effect.as_str()))?,
        })
    };
    let taints = taints.known().into_iter().flatten();
    taints.filter_map(taint).collect()
}

/// Whether a label is known only after apply.
pub(crate) fn has_unknown_labels(labels: &Attr<LabelsModel>) -> bool {
    let known = labels.known();
    labels.is_unknown() || known.is_some_and(|all| all.values().any(Attr::is_unknown))
}

/// Whether a part of a taint is known only after apply.
pub(crate) fn has_unknown_taints(taints: &Attr<TaintsModel>) -> bool {
    let is_unknown = |taint: &Attr<TaintModel>| {
        let parts =
            |taint: &TaintModel| [&taint.key, &taint.value, &taint.effect].map(Attr::is_unknown);
        let known = taint.known();
        taint.is_unknown() || known.is_some_and(|taint| parts(taint).contains(&true))
    };
    let known = taints.known();
    taints.is_unknown() || known.is_some_and(|taints| taints.iter().any(is_unknown))
}

/// Has the attribute show those labels, if they mean something else than it does.
pub(crate) fn show_labels(attribute: &mut Attr<LabelsModel>, labels: &BTreeMap<String, String>) {
    let shown: LabelsModel = labels
        .iter()
        .map(|(key, value)| (key.clone(), value.clone().into()))
        .collect();
    let known = attribute.known();
    if known.map_or(!shown.is_empty(), |labels| *labels != shown) {
        *attribute = Attr::Known(shown);
    }
}

/// Has the attribute show those taints, if they mean something else than it does.
pub(crate) fn show_taints(attribute: &mut Attr<TaintsModel>, taints: &BTreeSet<Taint>) {
    let shown: TaintsModel = taints.iter().map(TaintModel::of).collect();
    let known = attribute.known();
    if known.map_or(!shown.is_empty(), |taints| *taints != shown) {
        *attribute = Attr::Known(shown);
    }
}
