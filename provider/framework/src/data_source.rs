//! A data source: something that Terraform reads and does not keep.

use async_trait::async_trait;

use crate::configuration::to_validate;
use crate::{AttributeType, Call, Diagnostics, Model, Path, Schema, Value};

/// A kind of data source.
#[async_trait]
pub trait DataSource: Send + Sync + 'static {
    /// The configuration and what was read, in one.
    type Model: Model + Clone + Send + Sync + 'static;

    /// As in the configuration: `notes_note`.
    const NAME: &'static str;

    /// Checks what no attribute's own validators can. Values may be unknown: say nothing of what is not known.
    async fn validate(&self, config: &Self::Model, call: &Call) -> Diagnostics {
        let _ = (config, call);
        Diagnostics::new()
    }

    /// Reads it. What the configuration gives must come back as it is, and nothing may come back unknown.
    async fn read(&self, config: Self::Model, call: &Call) -> Result<Self::Model, Diagnostics>;
}

/// A data source among others; made by [`data_source`].
pub struct BoxedDataSource(pub(crate) Box<dyn ErasedDataSource>);

/// Puts a data source among others of other models.
pub fn data_source(data_source: impl DataSource) -> BoxedDataSource {
    BoxedDataSource(Box::new(data_source))
}

impl BoxedDataSource {
    /// As in the configuration.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// What is in it.
    pub fn schema(&self) -> Schema {
        self.0.schema()
    }
}

impl std::fmt::Debug for BoxedDataSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("BoxedDataSource")
            .field(&self.name())
            .finish()
    }
}

/// [`DataSource`], from values to values.
#[async_trait]
pub(crate) trait ErasedDataSource: Send + Sync {
    fn name(&self) -> &'static str;
    fn schema(&self) -> Schema;
    async fn validate(&self, config: Value, call: &Call) -> Diagnostics;
    async fn read(&self, config: Value, call: &Call) -> Result<Value, Diagnostics>;
}

#[async_trait]
impl<D: DataSource> ErasedDataSource for D {
    fn name(&self) -> &'static str {
        D::NAME
    }

    fn schema(&self) -> Schema {
        D::Model::schema()
    }

    async fn validate(&self, config: Value, call: &Call) -> Diagnostics {
        match to_validate::<D::Model>(config) {
            Ok(Some(config)) => DataSource::validate(self, &config, call).await,
            Ok(None) => Diagnostics::new(),
            Err(diagnostics) => diagnostics,
        }
    }

    async fn read(&self, config: Value, call: &Call) -> Result<Value, Diagnostics> {
        let config = D::Model::from_value(config, &Path::root())?;
        Ok(DataSource::read(self, config, call).await?.into_value())
    }
}
