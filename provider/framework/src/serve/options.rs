//! What the author says about how the provider is served.

use std::time::Duration;

/// Who starts the provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Terraform.
    #[default]
    Plugin,
    /// A person, often in a debugger: the provider prints how Terraform finds it, and serves until Ctrl-C.
    Debug,
}

/// How a provider is served.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The provider's source address: `registry.terraform.io/<namespace>/<name>`.
    pub address: String,
    /// Who starts it.
    pub mode: Mode,
    /// How long running calls get to return what is true so far when the process has to end.
    pub calls_end_within: Duration,
    /// Said to a person who runs the binary by hand: for example its subcommands. May be empty.
    pub usage: String,
}

impl ServeOptions {
    /// Started by Terraform; running calls get 60 seconds to end.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            mode: Mode::default(),
            calls_end_within: Duration::from_mins(1),
            usage: String::new(),
        }
    }

    /// The provider's name: the last part of its address.
    pub(crate) fn name(&self) -> &str {
        self.address.rsplit('/').next().unwrap_or(&self.address)
    }
}
