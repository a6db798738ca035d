//! The signals that end the provider, and the one that does not.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Mode, error::ServeError};

#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
    mode: Mode,
}

impl Signals {
    /// Listens from now on.
    ///
    /// Ctrl-C reaches the whole process group, so also a provider that Terraform started. It is not for the provider:
    /// Terraform calls `StopProvider`, and needs the provider to hear that.
    pub(super) fn listen(mode: Mode) -> Result<Self, ServeError> {
        let listen = |kind| signal(kind).map_err(ServeError::Signals);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
            interrupt: listen(SignalKind::interrupt())?,
            mode,
        })
    }

    /// Completes at the first signal that ends the provider.
    pub(super) async fn received(&mut self) {
        let interrupted = async {
            match self.mode {
                Mode::Debug => self.interrupt.recv().await,
                Mode::Plugin => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
            _ = interrupted => {}
        }
    }
}
