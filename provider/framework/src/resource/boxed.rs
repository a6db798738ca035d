//! Resources of different models side by side: the server knows them by their values alone.

use async_trait::async_trait;

use super::{
    Change, Failure, Identity, IdentitySchema, ImportTarget, MovedState, Resource, Upgrader,
};
use crate::configuration::to_validate;
use crate::reencode::keep_unchanged;
use crate::{AttributeType, Call, Diagnostics, Model, Path, Schema, Value};

/// A resource among others; made by [`resource`].
pub struct BoxedResource(pub(crate) Box<dyn ErasedResource>);

/// Puts a resource among others of other models.
pub fn resource(resource: impl Resource) -> BoxedResource {
    BoxedResource(Box::new(resource))
}

impl BoxedResource {
    /// As in the configuration.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// What is in it.
    pub fn schema(&self) -> Schema {
        self.0.schema()
    }
}

impl std::fmt::Debug for BoxedResource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("BoxedResource")
            .field(&self.name())
            .finish()
    }
}

/// [`Resource`], from values to values.
#[async_trait]
pub(crate) trait ErasedResource: Send + Sync {
    fn name(&self) -> &'static str;
    fn schema(&self) -> Schema;
    /// Where its model has no place for what is not known before apply.
    fn known_only(&self) -> Vec<Path>;
    async fn validate(&self, config: Value, call: &Call) -> Diagnostics;
    async fn plan(&self, change: &mut Change<Value>, call: &Call) -> Diagnostics;
    async fn create(&self, planned: Value, call: &Call) -> Result<Value, Failure<Value>>;
    async fn read(&self, state: Value, call: &Call) -> Result<Option<Value>, Diagnostics>;
    async fn update(
        &self,
        prior: Value,
        planned: Value,
        call: &Call,
    ) -> Result<Value, Failure<Value>>;
    async fn delete(&self, state: Value, call: &Call) -> Result<(), Failure<Value>>;
    async fn import(&self, target: ImportTarget, call: &Call) -> Result<Value, Diagnostics>;
    fn upgraders(&self) -> Vec<Upgrader>;
    fn moved(&self, from: &MovedState) -> Result<Option<Value>, Diagnostics>;
    fn identity_schema(&self) -> Option<IdentitySchema>;
    fn identity(&self, state: Value) -> Result<Option<Identity>, Diagnostics>;
    fn identity_upgraders(&self) -> Vec<Upgrader>;
}

#[async_trait]
impl<R: Resource> ErasedResource for R {
    fn name(&self) -> &'static str {
        R::NAME
    }

    fn schema(&self) -> Schema {
        R::Model::schema()
    }

    fn known_only(&self) -> Vec<Path> {
        let mut found = R::Model::known_only(&Path::root());
        // The resource itself is there, or it is not: it is never unknown.
        found.retain(|place| !place.steps().is_empty());
        found
    }

    async fn validate(&self, config: Value, call: &Call) -> Diagnostics {
        match to_validate::<R::Model>(config) {
            Ok(Some(config)) => Resource::validate(self, &config, call).await,
            Ok(None) => Diagnostics::new(),
            Err(diagnostics) => diagnostics,
        }
    }

    async fn plan(&self, change: &mut Change<Value>, call: &Call) -> Diagnostics {
        let mut typed = match decode_change::<R>(change) {
            Ok(typed) => typed,
            Err(diagnostics) => return diagnostics,
        };
        let before_hook = typed.planned.clone().map(AttributeType::into_value);
        let diagnostics = Resource::plan(self, &mut typed, call).await;
        for path in typed.replaced_by() {
            change.replace(path.clone());
        }
        let after_hook = typed.planned.map(AttributeType::into_value);
        change.planned = match (change.planned.take(), before_hook, after_hook) {
            (Some(planned), Some(before), Some(after)) => {
                Some(keep_unchanged(planned, &before, after))
            }
            (_, _, after) => after,
        };
        diagnostics
    }

    async fn create(&self, planned: Value, call: &Call) -> Result<Value, Failure<Value>> {
        let planned = decode::<R>(planned)?;
        encode(Resource::create(self, planned, call).await)
    }

    async fn read(&self, state: Value, call: &Call) -> Result<Option<Value>, Diagnostics> {
        let state = decode::<R>(state)?;
        Ok(Resource::read(self, state, call)
            .await?
            .map(AttributeType::into_value))
    }

    async fn update(
        &self,
        prior: Value,
        planned: Value,
        call: &Call,
    ) -> Result<Value, Failure<Value>> {
        let (prior, planned) = (decode::<R>(prior)?, decode::<R>(planned)?);
        encode(Resource::update(self, prior, planned, call).await)
    }

    async fn delete(&self, state: Value, call: &Call) -> Result<(), Failure<Value>> {
        let state = decode::<R>(state)?;
        Resource::delete(self, state, call)
            .await
            .map_err(encode_failure)
    }

    async fn import(&self, target: ImportTarget, call: &Call) -> Result<Value, Diagnostics> {
        Ok(Resource::import(self, target, call).await?.into_value())
    }

    fn upgraders(&self) -> Vec<Upgrader> {
        Resource::upgraders(self)
    }

    fn moved(&self, from: &MovedState) -> Result<Option<Value>, Diagnostics> {
        Ok(Resource::moved(self, from)?.map(AttributeType::into_value))
    }

    fn identity_schema(&self) -> Option<IdentitySchema> {
        Resource::identity_schema(self)
    }

    fn identity(&self, state: Value) -> Result<Option<Identity>, Diagnostics> {
        Ok(Resource::identity(self, &decode::<R>(state)?))
    }

    fn identity_upgraders(&self) -> Vec<Upgrader> {
        Resource::identity_upgraders(self)
    }
}

fn decode<R: Resource>(value: Value) -> Result<R::Model, Diagnostics> {
    R::Model::from_value(value, &Path::root())
}

fn decode_change<R: Resource>(change: &Change<Value>) -> Result<Change<R::Model>, Diagnostics> {
    let decode = |value: &Option<Value>| value.clone().map(decode::<R>).transpose();
    Ok(Change::new(
        decode(&change.prior)?,
        decode(&change.planned)?,
        decode(&change.config)?,
    ))
}

fn encode<M: Model>(result: Result<M, Failure<M>>) -> Result<Value, Failure<Value>> {
    result
        .map(AttributeType::into_value)
        .map_err(encode_failure)
}

fn encode_failure<M: Model>(failure: Failure<M>) -> Failure<Value> {
    Failure {
        state: failure.state.map(|state| Box::new(state.into_value())),
        diagnostics: failure.diagnostics,
    }
}
