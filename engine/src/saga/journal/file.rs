//! The file of a journal: locked while it is open, and written line by line.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::JournalError;
use super::record::{Record, Replay, Unreadable, VERSION, replay, running};

/// The journal of one cluster, which this process holds alone.
pub(super) struct JournalFile {
    path: PathBuf,
    file: File,
    /// How far the file is whole, bytes.
    written: Mutex<u64>,
    /// How far it is on the disk, bytes. Held while the disk is waited for, so that whoever waits for it finds
    /// that his own lines went along.
    synced: Mutex<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it holds the lock, and what it guards is whole at every moment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl JournalFile {
    /// Opens and locks the journal, makes it if there is none, and cuts what was torn off its end.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Record>), JournalError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(JournalError::io("making the folder of journals", folder))?;
        let file = loop {
            let file = OpenOptions::new()
                .read(true)
                .append(true)
                .create(true)
                .mode(0o600)
                .open(path)
                .map_err(JournalError::io("opening the journal", path))?;
            if !try_lock(&file, path)? {
                return Err(held_by_another(path));
            }
            // Who held it may have removed it just before.
            if is_at(&file, path)? {
                break file;
            }
        };
        let Replay { records, length } = read(&file, path)?;
        let length = length as u64;
        let rewrite = JournalError::io("cutting the torn end of the journal", path);
        let journal = Self {
            path: path.to_owned(),
            file,
            written: Mutex::new(length),
            synced: Mutex::new(0),
        };
        journal.cut(length).map_err(rewrite)?;
        Ok((journal, records))
    }

    /// Forgets everything.
    pub(super) fn clear(&self) -> Result<(), JournalError> {
        let mut synced = lock(&self.synced);
        let mut written = lock(&self.written);
        self.cut(0)
            .map_err(JournalError::io("clearing the journal", &self.path))?;
        (*synced, *written) = (0, 0);
        Ok(())
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        if self.file.metadata()?.len() > length {
            self.file.set_len(length)?;
        }
        Ok(())
    }

    /// Adds a record; how far the file is whole then. It is not waited until it is on the disk.
    pub(super) fn append(&self, record: &Record) -> Result<u64, JournalError> {
        let failed = || JournalError::io("writing the journal", &self.path);
        let line = record.line().map_err(|error| failed()(error.into()))?;
        let mut written = lock(&self.written);
        // What an earlier write that failed has left would else stand in the middle.
        self.cut(*written).map_err(failed())?;
        (&self.file).write_all(&line).map_err(failed())?;
        *written += line.len() as u64;
        Ok(*written)
    }

    /// Adds a record and waits until it and all before it are on the disk.
    pub(super) fn append_durably(&self, record: &Record) -> Result<(), JournalError> {
        let until = self.append(record)?;
        let mut synced = lock(&self.synced);
        if *synced < until {
            let written = *lock(&self.written);
            self.file
                .sync_data()
                .map_err(JournalError::io("writing the journal to disk", &self.path))?;
            if *synced == 0 {
                // Or the disk would have what is in the file, and not that there is one.
                let folder = self.path.parent().unwrap_or(Path::new("."));
                File::open(folder)
                    .and_then(|folder| folder.sync_all())
                    .map_err(JournalError::io(
                        "writing the folder of journals to disk",
                        folder,
                    ))?;
            }
            *synced = written;
        }
        Ok(())
    }

    /// Lets others have the journal, also while somebody here still holds the file.
    pub(super) fn unlock(&self) {
        // What cannot be unlocked is unlocked when it is closed.
        _ = self.file.unlock();
    }

    /// Removes the file, while it is still locked.
    pub(super) fn remove(&self) -> Result<(), JournalError> {
        std::fs::remove_file(&self.path)
            .map_err(JournalError::io("removing the journal", &self.path))
    }
}

/// How long a lock is tried for that is held only by those who look. They hold it for as long as one call takes.
const LOOKS_PASS_WITHIN: Duration = Duration::from_secs(1);

/// Whether the file is locked now; `false`: another process works with it. Somebody who only looks whether anybody
/// does ([`is_held`]) is not in the way.
fn try_lock(file: &File, path: &Path) -> Result<bool, JournalError> {
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                return Err(JournalError::io("locking the journal", path)(error));
            }
        }
        if is_locked(file, path)? || began.elapsed() > LOOKS_PASS_WITHIN {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(fastrand::u64(1..=3)));
    }
}

/// Whether an operation holds the file. Leaves it unlocked.
fn is_locked(file: &File, path: &Path) -> Result<bool, JournalError> {
    match file.try_lock_shared() {
        Ok(()) => {
            // What cannot be unlocked is unlocked when it is closed.
            _ = file.unlock();
            Ok(false)
        }
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => {
            Err(JournalError::io("locking the journal", path)(error))
        }
    }
}

/// Whether a process works on the journal's cluster now.
pub(super) fn is_held(path: &Path) -> Result<bool, JournalError> {
    let file = File::open(path).map_err(JournalError::io("opening the journal", path))?;
    is_locked(&file, path)
}

fn is_at(file: &File, path: &Path) -> Result<bool, JournalError> {
    let failed = || JournalError::io("looking at the journal", path);
    let held = file.metadata().map_err(failed())?;
    match std::fs::metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (held.dev(), held.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed()(error)),
    }
}

fn read(mut file: &File, path: &Path) -> Result<Replay, JournalError> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(JournalError::io("reading the journal", path))?;
    replay(&bytes).map_err(|unreadable| match unreadable {
        Unreadable::Corrupt { line } => JournalError::Corrupt {
            path: path.to_owned(),
            line,
        },
        Unreadable::Newer { version } => JournalError::Newer {
            path: path.to_owned(),
            version,
            known: VERSION,
        },
    })
}

/// Who it is that holds the journal, as far as the journal says.
fn held_by_another(path: &Path) -> JournalError {
    let records = peek(path).unwrap_or_default();
    match running(&records).pop() {
        Some(other) => JournalError::Busy(Box::new(other), path.to_owned()),
        None => JournalError::Held(path.to_owned()),
    }
}

/// What a journal says that somebody may be writing.
pub(super) fn peek(path: &Path) -> Result<Vec<Record>, JournalError> {
    let file = File::open(path).map_err(JournalError::io("opening the journal", path))?;
    Ok(read(&file, path)?.records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OperationId;
    use crate::saga::journal::{Ending, Entry};

    #[test]
    fn a_full_disk_is_an_error_that_says_what_helps() {
        let path = PathBuf::from("/dev/full");
        let full = JournalFile {
            file: OpenOptions::new().append(true).open(&path).unwrap(),
            path,
            written: Mutex::new(0),
            synced: Mutex::new(0),
        };
        let record = Record::now(OperationId::new(), Entry::OperationEnded(Ending::Died));
        let error = full.append_durably(&record).unwrap_err();
        let JournalError::Io { source, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
        assert!(error.to_string().contains("free some space"), "{error}");
    }
}
