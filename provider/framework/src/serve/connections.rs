//! Takes connections, lets Terraform's own pass, and counts those that are open.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, stream::poll_fn};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{UnixListener, UnixStream},
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

/// A client that has not shown its certificate by then is not Terraform.
const TLS_HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// Nothing tells when a process that has run out of file descriptors has one again.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Who may connect.
#[derive(Clone)]
pub(super) enum Security {
    /// The holder of the pinned certificate.
    Pinned(TlsAcceptor),
    /// Whoever may enter the socket's folder.
    PrivateFolder,
}

/// The connections of `listener` that are allowed, and the number of those that are open. Ends with `ending`.
pub(super) fn accept(
    listener: UnixListener,
    security: Security,
    ending: CancellationToken,
) -> (
    impl Stream<Item = io::Result<Connection>>,
    watch::Receiver<usize>,
) {
    let (open, count) = watch::channel(0);
    let (ready, mut connections) = mpsc::channel(1);
    tokio::spawn(async move {
        ending
            .run_until_cancelled(accept_all(&listener, &security, &open, &ready))
            .await;
    });
    (
        poll_fn(move |context| connections.poll_recv(context)),
        count,
    )
}

async fn accept_all(
    listener: &UnixListener,
    security: &Security,
    open: &watch::Sender<usize>,
    ready: &mpsc::Sender<io::Result<Connection>>,
) {
    loop {
        match listener.accept().await {
            Ok((socket, _address)) => {
                // A task each: a client that stays silent in its TLS handshake holds up no other.
                tokio::spawn(admit(socket, security.clone(), open.clone(), ready.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_AGAIN_AFTER).await;
            }
        }
    }
}

async fn admit(
    socket: UnixStream,
    security: Security,
    open: watch::Sender<usize>,
    ready: mpsc::Sender<io::Result<Connection>>,
) {
    let channel: Box<dyn Channel> = match security {
        Security::PrivateFolder => Box::new(socket),
        Security::Pinned(acceptor) => {
            match timeout(TLS_HANDSHAKE_WITHIN, acceptor.accept(socket)).await {
                Ok(Ok(channel)) => Box::new(channel),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "refused a connection that is not from the Terraform that started this process");
                    return;
                }
                Err(_elapsed) => {
                    tracing::warn!("refused a connection that did not finish its TLS handshake");
                    return;
                }
            }
        }
    };
    // Fails only where the server has ended, and then nobody needs the connection.
    let _ = ready
        .send(Ok(Connection {
            channel,
            _open: Open::count(open),
        }))
        .await;
}

trait Channel: AsyncRead + AsyncWrite + Send + Unpin {}
impl<C: AsyncRead + AsyncWrite + Send + Unpin> Channel for C {}

/// One in the count of open connections, until it is dropped.
struct Open(watch::Sender<usize>);

impl Open {
    fn count(open: watch::Sender<usize>) -> Self {
        open.send_modify(|count| *count += 1);
        Self(open)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// A connection that may make calls.
pub(super) struct Connection {
    channel: Box<dyn Channel>,
    _open: Open,
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) -> Self::ConnectInfo {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.channel).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.channel).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.channel).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.channel.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.channel).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.channel).poll_shutdown(context)
    }
}
