//! Remembers what operations are about to do, so that the next process knows what a dead one left.
//!
//! One file a cluster, `<cluster id>.journal`, mode 0600. It is locked while an operation works on the cluster, so
//! that a lock that is free proves that no process of this machine does. What is about to be done is on the disk
//! before it is begun; what came of it follows without waiting for the disk. The journal is a hint: what a cluster
//! owns is found by its labels, also without it. No secret is ever in it.

mod error;
mod file;
mod look;
mod record;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use error::JournalError;
pub(crate) use look::Worker;
pub use look::{JournalLook, JournalWatch, Process};
pub use record::{
    Direction, Ending, Entry, OperationBegun, OperationKind, Record, Running, StepRecord,
};

use crate::model::{ClusterId, ClusterName, OperationId};
use crate::operation::StepProgress;
use file::{JournalFile, is_held, peek};
use record::{is_settled, is_unfinished, running};

/// An operation that is about to begin.
#[derive(Debug, Clone)]
pub struct Intent {
    /// Which.
    pub operation: OperationId,
    /// What it does, to which cluster, until when.
    pub begun: OperationBegun,
}

/// What an operation that is over left on the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Parts of a cluster, of no use to anybody.
    Parts,
    /// A whole cluster. Only where its process died before it could tell of it does nobody have it.
    Whole,
}

/// What is true of a cluster when an operation on it has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is there: its journal is removed.
    Gone,
    /// It is as wanted.
    AsWanted,
    /// Something is there.
    Failed {
        /// Why the operation failed.
        error: String,
    },
}

/// The journals of all clusters that this process works on. Without a folder nothing is remembered.
#[derive(Clone, Default)]
pub struct Journals(Option<Arc<Folder>>);

struct Folder {
    path: PathBuf,
    /// What operations of this process hold. Two of them never open the same file.
    open: Mutex<HashMap<ClusterId, Open>>,
}

struct Open {
    file: Arc<JournalFile>,
    /// The operations of other processes of this machine that the journal tells of: they are over, or this
    /// process would not have it.
    over: Arc<[OperationId]>,
    running: Vec<Running>,
}

impl Folder {
    fn journal(&self, cluster: ClusterId) -> PathBuf {
        self.path.join(format!("{cluster}.journal"))
    }

    fn open(&self) -> MutexGuard<'_, HashMap<ClusterId, Open>> {
        // Nothing panics while it holds the lock, and what it guards is whole at every moment.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the journal of its cluster for one operation. Dropped without an end, it leaves the operation to be
/// found dead.
pub struct Journal(Option<Held>);

struct Held {
    folder: Arc<Folder>,
    file: Arc<JournalFile>,
    over: Arc<[OperationId]>,
    cluster: ClusterId,
    operation: OperationId,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut open = self.folder.open();
        if let Some(of_cluster) = open.get_mut(&self.cluster) {
            of_cluster
                .running
                .retain(|one| one.operation != self.operation);
            if of_cluster.running.is_empty() {
                // Before the next operation of this process can look for it.
                of_cluster.file.unlock();
                open.remove(&self.cluster);
            }
        }
    }
}

/// The machine that this process runs on.
pub fn this_host() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// Does what waits for the disk where waiting holds up nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, JournalError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(JournalError::Io {
            doing: "using the journals by",
            path: PathBuf::from("a thread"),
            source: io::Error::other(error),
        }),
    }
}

impl Journals {
    /// The journals in `folder`, which is made by the first operation; `None`: nothing is remembered.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self(folder.map(|path| {
            Arc::new(Folder {
                path,
                open: Mutex::default(),
            })
        }))
    }

    /// Begins an operation on a cluster that no other one works on. What a dead process has left unended in the
    /// journal is noted as ended.
    pub async fn begin(&self, intent: Intent) -> Result<Journal, JournalError> {
        let Some(folder) = self.0.clone() else {
            return Ok(Journal(None));
        };
        blocking(move || begin(&folder, intent)).await
    }

    /// Begins an operation that takes over what `dead` has left; `None`: this machine does not know that its
    /// process is dead. A living process is an error that names what it does.
    pub async fn take_over(
        &self,
        dead: OperationId,
        left: Left,
        intent: Intent,
    ) -> Result<Option<Journal>, JournalError> {
        let Some(folder) = self.0.clone() else {
            return Ok(None);
        };
        blocking(move || {
            let path = folder.journal(intent.begun.cluster);
            if !path.exists() {
                return Ok(None);
            }
            let records = peek(&path)?;
            let may_be_had = || {
                left == Left::Whole && !is_unfinished(&records, dead, OperationKind::Create, &[])
            };
            if !was_begun_here(&records, dead) || may_be_had() {
                return Ok(None);
            }
            // Its lock, and nothing else, proves that the process is dead.
            begin(&folder, intent).map(Some)
        })
        .await
    }

    /// Whether the operation was begun on this machine, and no process works on the cluster any more.
    pub async fn is_over(
        &self,
        cluster: ClusterId,
        operation: OperationId,
    ) -> Result<bool, JournalError> {
        let Some(folder) = self.0.clone() else {
            return Ok(false);
        };
        blocking(move || {
            let path = folder.journal(cluster);
            if folder.open().contains_key(&cluster) || !path.exists() || is_held(&path)? {
                return Ok(false);
            }
            Ok(was_begun_here(&peek(&path)?, operation))
        })
        .await
    }

    /// Whether the process of that operation is dead by the journal, and never came to tell what it had made.
    pub async fn is_abandoned(
        &self,
        cluster: ClusterId,
        operation: OperationId,
        kind: OperationKind,
    ) -> Result<bool, JournalError> {
        let Some(folder) = self.0.clone() else {
            return Ok(false);
        };
        blocking(move || {
            let path = folder.journal(cluster);
            if !path.exists() {
                return Ok(false);
            }
            let living: Vec<OperationId> = match folder.open().get(&cluster) {
                // This process holds the journal: so no other one works on the cluster.
                Some(open) => {
                    let mut running = open.running.iter();
                    let is_in_the_way = |one: &Running| {
                        one.operation == operation || !one.begun.kind.works_beside(kind)
                    };
                    if running.any(is_in_the_way) {
                        return Ok(false);
                    }
                    open.running.iter().map(|one| one.operation).collect()
                }
                None if is_held(&path)? => return Ok(false),
                None => Vec::new(),
            };
            // After that: what ended meanwhile says so by now.
            let records = peek(&path)?;
            Ok(was_begun_here(&records, operation)
                && is_unfinished(&records, operation, kind, &living))
        })
        .await
    }

    /// Removes the journals of clusters of that name on that platform of which nothing is there.
    pub async fn forget_all_but(
        &self,
        there: Vec<ClusterId>,
        name: ClusterName,
        platform: &'static str,
        location: String,
    ) -> Result<(), JournalError> {
        let Some(folder) = self.0.clone() else {
            return Ok(());
        };
        blocking(move || {
            for path in journals_in(&folder.path)? {
                let is_of = |begun: &OperationBegun| {
                    begun.name == name && begun.platform == platform && begun.location == location
                };
                match first_begun(&path) {
                    Some(begun) if is_of(&begun) && !there.contains(&begun.cluster) => {
                        remove_unused(&folder, begun.cluster)?;
                    }
                    _ => {}
                }
            }
            Ok(())
        })
        .await
    }

    /// Removes the journal of a cluster of which nothing is on that platform, unless it is that of a cluster on
    /// another one, or an operation works on it.
    pub async fn forget_gone(
        &self,
        cluster: ClusterId,
        platform: &'static str,
        location: String,
    ) -> Result<(), JournalError> {
        let Some(folder) = self.0.clone() else {
            return Ok(());
        };
        blocking(move || {
            let path = folder.journal(cluster);
            let is_of =
                |begun: OperationBegun| begun.platform == platform && begun.location == location;
            if path.exists() && first_begun(&path).is_some_and(is_of) {
                remove_unused(&folder, cluster)?;
            }
            Ok(())
        })
        .await
    }

    /// Removes the journal of a cluster of which nothing is there, unless an operation works on it.
    pub async fn forget(&self, cluster: ClusterId) -> Result<(), JournalError> {
        let Some(folder) = self.0.clone() else {
            return Ok(());
        };
        blocking(move || remove_unused(&folder, cluster)).await
    }
}

/// What the first operation is that a journal tells of. A journal that cannot be read is told by the operation that
/// needs it.
fn first_begun(path: &Path) -> Option<OperationBegun> {
    match peek(path).unwrap_or_default().into_iter().next()?.entry {
        Entry::OperationBegun(begun) => Some(begun),
        _ => None,
    }
}

fn journals_in(folder: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let failed = || JournalError::io("listing the folder of journals", folder);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed()(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed())?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "journal")
        {
            paths.push(path);
        }
    }
    Ok(paths)
}

fn remove_unused(folder: &Folder, cluster: ClusterId) -> Result<(), JournalError> {
    let open = folder.open();
    let path = folder.journal(cluster);
    if open.contains_key(&cluster) || !path.exists() {
        return Ok(());
    }
    match JournalFile::open(&path) {
        Ok((file, _)) => file.remove(),
        Err(JournalError::Busy(..) | JournalError::Held(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The operations that processes of this machine began. A lock says nothing of another machine's processes.
fn begun_here(records: &[Record]) -> impl Iterator<Item = OperationId> {
    let here = this_host();
    let is_of_here =
        move |entry: &Entry| matches!(entry, Entry::OperationBegun(begun) if begun.host == here);
    let begins = records
        .iter()
        .filter(move |record| is_of_here(&record.entry));
    begins.map(|record| record.operation)
}

fn was_begun_here(records: &[Record], operation: OperationId) -> bool {
    begun_here(records).any(|begun| begun == operation)
}

fn begin(folder: &Arc<Folder>, intent: Intent) -> Result<Journal, JournalError> {
    let Intent { operation, begun } = intent;
    let cluster = begun.cluster;
    let path = folder.journal(cluster);
    let record = Record::now(operation, Entry::OperationBegun(begun.clone()));
    let mine = Running {
        operation,
        started: record.at,
        begun,
    };
    let held = {
        let mut open = folder.open();
        let (file, over) = if let Some(of_cluster) = open.get_mut(&cluster) {
            let mut running = of_cluster.running.iter();
            let in_the_way = running.find(|other| !other.begun.kind.works_beside(mine.begun.kind));
            if let Some(other) = in_the_way {
                return Err(JournalError::Busy(Box::new(other.clone()), path));
            }
            of_cluster.running.push(mine);
            (Arc::clone(&of_cluster.file), Arc::clone(&of_cluster.over))
        } else {
            let (file, over) = open_after_the_dead(&path)?;
            let (file, over) = (Arc::new(file), Arc::from(over));
            let of_cluster = Open {
                file: Arc::clone(&file),
                over: Arc::clone(&over),
                running: vec![mine],
            };
            open.insert(cluster, of_cluster);
            (file, over)
        };
        Held {
            folder: Arc::clone(folder),
            file,
            over,
            cluster,
            operation,
        }
    };
    held.file.append_durably(&record)?;
    Ok(Journal(Some(held)))
}

/// The journal, ready for the next operation: what a dead process began is ended, what is over and done with is
/// forgotten. With it the operations of this machine that it told of.
fn open_after_the_dead(path: &Path) -> Result<(JournalFile, Vec<OperationId>), JournalError> {
    let (file, records) = JournalFile::open(path)?;
    let over = begun_here(&records).collect();
    if is_settled(&records) {
        file.clear()?;
    }
    for dead in running(&records) {
        file.append(&Record::now(
            dead.operation,
            Entry::OperationEnded(Ending::Died),
        ))?;
    }
    Ok((file, over))
}

impl Journal {
    /// The operations of other processes of this machine that are known to be over.
    pub fn over(&self) -> &[OperationId] {
        self.0.as_ref().map_or(&[], |held| &held.over)
    }

    /// Notes how many more steps are going to be done, for who watches. One that cannot be noted is not missed.
    pub fn foresee(&self, steps: usize) {
        if let Some(held) = &self.0 {
            let record = Record::now(held.operation, Entry::StepsAhead { steps });
            _ = held.file.append(&record);
        }
    }

    /// Remembers that a step is about to be done or undone; on the disk when it returns.
    pub async fn intend(&self, direction: Direction, step: StepRecord) -> Result<(), JournalError> {
        let Some(held) = &self.0 else {
            return Ok(());
        };
        let entry = Entry::Step {
            direction,
            step,
            progress: StepProgress::Started,
        };
        let record = Record::now(held.operation, entry);
        let file = Arc::clone(&held.file);
        blocking(move || file.append_durably(&record)).await
    }

    /// Remembers what came of a step. One that cannot be remembered is as one whose process died before it could
    /// be: what is there is found out by a look.
    pub fn note(&self, direction: Direction, step: StepRecord, progress: StepProgress) {
        if let Some(held) = &self.0 {
            let entry = Entry::Step {
                direction,
                step,
                progress,
            };
            _ = held.file.append(&Record::now(held.operation, entry));
        }
    }

    /// Ends the operation. An end that cannot be remembered is as a death that comes right after it.
    pub fn end(self, outcome: Outcome) {
        let Some(held) = &self.0 else {
            return;
        };
        let ending = match outcome {
            Outcome::Gone => {
                _ = held.file.remove();
                return;
            }
            Outcome::AsWanted => Ending::Succeeded,
            Outcome::Failed { error } => Ending::Failed { error },
        };
        _ = held
            .file
            .append(&Record::now(held.operation, Entry::OperationEnded(ending)));
    }
}
