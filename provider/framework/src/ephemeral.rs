//! An ephemeral resource: something that lives as long as one run of Terraform, and is never written down.

use std::time::SystemTime;

use async_trait::async_trait;

use crate::configuration::to_validate;
use crate::{AttributeType, Call, Diagnostics, Model, Path, Schema, Value};

/// A kind of ephemeral resource.
#[async_trait]
pub trait Ephemeral: Send + Sync + 'static {
    /// The configuration and what was opened, in one.
    type Model: Model + Clone + Send + Sync + 'static;

    /// As in the configuration: `notes_reader`.
    const NAME: &'static str;

    /// Checks what no attribute's own validators can. Values may be unknown: say nothing of what is not known.
    async fn validate(&self, config: &Self::Model, call: &Call) -> Diagnostics {
        let _ = (config, call);
        Diagnostics::new()
    }

    /// Opens it. What the configuration gives must come back as it is, and nothing may come back unknown.
    async fn open(
        &self,
        config: Self::Model,
        call: &Call,
    ) -> Result<Opened<Self::Model>, Diagnostics>;

    /// Makes it live on, when [`Opened::renew_at`] has come.
    async fn renew(&self, private: Vec<u8>, call: &Call) -> Result<Renewed, Diagnostics> {
        let _ = call;
        Ok(Renewed {
            renew_at: None,
            private,
        })
    }

    /// Ends it.
    async fn close(&self, private: Vec<u8>, call: &Call) -> Result<(), Diagnostics> {
        let _ = (private, call);
        Ok(())
    }
}

/// An ephemeral resource that is open.
#[derive(Clone)]
pub struct Opened<M> {
    /// What the configuration gave and what was opened.
    pub result: M,
    /// When Terraform has to ask for its renewal, where it still needs it then.
    pub renew_at: Option<SystemTime>,
    /// What renewal and closing need to know. Kept in Terraform's memory only.
    pub private: Vec<u8>,
}

impl<M> Opened<M> {
    /// Opened until the run ends; closing needs to know nothing.
    pub fn new(result: M) -> Self {
        Self {
            result,
            renew_at: None,
            private: Vec::new(),
        }
    }
}

/// An ephemeral resource that lives on.
#[derive(Clone)]
pub struct Renewed {
    /// When the next renewal is due; `None`: none is needed any more.
    pub renew_at: Option<SystemTime>,
    /// What the next renewal and closing need to know.
    pub private: Vec<u8>,
}

/// An ephemeral resource among others; made by [`ephemeral`].
pub struct BoxedEphemeral(pub(crate) Box<dyn ErasedEphemeral>);

/// Puts an ephemeral resource among others of other models.
pub fn ephemeral(ephemeral: impl Ephemeral) -> BoxedEphemeral {
    BoxedEphemeral(Box::new(ephemeral))
}

impl BoxedEphemeral {
    /// As in the configuration.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// What is in it.
    pub fn schema(&self) -> Schema {
        self.0.schema()
    }
}

impl std::fmt::Debug for BoxedEphemeral {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("BoxedEphemeral")
            .field(&self.name())
            .finish()
    }
}

/// [`Ephemeral`], from values to values.
#[async_trait]
pub(crate) trait ErasedEphemeral: Send + Sync {
    fn name(&self) -> &'static str;
    fn schema(&self) -> Schema;
    async fn validate(&self, config: Value, call: &Call) -> Diagnostics;
    async fn open(&self, config: Value, call: &Call) -> Result<Opened<Value>, Diagnostics>;
    async fn renew(&self, private: Vec<u8>, call: &Call) -> Result<Renewed, Diagnostics>;
    async fn close(&self, private: Vec<u8>, call: &Call) -> Result<(), Diagnostics>;
}

#[async_trait]
impl<E: Ephemeral> ErasedEphemeral for E {
    fn name(&self) -> &'static str {
        E::NAME
    }

    fn schema(&self) -> Schema {
        E::Model::schema()
    }

    async fn validate(&self, config: Value, call: &Call) -> Diagnostics {
        match to_validate::<E::Model>(config) {
            Ok(Some(config)) => Ephemeral::validate(self, &config, call).await,
            Ok(None) => Diagnostics::new(),
            Err(diagnostics) => diagnostics,
        }
    }

    async fn open(&self, config: Value, call: &Call) -> Result<Opened<Value>, Diagnostics> {
        let config = E::Model::from_value(config, &Path::root())?;
        let Opened {
            result,
            renew_at,
            private,
        } = Ephemeral::open(self, config, call).await?;
        Ok(Opened {
            result: result.into_value(),
            renew_at,
            private,
        })
    }

    async fn renew(&self, private: Vec<u8>, call: &Call) -> Result<Renewed, Diagnostics> {
        Ephemeral::renew(self, private, call).await
    }

    async fn close(&self, private: Vec<u8>, call: &Call) -> Result<(), Diagnostics> {
        Ephemeral::close(self, private, call).await
    }
}
