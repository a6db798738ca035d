//! What a call from Terraform knows of its surroundings.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::{Diagnostic, Diagnostics, Model, Path, Severity, Value};

/// Handed to every method that an author writes.
#[derive(Debug)]
pub struct Call {
    cancellation: CancellationToken,
    deferral_allowed: bool,
    config: Option<Value>,
    private: Private,
    warnings: Mutex<Diagnostics>,
    deferral: Mutex<Option<Deferral>>,
    remembered: Mutex<Option<Value>>,
}

/// Why a call was put off until Terraform knows more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deferral {
    /// The resource's own configuration has values that are not known yet.
    ResourceConfigUnknown,
    /// The provider's configuration has values that are not known yet.
    ProviderConfigUnknown,
    /// Something that has to exist first does not yet.
    AbsentPrerequisite,
}

impl Call {
    /// A call that `cancellation` ends and that has nothing else around it, such as a test makes.
    pub fn new(cancellation: CancellationToken) -> Self {
        Self {
            cancellation,
            deferral_allowed: false,
            config: None,
            private: Private::default(),
            warnings: Mutex::default(),
            deferral: Mutex::default(),
            remembered: Mutex::default(),
        }
    }

    /// The same call, from a Terraform that accepts deferrals, or from one that does not.
    #[must_use]
    pub fn with_deferral_allowed(mut self, allowed: bool) -> Self {
        self.deferral_allowed = allowed;
        self
    }

    /// Fires when the user asks to stop (Ctrl-C), and when Terraform has died. A call then returns what is true
    /// so far. Already fired in a call that starts after that, until Terraform is run again.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    /// Adds a warning to the answer. It stays a warning: only what a method returns makes a call fail, so that an
    /// error can not be lost beside a success.
    pub fn warn(&self, diagnostic: Diagnostic) {
        lock(&self.warnings).push(Diagnostic {
            severity: Severity::Warning,
            ..diagnostic
        });
    }

    /// Whether Terraform accepts [`Call::defer`].
    pub fn deferral_allowed(&self) -> bool {
        self.deferral_allowed
    }

    /// Asks Terraform to come back when it knows more; what the method returns is then a guess. An error where
    /// [`Call::deferral_allowed`] says no.
    pub fn defer(&self, reason: Deferral) {
        *lock(&self.deferral) = Some(reason);
    }

    /// In a create or an update: `state` is what is true so far. It becomes the resource's state where the call panics
    /// later, so that Terraform knows of what was made before. A call that returns says itself what is true.
    pub fn remember<M: Model>(&self, state: M) {
        *lock(&self.remembered) = Some(state.into_value());
    }

    /// State that is kept with a resource and never shown. What a plan leaves in it reaches the apply.
    pub fn private(&self) -> &Private {
        &self.private
    }

    /// The configuration as the user wrote it, write-only attributes included: a plan and a state have them null.
    /// An error where the call brings no configuration (reads and deletes).
    pub fn config<M: Model>(&self) -> Result<M, Diagnostics> {
        match self.config.clone() {
            Some(Value::Null) | None => Err(Diagnostic::error(
                "This call has no configuration",
                "The provider asked for the configuration in a call that brings none. \
                 This is a bug in the provider.",
            )
            .into()),
            Some(config) => M::from_value(config, &Path::root()),
        }
    }

    /// Sets the configuration that [`Call::config`] reads.
    pub fn set_config(&mut self, config: Value) {
        self.config = Some(config);
    }

    /// Sets the private state that the call starts from.
    pub fn set_private(&mut self, private: Private) {
        self.private = private;
    }

    pub(crate) fn take_warnings(&self) -> Diagnostics {
        std::mem::take(&mut *lock(&self.warnings))
    }

    pub(crate) fn take_remembered(&self) -> Option<Value> {
        lock(&self.remembered).take()
    }

    pub(crate) fn deferral(&self) -> Option<Deferral> {
        *lock(&self.deferral)
    }
}

/// Values by key, kept beside a resource's state. Never shown to the user, and not encrypted: no place for secrets.
#[derive(Debug, Default)]
pub struct Private(Mutex<BTreeMap<String, serde_json::Value>>);

impl Private {
    /// What was kept under `key`.
    pub fn get(&self, key: &str) -> Option<serde_json::Value> {
        lock(&self.0).get(key).cloned()
    }

    /// Keeps `value` under `key`.
    pub fn set(&self, key: impl Into<String>, value: serde_json::Value) {
        lock(&self.0).insert(key.into(), value);
    }

    /// Forgets what was kept under `key`.
    pub fn remove(&self, key: &str) {
        lock(&self.0).remove(key);
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Diagnostics> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(bytes).map(|entries| Self(Mutex::new(entries))).map_err(|error| {
            Diagnostic::error(
                "The private state of the resource cannot be read",
                format!(
                    "It should be a JSON object, but: {error}. It was written by another provider, or the state \
                     file was edited."
                ),
            )
            .into()
        })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let entries = lock(&self.0);
        if entries.is_empty() {
            return Vec::new();
        }
        // A JSON value always becomes JSON text.
        serde_json::to_vec(&*entries).unwrap_or_default()
    }
}

/// The data under `mutex`, also when an author's code panicked while it held the lock: the data is whole after
/// every method here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
