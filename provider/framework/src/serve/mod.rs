//! The process contract: how Terraform starts the provider, reaches it and ends it.
//!
//! What is guaranteed to the author's code:
//! - a call that has begun runs to its end, even when Terraform dies in the middle of it; what it sees is its
//!   cancelled token, never a future that is dropped;
//! - the process ends when Terraform asks for it, when it is terminated, and when Terraform is gone;
//! - nobody but the Terraform that started the process can make a call.

mod calls;
mod certificate;
mod connections;
mod error;
mod go_plugin;
mod handshake;
mod options;
mod peer;
mod reattach;
mod signals;
mod socket;

use std::{io::Write, process::ExitCode, sync::Arc, time::Duration};

use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

pub use self::options::{Mode, ServeOptions};
use self::{
    calls::Calls,
    connections::{Security, accept},
    error::ServeError,
    handshake::Handshake,
    peer::Peer,
    signals::Signals,
    socket::Socket,
};
use crate::{
    Provider, log,
    proto::tfplugin6::provider_server::{Provider as ProviderService, ProviderServer},
};

/// Terraform's own limit, both ways. The default of gRPC libraries, 4 MiB, breaks large states.
const GREATEST_MESSAGE: usize = 256 << 20;

/// A window that a plan of some thousand resources fits into, so that no message waits for credit.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

/// How long the last answers may take to leave after the last call has ended.
const LAST_ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// Why the provider ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Terraform is done with it.
    Shutdown,
    /// SIGTERM or SIGHUP; in debug mode also Ctrl-C.
    Signal,
    /// Terraform is gone without a word.
    PeerGone,
}

/// Serves `provider` until Terraform is done with it, and says with which code the process is to exit.
///
/// A call that blocks its thread must not keep the others waiting, so a runtime with two workers is a good choice:
/// `#[tokio::main(worker_threads = 2)]`. More only cost memory, as a provider waits most of the time.
pub async fn serve(provider: impl Provider, options: ServeOptions) -> ExitCode {
    let server = crate::ProviderServer::new(provider);
    let cancellation = server.cancellation().clone();
    serve_service(server, cancellation, options).await
}

/// Serves `service` until Terraform is done with it: [`serve`] for who answers the protocol's calls without a
/// [`Provider`].
///
/// `cancellation` fires when the process has to end, whatever the reason: running calls return what is true so far.
/// They get [`ServeOptions::calls_end_within`] for that.
///
/// The exit code is 1 when the provider could not be served, or when calls had to be abandoned. What went wrong is on
/// standard error. Standard output belongs to the handshake.
pub async fn serve_service<S: ProviderService>(
    service: S,
    cancellation: CancellationToken,
    options: ServeOptions,
) -> ExitCode {
    log::install(options.name());
    match run(service, cancellation, &options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not `eprintln!`: it panics where Terraform, the reader of standard error, is gone.
            let _ = writeln!(std::io::stderr(), "{}", error::report(&error, &options));
            ExitCode::FAILURE
        }
    }
}

async fn run<S: ProviderService>(
    service: S,
    cancellation: CancellationToken,
    options: &ServeOptions,
) -> Result<(), ServeError> {
    // Before the first connection can come, so that nothing that Terraform does is missed.
    let peer = Peer::of_this_process();
    let mut signals = Signals::listen(options.mode)?;

    let (socket, listener, security, announcement) = match options.mode {
        Mode::Plugin => {
            let handshake = Handshake::from_variables(|name| std::env::var(name).ok())?;
            let identity = certificate::generate()?;
            let (socket, listener) = Socket::bind(handshake.socket_folder.as_deref())?;
            let line = handshake::line(socket.path(), &identity.certificate);
            let acceptor = certificate::acceptor(identity, handshake.client_certificate)?;
            (socket, listener, Security::Pinned(acceptor), line)
        }
        Mode::Debug => {
            let (socket, listener) = Socket::bind(None)?;
            let line = reattach::line(&options.address, socket.path());
            (socket, listener, Security::PrivateFolder, line)
        }
    };

    let calls = Calls::default();
    let ending = CancellationToken::new();
    let shutdown = Arc::new(Notify::new());
    let (incoming, open) = accept(listener, security, ending.clone());
    let provider = ProviderServer::new(service)
        .max_decoding_message_size(GREATEST_MESSAGE)
        .max_encoding_message_size(GREATEST_MESSAGE);
    let server = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .add_service(calls.track(provider))
        .add_service(go_plugin::health().await)
        .add_service(go_plugin::controller(shutdown.clone()))
        .add_service(go_plugin::stdio(ending.clone()))
        .add_service(go_plugin::broker(ending.clone()))
        .serve_with_incoming_shutdown(incoming, ending.clone().cancelled_owned());
    let server = tokio::spawn(server);

    announce(&announcement)?;

    let end = match options.mode {
        Mode::Plugin => tokio::select! {
            () = shutdown.notified() => End::Shutdown,
            () = signals.received() => End::Signal,
            () = peer.gone(open) => End::PeerGone,
        },
        // One Terraform after another comes and goes, and none of them ends the process.
        Mode::Debug => {
            signals.received().await;
            End::Signal
        }
    };
    tracing::debug!(reason = ?end, "the provider ends");

    cancellation.cancel();
    let finished = calls.finish(options.calls_end_within).await;
    ending.cancel();
    // What is late here is an answer that nobody takes.
    let _ = timeout(LAST_ANSWERS_WITHIN, server).await;
    drop(socket);
    finished
}

/// Says on standard output where the provider is to be reached.
fn announce(line: &str) -> Result<(), ServeError> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .map_err(ServeError::Announce)
}
