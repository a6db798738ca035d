//! A way to the Docker Engine on which one call goes wrong.
//!
//! The provider's client makes one connection a call, so the n-th connection is the n-th call. What passes
//! is not understood, only cut, held or answered in the engine's stead.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long an engine that goes away stays away.
const GONE_FOR: Duration = Duration::from_secs(20);
/// The longest head of a request that is waited for.
const LONGEST_HEAD: usize = 64 * 1024;
const ENGINE: &str = "/var/run/docker.sock";

/// What happens at a call.
#[derive(Clone)]
pub enum Fault {
    /// The engine answers 500 and does nothing.
    Error,
    /// The connection is cut before the engine hears of the call.
    Cut,
    /// The engine does what it is asked for, and the connection is cut before it says so.
    LostReply,
    /// The engine does what it is asked for, and says so when nobody listens any more.
    LateReply,
    /// The engine goes away with all its connections, and is back after 20 s.
    EngineGone,
    /// Something is done elsewhere (a signal is sent) before the call passes.
    Meanwhile(Arc<dyn Fn() + Send + Sync>),
}

struct Armed {
    fault: Fault,
    /// At which call, from 1.
    nth: usize,
}

#[derive(Default)]
struct State {
    calls: usize,
    armed: Option<Armed>,
    /// The call at which the fault happened: its method and path.
    happened: Option<String>,
    gone_until: Option<Instant>,
    passing: Vec<UnixStream>,
    ended: bool,
}

struct Shared {
    state: Mutex<State>,
    is_back: Condvar,
    socket: PathBuf,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens on a socket in a folder, and passes calls on to the engine. Ends when it is dropped.
pub struct EngineProxy {
    shared: Arc<Shared>,
}

impl EngineProxy {
    /// One that listens in that folder.
    pub fn in_folder(folder: &Path) -> Self {
        let socket = folder.join("engine.sock");
        let listener = UnixListener::bind(&socket).expect("a socket in the folder");
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            is_back: Condvar::new(),
            socket,
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.state().ended {
                    break;
                }
                let shared = Arc::clone(&accepting);
                // A connection that breaks is what this is for.
                thread::spawn(move || _ = shared.pass(client));
            }
        });
        Self { shared }
    }

    /// What `DOCKER_HOST` is to reach the engine this way.
    pub fn docker_host(&self) -> String {
        format!("unix://{}", self.shared.socket.display())
    }

    /// Counts calls anew; the n-th, from 1, goes wrong.
    pub fn arm(&self, fault: Fault, nth: usize) {
        let mut state = self.shared.state();
        state.calls = 0;
        state.happened = None;
        state.armed = Some(Armed { fault, nth });
    }

    /// Lets all calls pass from now on, and waits until an engine that went away is back. The call that went wrong, if
    /// there were so many.
    pub fn disarm(&self) -> Option<String> {
        let mut state = self.shared.state();
        state.armed = None;
        while state.gone_until.is_some() {
            let waited = self.shared.is_back.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state.happened.take()
    }

    /// How many calls there were since [`EngineProxy::arm`].
    pub fn calls(&self) -> usize {
        self.shared.state().calls
    }
}

impl Drop for EngineProxy {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        // Wakes the thread that listens.
        _ = UnixStream::connect(&self.shared.socket);
    }
}

impl Shared {
    fn pass(self: &Arc<Self>, mut client: UnixStream) -> io::Result<()> {
        let head = read_head(&mut client)?;
        let fault = {
            let mut state = self.state();
            if state.gone_until.is_some() {
                return Ok(());
            }
            state.calls += 1;
            let is_now = state
                .armed
                .as_ref()
                .is_some_and(|armed| armed.nth == state.calls);
            let armed = is_now.then(|| state.armed.take()).flatten();
            if armed.is_some() {
                state.happened = Some(first_line(&head));
            }
            state.passing.push(client.try_clone()?);
            armed.map(|armed| armed.fault)
        };
        match fault {
            None => self.carry(&head, client),
            Some(Fault::Error) => {
                let reason = r#"{"message":"a fault of the test"}"#;
                write!(
                    client,
                    "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n\
                     Content-Length: {}\r\nConnection: close\r\n\r\n{reason}",
                    reason.len()
                )?;
                until_closed(&mut client);
                Ok(())
            }
            Some(Fault::Cut) => client.shutdown(Shutdown::Both),
            Some(Fault::LostReply) => {
                self.without_reply(&head, &client)?;
                client.shutdown(Shutdown::Both)
            }
            Some(Fault::LateReply) => {
                self.without_reply(&head, &client)?;
                until_closed(&mut client);
                Ok(())
            }
            Some(Fault::EngineGone) => {
                self.go_away();
                Ok(())
            }
            Some(Fault::Meanwhile(act)) => {
                act();
                self.carry(&head, client)
            }
        }
    }

    fn carry(&self, head: &[u8], mut client: UnixStream) -> io::Result<()> {
        let mut engine = self.reach_engine(head, &client)?;
        _ = io::copy(&mut engine, &mut client);
        // The whole answer is there: the client may have gone without a word.
        client.shutdown(Shutdown::Both)
    }

    /// Passes a call on and swallows the answer, until the engine has done it.
    fn without_reply(&self, head: &[u8], client: &UnixStream) -> io::Result<()> {
        let mut engine = self.reach_engine(head, client)?;
        let answer = read_head(&mut engine)?;
        // A command in a node is done when its stream ends.
        if first_line(&answer).contains(" 101 ") {
            until_closed(&mut engine);
        }
        engine.shutdown(Shutdown::Both)
    }

    /// A connection to the engine, to which all that the client says is passed on.
    fn reach_engine(&self, head: &[u8], client: &UnixStream) -> io::Result<UnixStream> {
        let mut engine = UnixStream::connect(ENGINE)?;
        engine.write_all(head)?;
        self.state().passing.push(engine.try_clone()?);
        let (mut from, mut to) = (client.try_clone()?, engine.try_clone()?);
        thread::spawn(move || {
            _ = io::copy(&mut from, &mut to);
            _ = to.shutdown(Shutdown::Write);
        });
        Ok(engine)
    }

    fn go_away(self: &Arc<Self>) {
        let away = self.socket.with_extension("away");
        std::fs::rename(&self.socket, &away).expect("the socket is there");
        let mut state = self.state();
        state.gone_until = Some(Instant::now() + GONE_FOR);
        for connection in state.passing.drain(..) {
            _ = connection.shutdown(Shutdown::Both);
        }
        drop(state);
        let shared = Arc::clone(self);
        thread::spawn(move || {
            thread::sleep(GONE_FOR);
            if std::fs::rename(&away, &shared.socket).is_ok() {
                shared.state().gone_until = None;
                shared.is_back.notify_all();
            }
        });
    }
}

/// Reads until the end of a request's or an answer's head; what came of the body with it is there too.
fn read_head(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut part = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        let length = stream.read(&mut part)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&part[..length]);
    }
    Ok(head)
}

fn first_line(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    text.lines().next().unwrap_or_default().to_owned()
}

fn until_closed(stream: &mut UnixStream) {
    _ = io::copy(stream, &mut io::sink());
}
