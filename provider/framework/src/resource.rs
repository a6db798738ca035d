//! A resource: something that Terraform creates, reads, updates and deletes.

mod boxed;
mod change;
mod failure;
mod identity;
mod import;
mod upgrade;

use async_trait::async_trait;

pub use boxed::{BoxedResource, resource};
pub use change::Change;
pub use failure::Failure;
pub use identity::{Identity, IdentityAttribute, IdentitySchema, ImportUse};
pub use import::ImportTarget;
pub use upgrade::{MovedState, Upgrader};

use crate::{Call, Diagnostic, Diagnostics, Model};

/// A kind of resource.
///
/// Every method may be called many times and from many tasks at once. A panic in one fails that call alone. Each
/// call runs to its end, also when Terraform goes away in the middle of it: then [`Call::cancellation`] fires.
#[async_trait]
pub trait Resource: Send + Sync + 'static {
    /// What is in it.
    type Model: Model + Clone + Send + Sync + 'static;

    /// As in the configuration: `notes_note`.
    const NAME: &'static str;

    /// Checks what no attribute's own validators can, such as attributes that exclude each other. Values may be
    /// unknown: say nothing of what is not known. Works without a configured provider.
    async fn validate(&self, config: &Self::Model, call: &Call) -> Diagnostics {
        let _ = (config, call);
        Diagnostics::new()
    }

    /// Changes the plan after defaults and plan modifiers. Must do nothing but plan, and plan the same when asked
    /// again: Terraform asks twice, in different processes.
    ///
    /// Also called when nothing differs, with `planned` equal to `prior`: a plan that leaves it so is empty, and one
    /// that changes a computed attribute, or makes it unknown, begins an update (the repair of drift).
    /// In a destroy `planned` is `None` and stays so; an error refuses it.
    async fn plan(&self, change: &mut Change<Self::Model>, call: &Call) -> Diagnostics {
        let _ = (change, call);
        Diagnostics::new()
    }

    /// Makes it. What the plan knew must come back as planned; nothing may come back unknown.
    ///
    /// With a [`Failure`] that has a state, Terraform keeps that state as tainted: the next apply destroys it and
    /// creates again. Without a state nothing is kept, so nothing may be left behind. After a panic what
    /// [`Call::remember`] was given is kept in the same way.
    async fn create(
        &self,
        planned: Self::Model,
        call: &Call,
    ) -> Result<Self::Model, Failure<Self::Model>>;

    /// What is true now. `None` only when the platform itself says that it is gone: the next plan creates it again.
    async fn read(
        &self,
        state: Self::Model,
        call: &Call,
    ) -> Result<Option<Self::Model>, Diagnostics>;

    /// Makes `prior` into `planned`. A [`Failure`] without a state keeps `prior`.
    async fn update(
        &self,
        prior: Self::Model,
        planned: Self::Model,
        call: &Call,
    ) -> Result<Self::Model, Failure<Self::Model>>;

    /// Removes it; "it was not there" is a success. A [`Failure`] keeps its state, or else `state`.
    async fn delete(&self, state: Self::Model, call: &Call) -> Result<(), Failure<Self::Model>>;

    /// Finds what exists already. Returns at least what [`Resource::read`] needs: a read follows.
    async fn import(&self, target: ImportTarget, call: &Call) -> Result<Self::Model, Diagnostics> {
        let _ = (target, call);
        Err(Diagnostic::error(
            format!("{} cannot be imported", Self::NAME),
            "The provider knows no way to find one that exists already.",
        )
        .into())
    }

    /// How state of older versions becomes state of today, one upgrader for each older version.
    fn upgraders(&self) -> Vec<Upgrader> {
        Vec::new()
    }

    /// The state of a resource that a `moved` block turned into this one; `None`: not from that type.
    fn moved(&self, from: &MovedState) -> Result<Option<Self::Model>, Diagnostics> {
        let _ = from;
        Ok(None)
    }

    /// What tells this resource from every other for its whole life. `None`: it has no such thing.
    fn identity_schema(&self) -> Option<IdentitySchema> {
        None
    }

    /// The identity of the resource in `state`; required where there is an [`Resource::identity_schema`]. `None`
    /// where `state` does not tell it (yet).
    fn identity(&self, state: &Self::Model) -> Option<Identity> {
        let _ = state;
        None
    }

    /// How identities of older versions become identities of today.
    fn identity_upgraders(&self) -> Vec<Upgrader> {
        Vec::new()
    }
}
