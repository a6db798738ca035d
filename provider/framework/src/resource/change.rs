//! What a resource's own plan hook sees and changes.

use crate::Path;

/// A change that is being planned.
#[derive(Debug, Clone)]
pub struct Change<M> {
    /// The state before; `None`: the resource is created.
    pub prior: Option<M>,
    /// The state that the plan promises; `None`: the resource is destroyed. The hook may change computed attributes
    /// that the configuration leaves null, and no other.
    pub planned: Option<M>,
    /// The configuration; `None` in a destroy.
    pub config: Option<M>,
    replaced_by: Vec<Path>,
}

impl<M> Change<M> {
    /// A change as Terraform asks for it.
    pub fn new(prior: Option<M>, planned: Option<M>, config: Option<M>) -> Self {
        Self {
            prior,
            planned,
            config,
            replaced_by: Vec::new(),
        }
    }

    /// Says that the change of the attribute at `path` can only be made by a new resource in the place of this one.
    /// Without effect where the plan leaves the attribute as it was.
    pub fn replace(&mut self, path: Path) {
        self.replaced_by.push(path);
    }

    /// The paths that [`Change::replace`] was called with.
    pub fn replaced_by(&self) -> &[Path] {
        &self.replaced_by
    }
}
