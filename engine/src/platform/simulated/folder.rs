//! The folder that a simulated platform is kept in: where each object is, and how it is read and
//! written.
//!
//! Readers take no lock: every file is replaced as a whole, by a rename. Writers hold the advisory lock
//! of the file `lock` from before they look until after they have written, so that two of them, in one
//! process or in several, never decide on the same facts.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::{ClusterId, ClusterName};
use crate::platform::{PlatformError, Retry};

use super::NAME;

/// Objects that have a folder each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Balancer,
    Machine,
    Network,
    Volume,
}

impl Kind {
    /// As in an error, and in the name of an object's file and of its cluster's pointer to it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Balancer => "balancer",
            Self::Machine => "machine",
            Self::Network => "network",
            Self::Volume => "volume",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Balancer => "balancers",
            Self::Machine => "machines",
            Self::Network => "networks",
            Self::Volume => "volumes",
        }
    }
}

/// The folder, for reading.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: PathBuf,
}

#[allow(
    clippy::unused_self,
    reason = "a file is read through the folder that it belongs to"
)]
impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where all objects of a kind are.
    pub(super) fn all(&self, kind: Kind) -> PathBuf {
        self.root.join(kind.folder())
    }

    /// Where an object and everything in it is.
    pub(super) fn object(&self, kind: Kind, name: &str) -> PathBuf {
        self.all(kind).join(file_name(name))
    }

    /// The file that says what the object is.
    pub(super) fn object_file(&self, kind: Kind, name: &str) -> PathBuf {
        self.object(kind, name)
            .join(format!("{}.json", kind.as_str()))
    }

    /// Whether there is a machine or a balancer of that name, which may hold addresses and ports.
    pub(super) fn holds(&self, name: &str) -> bool {
        let mut kinds = [Kind::Machine, Kind::Balancer].into_iter();
        kinds.any(|kind| self.object_file(kind, name).exists())
    }

    pub(super) fn clusters(&self) -> PathBuf {
        self.root.join("clusters")
    }

    /// What finds the objects of a cluster without a look at anybody else's.
    pub(super) fn cluster(&self, cluster: ClusterId) -> PathBuf {
        self.clusters().join(cluster.to_string())
    }

    pub(super) fn record_file(&self, cluster: ClusterId) -> PathBuf {
        self.cluster(cluster).join("record.json")
    }

    pub(super) fn claim_file(&self, cluster: ClusterId) -> PathBuf {
        self.cluster(cluster).join("claim.json")
    }

    pub(super) fn cluster_name_file(&self, cluster: ClusterId) -> PathBuf {
        self.cluster(cluster).join("name")
    }

    /// An empty file in the cluster's folder that points to an object.
    pub(super) fn pointer(&self, cluster: ClusterId, kind: Kind, name: &str) -> PathBuf {
        self.cluster(cluster)
            .join(format!("{}.{}", kind.as_str(), file_name(name)))
    }

    /// Holds an empty file for each cluster of that name, called by its id.
    pub(super) fn clusters_of_name(&self, name: &ClusterName) -> PathBuf {
        self.root.join("names").join(file_name(name.as_str()))
    }

    /// The machine that holds an address of a network.
    pub(super) fn address_file(&self, network: &str, address: std::net::IpAddr) -> PathBuf {
        self.addresses(network).join(address.to_string())
    }

    pub(super) fn addresses(&self, network: &str) -> PathBuf {
        self.object(Kind::Network, network).join("addresses")
    }

    /// The machine that holds a port of the pretended host.
    pub(super) fn port_file(&self, protocol: &str, port: u16) -> PathBuf {
        self.root.join("ports").join(format!("{protocol}-{port}"))
    }

    /// The id of an image where it is not the one that is made up for it.
    pub(super) fn image_file(&self, image: &str) -> PathBuf {
        self.root.join("images").join(file_name(image))
    }

    /// What is in a file; `None`: there is no such file.
    pub(super) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, PlatformError> {
        match fs::read(path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(broken("reading", path, error)),
        }
    }

    /// The text of a file without the white space around it.
    pub(super) fn read_text(&self, path: &Path) -> Result<Option<String>, PlatformError> {
        let content = self.read(path)?;
        Ok(content.map(|content| String::from_utf8_lossy(&content).trim().to_owned()))
    }

    /// What a JSON file says; `None`: there is no such file.
    pub(super) fn read_json<T: DeserializeOwned>(
        &self,
        path: &Path,
    ) -> Result<Option<T>, PlatformError> {
        let Some(content) = self.read(path)? else {
            return Ok(None);
        };
        serde_json::from_slice(&content)
            .map(Some)
            .map_err(|error| PlatformError::Refused {
                what: format!("reading {}", path.display()),
                reason: error.to_string(),
                help: Some("Mend the file, or delete it: the object is then gone.".to_owned()),
                retry: Retry::Never,
            })
    }

    /// The names in a folder, sorted; none where there is no such folder.
    pub(super) fn names_in(&self, path: &Path) -> Result<Vec<String>, PlatformError> {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(broken("listing", path, error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| broken("listing", path, error))?;
            if let Ok(name) = entry.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Waits for the right to write. Blocks: not for an async task.
    pub(super) fn lock(&self) -> Result<LockedFolder<'_>, PlatformError> {
        let path = self.root.join("lock");
        fs::create_dir_all(&self.root).map_err(|error| broken("making", &self.root, error))?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| broken("opening", &path, error))?;
        file.lock()
            .map_err(|error| broken("locking", &path, error))?;
        Ok(LockedFolder {
            folder: self,
            _lock: file,
        })
    }
}

/// The folder, for reading and writing. Nobody else writes while it lives.
pub(super) struct LockedFolder<'a> {
    folder: &'a Folder,
    _lock: File,
}

impl Deref for LockedFolder<'_> {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        self.folder
    }
}

#[allow(clippy::unused_self, reason = "only the holder of the lock may write")]
impl LockedFolder<'_> {
    /// Puts a file in place, in place of the one before, with the folders above it.
    pub(super) fn write(
        &self,
        path: &Path,
        mode: u32,
        content: &[u8],
    ) -> Result<(), PlatformError> {
        // One name is enough for all half-written files: only the holder of the lock writes one, and
        // what a killed process left is replaced by the next.
        let half_written = self.root().join("half-written");
        self.write_aside(&half_written, mode, content)
            .map_err(|error| broken("writing", &half_written, error))?;
        let into = path.parent().unwrap_or(self.root());
        fs::create_dir_all(into).map_err(|error| broken("making", into, error))?;
        fs::rename(&half_written, path).map_err(|error| broken("writing", path, error))
    }

    fn write_aside(&self, path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
        // A file that is there already would keep its own mode, which may be wider.
        if let Err(error) = fs::remove_file(path)
            && !is_absent(&error)
        {
            return Err(error);
        }
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(mode)
            .open(path)?;
        file.write_all(content)?;
        file.sync_all()
    }

    /// Puts a JSON file in place.
    pub(super) fn write_json<T: Serialize>(
        &self,
        path: &Path,
        value: &T,
    ) -> Result<(), PlatformError> {
        let content = serde_json::to_vec_pretty(value)
            .map_err(|error| broken("writing", path, io::Error::other(error)))?;
        self.write(path, 0o644, &content)
    }

    /// Removes a file; one that is not there is removed already.
    pub(super) fn remove_file(&self, path: &Path) -> Result<(), PlatformError> {
        ignore_absent(fs::remove_file(path)).map_err(|error| broken("removing", path, error))
    }

    /// Removes an object: the file that says what it is first, so that no reader sees half of it.
    pub(super) fn remove_object(&self, kind: Kind, name: &str) -> Result<(), PlatformError> {
        self.remove_file(&self.object_file(kind, name))?;
        self.remove_folder(&self.object(kind, name))
    }

    /// Removes a folder and what is in it.
    pub(super) fn remove_folder(&self, path: &Path) -> Result<(), PlatformError> {
        ignore_absent(fs::remove_dir_all(path)).map_err(|error| broken("removing", path, error))
    }
}

fn is_absent(error: &io::Error) -> bool {
    // A path below something that is a file is as absent as one below nothing.
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn ignore_absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if is_absent(&error) => Ok(()),
        other => other,
    }
}

fn broken(doing: &str, path: &Path, source: io::Error) -> PlatformError {
    PlatformError::Unreachable {
        what: format!("{doing} a file of the platform's folder"),
        platform: NAME,
        address: path.display().to_string(),
        source: Box::new(source),
    }
}

/// A name as a file's name: one component of a path, whatever the name.
fn file_name(name: &str) -> String {
    let escaped = name.replace('%', "%25").replace('/', "%2F");
    match escaped.strip_prefix('.') {
        Some(rest) => format!("%2E{rest}"),
        None => escaped,
    }
}
