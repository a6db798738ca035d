//! Why a provider could not be served.

use std::{error::Error, fmt::Write, io, path::PathBuf, time::Duration};

use super::{ServeOptions, handshake::HandshakeError};

#[derive(Debug, thiserror::Error)]
pub(super) enum ServeError {
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error("cannot make the provider's own certificate")]
    Certificate(#[source] rcgen::Error),
    #[error("cannot prepare TLS with the provider's own certificate")]
    Tls(#[source] rustls::Error),
    #[error(
        "cannot make a private folder for the socket in {}; PLUGIN_UNIX_SOCKET_DIR or TMPDIR can name another place",
        parent.display()
    )]
    Folder { parent: PathBuf, source: io::Error },
    #[error(
        "cannot listen on the socket {}; a path has room for about 100 bytes: PLUGIN_UNIX_SOCKET_DIR or TMPDIR can \
         name a shorter one",
        path.display()
    )]
    Listen { path: PathBuf, source: io::Error },
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    #[error("cannot say on standard output where the provider is to be reached")]
    Announce(#[source] io::Error),
    #[error(
        "{count} running calls did not end within {} seconds after they were cancelled, and were abandoned",
        bound.as_secs()
    )]
    CallsAbandoned { count: usize, bound: Duration },
}

/// The error and its causes, as a person reads them.
pub(super) fn report(error: &ServeError, options: &ServeOptions) -> String {
    if let ServeError::Handshake(HandshakeError::NotStartedByTerraform) = error {
        return by_hand(options);
    }
    let mut text = format!("The Terraform provider {}: {error}", options.address);
    let mut cause = error.source();
    while let Some(inner) = cause {
        let _ = write!(text, ": {inner}");
        cause = inner.source();
    }
    text
}

fn by_hand(options: &ServeOptions) -> String {
    let ServeOptions { address, usage, .. } = options;
    let mut text = format!(
        "This is the Terraform provider {address}. It does nothing by itself: Terraform starts it.\n\
         Name it under required_providers in a configuration and run \"terraform init\", or, to try a binary of your \
         own build, name its folder under dev_overrides in Terraform's CLI configuration file."
    );
    if !usage.is_empty() {
        text.push('\n');
        text.push_str(usage);
    }
    text
}
