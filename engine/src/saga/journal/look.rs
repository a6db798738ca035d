//! Looks at the journals that operations write, and holds none of them up.
//!
//! Guarantees: nothing is written, a torn end is left as it is, and no operation is refused because somebody looks.
//! An operation is called dead only where its process is: its journal is free, and was so before it was read for
//! the last time.

use std::collections::{BTreeMap, HashMap};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::JournalError;
use super::file::{is_held, peek};
use super::record::{Record, Running, running};
use super::{Journals, blocking, journals_in, this_host, was_begun_here};
use crate::model::{ClusterId, OperationId};

/// What is known of the process of an operation that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// It lives.
    Living,
    /// It died.
    Dead,
    /// It is one of another machine, of which nothing is known here.
    Elsewhere,
}

/// A journal, as it is now.
#[derive(Debug, Clone)]
pub struct JournalLook {
    /// Where it is.
    pub path: PathBuf,
    /// What it says, oldest first.
    pub records: Arc<Vec<Record>>,
    /// Each operation in it that has not ended.
    pub unended: BTreeMap<OperationId, Process>,
}

/// Looks at all journals of a folder again and again. What has not changed is not read again.
pub struct JournalWatch {
    folder: PathBuf,
    read: HashMap<PathBuf, Read>,
}

struct Read {
    stamp: Stamp,
    records: Arc<Vec<Record>>,
}

/// By which a change of a file is seen: its inode, its length, and when it was written.
type Stamp = (u64, u64, i64, i64);

fn stamp(metadata: &Metadata) -> Stamp {
    (
        metadata.ino(),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec(),
    )
}

impl JournalWatch {
    /// The journals in `folder`, which need not be there yet.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            read: HashMap::new(),
        }
    }

    /// Each journal that is there now, or what is wrong with it; an error where the folder cannot be listed. Reads
    /// files: not for an async task that others wait for.
    pub fn look(&mut self) -> Result<Vec<Result<JournalLook, JournalError>>, JournalError> {
        let mut paths = journals_in(&self.folder)?;
        paths.sort();
        self.read.retain(|path, _| paths.contains(path));
        let mut looks = Vec::new();
        for path in paths {
            match self.look_at(&path) {
                // It was removed just now.
                Err(JournalError::Io { source, .. })
                    if source.kind() == io::ErrorKind::NotFound => {}
                look => looks.push(look),
            }
        }
        Ok(looks)
    }

    fn look_at(&mut self, path: &Path) -> Result<JournalLook, JournalError> {
        let before = unended(&self.records(path)?);
        let is_held = !before.is_empty() && is_held(path)?;
        // What ended meanwhile says so by now.
        let records = self.records(path)?;
        let here = this_host();
        let process = |one: &Running| {
            let is_new = !before.contains_key(&one.operation);
            match one.begun.host == here {
                _ if is_held || is_new => Process::Living,
                true => Process::Dead,
                false => Process::Elsewhere,
            }
        };
        let unended = unended(&records);
        let unended = unended.iter().map(|(id, one)| (*id, process(one)));
        Ok(JournalLook {
            path: path.to_owned(),
            unended: unended.collect(),
            records,
        })
    }

    fn records(&mut self, path: &Path) -> Result<Arc<Vec<Record>>, JournalError> {
        let metadata = std::fs::metadata(path);
        // Before it is read: what is written meanwhile is seen by the next look.
        let stamp = stamp(&metadata.map_err(JournalError::io("looking at the journal", path))?);
        if let Some(read) = self.read.get(path).filter(|read| read.stamp == stamp) {
            return Ok(Arc::clone(&read.records));
        }
        let records = Arc::new(peek(path)?);
        let read = Read {
            stamp,
            records: Arc::clone(&records),
        };
        self.read.insert(path.to_owned(), read);
        Ok(records)
    }
}

fn unended(records: &[Record]) -> BTreeMap<OperationId, Running> {
    let running = running(records).into_iter();
    running.map(|one| (one.operation, one)).collect()
}

/// Whether anybody works on a cluster that an operation has left unfinished, by its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Worker {
    /// A process of this machine does; who it is, if it has said so.
    Here(Option<Box<Running>>),
    /// Nobody: the operation was begun on this machine, at that time, and its process is gone.
    Gone(jiff::Timestamp),
    /// This machine does not know.
    NotKnown,
}

impl Journals {
    /// Whether anybody works on the cluster that `operation` has left unfinished.
    pub(crate) async fn worker(
        &self,
        cluster: ClusterId,
        operation: OperationId,
    ) -> Result<Worker, JournalError> {
        let Some(folder) = self.0.clone() else {
            return Ok(Worker::NotKnown);
        };
        blocking(move || {
            let path = folder.journal(cluster);
            if !path.exists() {
                return Ok(Worker::NotKnown);
            }
            let is_held = is_held(&path)?;
            let records = peek(&path)?;
            if is_held {
                return Ok(Worker::Here(running(&records).pop().map(Box::new)));
            }
            let mut of_operation = records.iter().filter(|one| one.operation == operation);
            Ok(match of_operation.next() {
                Some(first) if was_begun_here(&records, operation) => Worker::Gone(first.at),
                _ => Worker::NotKnown,
            })
        })
        .await
    }
}
