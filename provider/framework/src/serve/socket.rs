//! The socket that Terraform connects to, in a folder that only its owner may enter.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use tokio::net::UnixListener;

use super::error::ServeError;

/// A listening socket. Dropping it removes the socket and its folder.
#[derive(Debug)]
pub(super) struct Socket {
    // Held for its drop: it is the folder that is removed.
    _folder: TempDir,
    path: PathBuf,
}

impl Socket {
    /// Listens on a new socket in a new folder inside `parent`, or where the system keeps temporary files.
    pub(super) fn bind(parent: Option<&Path>) -> Result<(Self, UnixListener), ServeError> {
        let parent = parent.map_or_else(env::temp_dir, Path::to_path_buf);
        // Private from its first moment: a folder that is closed later has been open before.
        let folder = tempfile::Builder::new()
            .prefix("plugin")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(&parent)
            .map_err(|source| ServeError::Folder { parent, source })?;
        let path = folder.path().join("socket");
        match UnixListener::bind(&path) {
            Ok(listener) => Ok((
                Self {
                    _folder: folder,
                    path,
                },
                listener,
            )),
            Err(source) => Err(ServeError::Listen { path, source }),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
