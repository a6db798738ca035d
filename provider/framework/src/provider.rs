//! A provider: what Terraform starts, and what everything else belongs to.

use async_trait::async_trait;

use crate::configuration::to_validate;
use crate::{
    AttributeType, BoxedDataSource, BoxedEphemeral, BoxedFunction, BoxedResource, Call,
    Diagnostics, Model, Path, Schema, Value,
};

/// A provider and what it offers.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// The configuration of the provider's own block.
    type Model: Model + Send + Sync + 'static;

    /// Checks what no attribute's own validators can. Values may be unknown: say nothing of what is not known.
    async fn validate(&self, config: &Self::Model, call: &Call) -> Diagnostics {
        let _ = (config, call);
        Diagnostics::new()
    }

    /// Takes the configuration. Values that depend on resources which do not exist yet are unknown here.
    ///
    /// Comes before every other call but those that validate, describe or upgrade. What resources share (a client)
    /// is put where they find it: they are made before it.
    async fn configure(&self, config: Self::Model, call: &Call) -> Result<(), Diagnostics>;

    /// Its resources. Called once, when the server starts.
    fn resources(&self) -> Vec<BoxedResource> {
        Vec::new()
    }

    /// Its data sources. Called once, when the server starts.
    fn data_sources(&self) -> Vec<BoxedDataSource> {
        Vec::new()
    }

    /// Its ephemeral resources. Called once, when the server starts.
    fn ephemeral_resources(&self) -> Vec<BoxedEphemeral> {
        Vec::new()
    }

    /// Its functions. Called once, when the server starts.
    fn functions(&self) -> Vec<BoxedFunction> {
        Vec::new()
    }
}

/// [`Provider`], from values to values.
#[async_trait]
pub(crate) trait ErasedProvider: Send + Sync {
    fn schema(&self) -> Schema;
    async fn validate(&self, config: Value, call: &Call) -> Diagnostics;
    async fn configure(&self, config: Value, call: &Call) -> Result<(), Diagnostics>;
}

#[async_trait]
impl<P: Provider> ErasedProvider for P {
    fn schema(&self) -> Schema {
        P::Model::schema()
    }

    async fn validate(&self, config: Value, call: &Call) -> Diagnostics {
        match to_validate::<P::Model>(config) {
            Ok(Some(config)) => Provider::validate(self, &config, call).await,
            Ok(None) => Diagnostics::new(),
            Err(diagnostics) => diagnostics,
        }
    }

    async fn configure(&self, config: Value, call: &Call) -> Result<(), Diagnostics> {
        Provider::configure(self, P::Model::from_value(config, &Path::root())?, call).await
    }
}
