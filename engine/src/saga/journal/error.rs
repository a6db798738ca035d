//! What can be wrong with a journal, and what helps.

use std::io;
use std::path::PathBuf;

use super::record::Running;

/// Why an operation cannot be remembered, or must not begin.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A living process of this machine works on the cluster.
    #[error(
        "{0}. Wait until it ends, or end that process, and try again (its journal is {path})",
        path = .1.display()
    )]
    Busy(Box<Running>, PathBuf),
    /// A living process holds the journal and has not written yet who it is.
    #[error(
        "another process has just begun to work on this cluster and holds its journal {}; try again when it is done",
        .0.display()
    )]
    Held(PathBuf),
    /// A record that is not the last one is damaged.
    #[error(
        "line {line} of the journal {} is damaged, so that it cannot tell what was done to the cluster. Nothing was \
         changed. Compare what is on the platform with what should be there, move the file away, and try again",
        path.display()
    )]
    Corrupt {
        /// The journal.
        path: PathBuf,
        /// The damaged line, from 1.
        line: usize,
    },
    /// A later version of this program has written it.
    #[error(
        "the journal {} has records of version {version}, and this program reads up to version {known}. Nothing was \
         changed. Use the later version of this program that wrote them",
        path.display()
    )]
    Newer {
        /// The journal.
        path: PathBuf,
        /// The version of its records.
        version: u32,
        /// The newest version that is known here.
        known: u32,
    },
    /// A file or folder could not be used.
    #[error("{doing} {} was not possible; {}", path.display(), help(source))]
    Io {
        /// What was tried: `writing the journal`.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What came back.
        #[source]
        source: io::Error,
    },
}

impl JournalError {
    pub(super) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }
}

/// What helps against an error of the file system.
fn help(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space there, or set `journal_dir` to a folder with room"
        }
        io::ErrorKind::PermissionDenied => {
            "it belongs to somebody else or is protected: make it yours, or set `journal_dir` to a folder of yours"
        }
        io::ErrorKind::ReadOnlyFilesystem => "set `journal_dir` to a folder that can be written to",
        io::ErrorKind::Unsupported => {
            "its file system has no locks: set `journal_dir` to a folder on a local disk"
        }
        _ => "look after it, or set `journal_dir` to another folder",
    }
}
