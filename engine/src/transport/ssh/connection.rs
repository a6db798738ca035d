//! The connection to an SSH server, made when it is needed and made again when it was lost.

use std::borrow::Cow;
use std::io;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use russh::client::{AuthResult, Config, Handle, Handler, Msg};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::ssh_key::Algorithm;
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKey};
use russh::{Channel, Preferred};
use tokio::net::TcpStream;

use super::error::{SshError, SshErrorKind};
use super::{HostKey, SshHost};

/// How long a server may take until it has let us in.
const CONNECT: Duration = Duration::from_secs(15);
/// How long it may take until anybody answers at its address.
const REACH: Duration = Duration::from_secs(5);
/// For how long one at whose address nobody answered is not asked again: whoever looks at many machines many times in one
/// operation does not wait for it each time.
const SILENT: Duration = Duration::from_secs(20);
/// A server that is silent for that long is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// So often, before the connection counts as lost.
const MOST_SILENCES: usize = 3;

/// What came of a look at a server's key.
type Shown = Arc<StdMutex<Option<PublicKey>>>;

/// Takes one key, and keeps the one that was shown.
pub(super) struct Pinned {
    known: Option<HostKey>,
    shown: Shown,
}

impl Handler for Pinned {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKey) -> Result<bool, russh::Error> {
        let mut kept = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(shown.clone());
        let is_known = |known: &HostKey| known.0.key_data() == shown.key_data();
        Ok(self.known.as_ref().is_some_and(is_known))
    }
}

/// A connection on which we are logged in.
pub(super) type Session = Handle<Pinned>;

/// What there is to a server.
#[derive(Default)]
pub(super) struct Link {
    session: Option<Arc<Session>>,
    /// When nobody answered in time, the last time, and what was said of it.
    silent: Option<(Instant, SshErrorKind)>,
}

impl SshHost {
    /// The connection, made anew where there is none that lives.
    pub(super) fn session(&self) -> BoxFuture<'_, Result<Arc<Session>, SshError>> {
        Box::pin(async move {
            let mut link = self.link.lock().await;
            if let Some(session) = link.session.as_ref().filter(|session| !session.is_closed()) {
                return Ok(Arc::clone(session));
            }
            let failed = |kind| SshError {
                location: self.location(),
                kind,
            };
            if let Some((since, kind)) = &link.silent
                && since.elapsed() < SILENT
            {
                return Err(failed(kind.clone()));
            }
            link.silent = None;
            let connecting = tokio::time::timeout(CONNECT, self.connect());
            let connected = connecting
                .await
                .unwrap_or_else(|_late| Err(SshErrorKind::silent("log in", CONNECT)));
            match connected {
                Ok(session) => {
                    let session = Arc::new(session);
                    link.session = Some(Arc::clone(&session));
                    Ok(session)
                }
                Err(kind) => {
                    if matches!(kind, SshErrorKind::Silent { .. }) {
                        link.silent = Some((Instant::now(), kind.clone()));
                    }
                    Err(failed(kind))
                }
            }
        })
    }

    /// A channel for a command.
    pub(super) async fn channel(&self) -> Result<Channel<Msg>, SshError> {
        let opened = self.session().await?.channel_open_session().await;
        opened.map_err(|error| SshError {
            location: self.location(),
            kind: SshErrorKind::connection("open a channel", &error),
        })
    }

    async fn connect(&self) -> Result<Session, SshErrorKind> {
        let shown = Shown::default();
        let pinned = Pinned {
            known: self.address.host_key.clone(),
            shown: Arc::clone(&shown),
        };
        let config = Arc::new(self.config());
        let (host, port) = (self.address.host.as_str(), self.address.port);
        let connected = match &self.via {
            None => {
                let reached = tokio::time::timeout(REACH, TcpStream::connect((host, port))).await;
                let reached = reached.map_err(|_late| SshErrorKind::silent("connect", REACH))?;
                let stream = reached.map_err(|error| SshErrorKind::Connection {
                    what: "connect",
                    reason: told(&error),
                })?;
                russh::client::connect_stream(config, stream, pinned).await
            }
            Some(via) => {
                let failed = |why| SshErrorKind::Via {
                    via: via.location(),
                    why: Box::new(why),
                };
                let session = via.session().await.map_err(failed)?;
                let tunnel = session
                    .channel_open_direct_tcpip(host, port.into(), "127.0.0.1", 0)
                    .await;
                let tunnel = tunnel.map_err(|error| {
                    SshErrorKind::connection("connect through a bastion", &error)
                })?;
                russh::client::connect_stream(config, tunnel.into_stream(), pinned).await
            }
        };
        let mut session = connected.map_err(|error| self.explain(&error, &shown))?;
        self.log_in(&mut session).await?;
        Ok(session)
    }

    fn config(&self) -> Config {
        let mut config = Config {
            keepalive_interval: Some(KEEP_ALIVE),
            keepalive_max: MOST_SILENCES,
            nodelay: true,
            ..Config::default()
        };
        if let Some(HostKey(key)) = &self.address.host_key {
            // A server has several keys, and shows one of the kind that it is asked for.
            let kinds = match key.algorithm() {
                Algorithm::Rsa { .. } => vec![
                    Algorithm::Rsa {
                        hash: Some(HashAlg::Sha512),
                    },
                    Algorithm::Rsa {
                        hash: Some(HashAlg::Sha256),
                    },
                ],
                other => vec![other],
            };
            config.preferred = Preferred {
                key: Cow::Owned(kinds),
                ..Preferred::default()
            };
        }
        config
    }

    fn explain(&self, error: &russh::Error, shown: &Shown) -> SshErrorKind {
        let shown = shown.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(shown), russh::Error::UnknownKey) = (shown, error) else {
            if let (Some(HostKey(known)), russh::Error::NoCommonAlgo { .. }) =
                (&self.address.host_key, error)
            {
                return SshErrorKind::Connection {
                    what: "agree on a host key",
                    reason: format!(
                        "it has none of the kind by which it is known ({})",
                        known.algorithm()
                    ),
                };
            }
            return SshErrorKind::connection("connect", error);
        };
        let fingerprint = shown.fingerprint(HashAlg::Sha256).to_string();
        let line = shown.to_openssh().unwrap_or_default();
        match &self.address.host_key {
            None => SshErrorKind::UnknownHostKey { fingerprint, line },
            Some(HostKey(known)) => SshErrorKind::OtherHostKey {
                known: known.fingerprint(HashAlg::Sha256).to_string(),
                fingerprint,
                line,
            },
        }
    }

    async fn log_in(&self, session: &mut Session) -> Result<(), SshErrorKind> {
        let failed = |error| SshErrorKind::connection("log in", &error);
        let user = &self.address.user;
        let mut tried = Vec::new();
        for key in &self.identities.keys {
            let hash = session.best_supported_rsa_hash().await.map_err(failed)?;
            let named = key.fingerprint(HashAlg::Sha256).to_string();
            let key = PrivateKeyWithHashAlg::new(Arc::clone(key), hash.flatten());
            let answer = session.authenticate_publickey(user, key).await;
            if is_in(&answer.map_err(failed)?) {
                return Ok(());
            }
            tried.push(format!("key {named}"));
        }
        if let Some(socket) = &self.identities.agent {
            let agent_failed = |error: russh::keys::Error| SshErrorKind::Connection {
                what: "ask the SSH agent",
                reason: format!("{error} ({})", socket.display()),
            };
            let mut agent = AgentClient::connect_uds(socket)
                .await
                .map_err(agent_failed)?;
            for identity in agent.request_identities().await.map_err(agent_failed)? {
                let AgentIdentity::PublicKey { key, .. } = identity else {
                    continue;
                };
                let hash = session.best_supported_rsa_hash().await.map_err(failed)?;
                let hash = hash.flatten().filter(|_| key.algorithm().is_rsa());
                tried.push(format!("the agent's {}", key.fingerprint(HashAlg::Sha256)));
                let answer = session
                    .authenticate_publickey_with(user, key, hash, &mut agent)
                    .await;
                let answer = answer.map_err(|error| SshErrorKind::Connection {
                    what: "log in by the SSH agent",
                    reason: error.to_string(),
                })?;
                if is_in(&answer) {
                    return Ok(());
                }
            }
        }
        if tried.is_empty() {
            return Err(SshErrorKind::NoKey);
        }
        Err(SshErrorKind::Refused {
            user: user.clone(),
            tried: tried.join(", "),
        })
    }
}

fn is_in(answer: &AuthResult) -> bool {
    matches!(answer, AuthResult::Success)
}

/// What the system says, without its number.
fn told(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        _ => error.to_string(),
    }
}
