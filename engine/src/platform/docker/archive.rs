//! Files for a container, as the tar archive that the engine takes.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::pin::pin;

use bollard::body_try_stream;
use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use zeroize::Zeroizing;

use super::Docker;
use super::connection::is_absent;
use crate::model::Secret;
use crate::platform::{PlatformError, Retry};
use crate::transport::NodeFile;

/// What is read of a node are its small files: keys and certificates.
const LARGEST_READ_BYTES: usize = 1024 * 1024;

/// Where a file of the archive goes, and what is in it.
struct Entry<'a> {
    /// Without the leading slash.
    path: String,
    mode: u32,
    content: &'a [u8],
}

impl Docker {
    /// Puts files into a container, running or not. A file is complete when the call is done, and may
    /// be missing while it runs: the engine removes the old one first.
    pub(super) async fn upload(
        &self,
        container: &str,
        files: &[NodeFile],
        suffix: &str,
    ) -> Result<(), PlatformError> {
        if files.is_empty() {
            return Ok(());
        }
        let what = || format!("put files into container {container}");
        let archive = archive(files, suffix).map_err(|error| PlatformError::Refused {
            what: what(),
            reason: error.to_string(),
            help: None,
            retry: Retry::Never,
        })?;
        let options = UploadToContainerOptionsBuilder::new().path("/").build();
        // A stream, because the API client writes other bodies into its trace log.
        let body = body_try_stream(stream::once(async { Ok(Bytes::from_owner(archive)) }));
        let uploaded = self
            .client()
            .await?
            .upload_to_container(container, Some(options), body)
            .await;
        uploaded.map_err(|error| self.failure(what(), error))
    }
}

impl Docker {
    /// What is in a file of a container, running or not; `None`: there is no such file.
    pub(super) async fn download(
        &self,
        container: &str,
        path: &str,
    ) -> Result<Option<Secret<Vec<u8>>>, PlatformError> {
        let what = || format!("read {path} in container {container}");
        let options = DownloadFromContainerOptionsBuilder::new()
            .path(path)
            .build();
        let client = self.client().await?;
        let mut pieces = pin!(client.download_from_container(container, Some(options)));
        // Large enough from the start: what growing leaves behind would not be wiped.
        let mut archive = Zeroizing::new(Vec::with_capacity(LARGEST_READ_BYTES));
        while let Some(piece) = pieces.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) if is_absent(&error) => return Ok(None),
                Err(error) => return Err(self.failure(what(), error)),
            };
            if archive.len() + piece.len() > LARGEST_READ_BYTES {
                return Err(unusable(what(), "it is larger than a file of a node is"));
            }
            archive.extend_from_slice(&piece);
        }
        content(&archive).map_err(|error| unusable(what(), &error.to_string()))
    }
}

fn unusable(what: String, reason: &str) -> PlatformError {
    PlatformError::Refused {
        what,
        reason: reason.to_owned(),
        help: None,
        retry: Retry::Never,
    }
}

/// What is in the first file of an archive.
fn content(archive: &[u8]) -> io::Result<Option<Secret<Vec<u8>>>> {
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            let mut content = Vec::with_capacity(archive.len());
            entry.read_to_end(&mut content)?;
            return Ok(Some(Secret::new(content)));
        }
    }
    Ok(None)
}

fn archive(files: &[NodeFile], suffix: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut folders: BTreeMap<&str, u32> = BTreeMap::new();
    let mut entries = Vec::with_capacity(files.len());
    for file in files {
        let path = file.path.trim_start_matches('/');
        if let Some((folder, _)) = path.rsplit_once('/') {
            let mode = folders.entry(folder).or_insert(0o700);
            if file.mode & 0o077 != 0 {
                *mode = 0o755;
            }
        }
        let content = file.content.expose().as_slice();
        entries.push(Entry {
            path: format!("{path}{suffix}"),
            mode: file.mode,
            content,
        });
    }
    // Large enough from the start: what growing leaves behind would not be wiped.
    let size = entries
        .iter()
        .map(|entry| entry.content.len() + 2048)
        .sum::<usize>();
    let mut builder = tar::Builder::new(Vec::with_capacity(size + 16384));
    for (folder, mode) in folders {
        // What lies at the top belongs to the image.
        if folder.contains('/') {
            append(
                &mut builder,
                tar::EntryType::Directory,
                &format!("{folder}/"),
                mode,
                &[],
            )?;
        }
    }
    for entry in entries {
        append(
            &mut builder,
            tar::EntryType::Regular,
            &entry.path,
            entry.mode,
            entry.content,
        )?;
    }
    builder.into_inner().map(Zeroizing::new)
}

fn append<W: io::Write>(
    builder: &mut tar::Builder<W>,
    kind: tar::EntryType,
    path: &str,
    mode: u32,
    content: &[u8],
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    builder.append_data(&mut header, path, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, mode: u32) -> NodeFile {
        NodeFile {
            path: path.to_owned(),
            mode,
            content: Secret::new(b"content".to_vec()),
        }
    }

    #[test]
    fn what_is_put_into_an_archive_is_read_back() {
        let archive = archive(&[file("/etc/engine/key.pem", 0o600)], "").unwrap();
        let content = content(&archive).unwrap().unwrap();
        assert_eq!(content.expose(), b"content");
    }

    #[test]
    fn folders_are_as_open_as_the_most_open_file_in_them() {
        let files = [
            file("/etc/engine/daemon.json", 0o644),
            file("/etc/engine/keys/key.pem", 0o600),
            file("/top", 0o600),
        ];
        let archive = archive(&files, "").unwrap();
        let mut reader = tar::Archive::new(archive.as_slice());
        let entries: Vec<(String, u32)> = reader
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let path = entry.path().unwrap().display().to_string();
                (path, entry.header().mode().unwrap())
            })
            .collect();
        let expected = [
            ("etc/engine/", 0o755),
            ("etc/engine/keys/", 0o700),
            ("etc/engine/daemon.json", 0o644),
            ("etc/engine/keys/key.pem", 0o600),
            ("top", 0o600),
        ];
        assert_eq!(
            entries,
            expected.map(|(path, mode)| (path.to_owned(), mode))
        );
    }
}
