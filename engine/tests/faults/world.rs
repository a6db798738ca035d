//! The folder of a platform and of its journals, and the processes that work on it one after the other.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coe_engine::coe::Coe;
use coe_engine::coe::rehearsal::Rehearsal;
use coe_engine::engine::{Engine, Settings};
use coe_engine::operation::Operation;
use coe_engine::platform::simulated::{Simulated, SimulatedSettings};
use coe_engine::registry;
use jiff::SignedDuration;

use crate::coe::WatchedCoe;
use crate::fault::Faults;
use crate::gate::Gate;
use crate::platform::GatedPlatform;
use crate::secrets::{Events, Log, Secrets};
use crate::support::operation_within;

/// How long an operation may take.
pub(crate) const DEADLINE: SignedDuration = SignedDuration::from_mins(5);

/// A folder in which one trial runs at a time: the paths in it are the same in each.
pub(crate) struct World {
    root: PathBuf,
}

/// One process, from its start to its end or death.
pub(crate) struct Process {
    pub(crate) engine: Engine,
    pub(crate) gate: Arc<Gate>,
    pub(crate) secrets: Arc<Secrets>,
}

impl Process {
    /// A new operation of this process.
    pub(crate) fn operation(&self) -> Operation {
        let events = Arc::new(Events(Arc::clone(&self.secrets)));
        Operation {
            cancellation: self.gate.interrupted.clone(),
            ..operation_within(DEADLINE, events)
        }
    }
}

impl World {
    /// A world in that folder, which is there.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn live(&self) -> PathBuf {
        self.root.join("live")
    }

    pub(crate) fn platform_folder(&self) -> PathBuf {
        self.live().join("platform")
    }

    pub(crate) fn journal_folder(&self) -> PathBuf {
        self.live().join("journal")
    }

    /// The platform without a gate.
    pub(crate) fn platform(&self) -> Simulated {
        Simulated::new(SimulatedSettings::in_folder(self.platform_folder()))
    }

    /// Begins anew with nothing.
    pub(crate) fn clear(&self) -> io::Result<()> {
        remove(&self.live())?;
        fs::create_dir(self.live())
    }

    /// Keeps what is there under a name.
    pub(crate) fn save(&self, name: &str) -> io::Result<()> {
        fs::rename(self.live(), self.root.join(name))
    }

    /// Begins anew with what was kept under a name.
    pub(crate) fn load(&self, name: &str) -> io::Result<()> {
        remove(&self.live())?;
        let kept = self.root.join(name);
        // The platform replaces its files as a whole, and the journals are written to.
        copy(&kept, &self.live(), &|from, to| {
            if from.extension().is_some_and(|kind| kind == "journal") {
                fs::copy(from, to).map(drop)
            } else {
                fs::hard_link(from, to)
            }
        })
    }

    /// Runs a process, and what it does; `None`: it was killed. When this returns nothing of it runs any more.
    pub(crate) fn run<T>(
        &self,
        faults: Faults,
        secrets: &Arc<Secrets>,
        work: impl AsyncFnOnce(&Process) -> T,
    ) -> io::Result<Option<T>> {
        // One thread for files: so calls that are made beside one another end in the order in which they
        // were made, and a trial that is run again is the same.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .max_blocking_threads(1)
            .build()?;
        let process = self.process(faults, secrets);
        let log = Log(Arc::clone(secrets));
        let ended = tracing::subscriber::with_default(log, || {
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    () = process.gate.killed.cancelled() => None,
                    ended = work(&process) => Some(ended),
                }
            })
        });
        drop(process);
        drop(runtime);
        Ok(ended)
    }

    /// A process on this world. Its engine works in the runtime of whoever asks it.
    pub(crate) fn process(&self, faults: Faults, secrets: &Arc<Secrets>) -> Process {
        let gate = Gate::new(faults);
        let platform = GatedPlatform {
            inner: self.platform(),
            gate: Arc::clone(&gate),
        };
        let watched = registry::drivers().into_iter().map(|driver| {
            Arc::new(WatchedCoe {
                inner: Rehearsal::new(driver),
                gate: Arc::clone(&gate),
                secrets: Arc::clone(secrets),
            }) as Arc<dyn Coe>
        });
        let settings = Settings {
            journal_dir: Some(self.journal_folder()),
            ..Settings::default()
        };
        let engine = Engine::with_drivers(Arc::new(platform), settings, watched.collect());
        Process {
            engine,
            gate,
            secrets: Arc::clone(secrets),
        }
    }

    /// The journals, and what is in them.
    pub(crate) fn journals(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.journal_folder()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        entries
            .map(|entry| Ok(String::from_utf8_lossy(&fs::read(entry?.path())?).into_owned()))
            .collect()
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn copy(from: &Path, to: &Path, file: &dyn Fn(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let into = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &into, file)?;
        } else {
            file(&entry.path(), &into)?;
        }
    }
    Ok(())
}
