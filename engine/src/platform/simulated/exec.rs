//! Pretended machines: they keep files, give them back, and reach one another.
//!
//! | command | does |
//! |---|---|
//! | `cat <path>…` | writes what is in the files, one after the other; 1 where one could not be read |
//! | `cat` | writes what it reads |
//! | `find <folder>…` | writes the paths of the files below, a line each; 1 where there is no such folder |
//!
//! Any other ends with 127, as a shell says that a command is not found. A path
//! `/net/<address>/<path>` is `/<path>` on the machine that has this address in the same network and
//! runs; nothing is there while it does not run.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt;

use crate::model::{ClusterId, MachineState, NodeName, Secret};
use crate::platform::{PlatformError, Retry};
use crate::transport::{Command, Duplex, Exec, ExecError, NodeFile, Output, Stdin};

use super::folder::{Folder, Kind};
use super::machine::{self, MachineFile};
use super::settings::Call;
use super::{Inner, network};

pub(super) struct SimulatedExec {
    pub(super) platform: Arc<Inner>,
    pub(super) cluster: ClusterId,
    pub(super) node: NodeName,
}

impl SimulatedExec {
    fn failed(&self, command: String) -> impl FnOnce(PlatformError) -> ExecError {
        let node = self.node.clone();
        |error| ExecError::Channel {
            node,
            command,
            retry: error.retry(),
            source: Box::new(error),
        }
    }
}

#[async_trait]
impl Exec for SimulatedExec {
    fn node(&self) -> &NodeName {
        &self.node
    }

    async fn run(&self, command: Command) -> Result<Output, ExecError> {
        let Command { argv, stdin } = command;
        let text = argv.join(" ");
        let input = match stdin {
            Stdin::Empty => Vec::new(),
            Stdin::Bytes(bytes) => bytes.expose().clone(),
            Stdin::Stream(stream) => stream
                .try_fold(Vec::new(), |mut all, chunk| async move {
                    all.extend_from_slice(&chunk);
                    Ok(all)
                })
                .await
                .map_err(|error| ExecError::Channel {
                    node: self.node.clone(),
                    command: text.clone(),
                    retry: Retry::Never,
                    source: Box::new(error),
                })?,
        };
        let (cluster, node) = (self.cluster, self.node.clone());
        self.platform
            .read(Call::Run, move |folder| {
                let ways = Ways::of(running(folder, cluster, &node)?);
                run(folder, ways, &argv, input)
            })
            .await
            .map_err(self.failed(text))
    }

    async fn open(&self, command: Command) -> Result<Box<dyn Duplex>, ExecError> {
        Err(ExecError::Channel {
            node: self.node.clone(),
            command: command.argv.join(" "),
            source: "the machine is pretended: it runs nothing that could be spoken to".into(),
            retry: Retry::Never,
        })
    }

    async fn read_file(&self, path: &str) -> Result<Option<Secret<Vec<u8>>>, ExecError> {
        let (cluster, node, inner) = (self.cluster, self.node.clone(), path.to_owned());
        let read = self.platform.read(Call::Run, move |folder| {
            let machine = there(folder, cluster, &node)?;
            match machine.locate(folder, &inner) {
                Some(place) => folder.read(&place),
                None => Ok(None),
            }
        });
        let read = read.await.map_err(self.failed(format!("read {path}")));
        Ok(read?.map(Secret::new))
    }

    async fn put_files(&self, files: &[NodeFile]) -> Result<(), ExecError> {
        let (cluster, node, files) = (self.cluster, self.node.clone(), files.to_vec());
        self.platform
            .write(Call::PutFiles, move |folder| {
                let mut ways = Ways::of(running(folder, cluster, &node)?);
                for file in &files {
                    let Some((machine, path)) = ways.follow(folder, &file.path)? else {
                        return Err(no_answer(&file.path));
                    };
                    let file = NodeFile {
                        path,
                        ..file.clone()
                    };
                    machine::put_files(folder, machine, std::slice::from_ref(&file))?;
                }
                Ok(())
            })
            .await
            .map_err(self.failed("put files".to_owned()))
    }
}

fn running(
    folder: &Folder,
    cluster: ClusterId,
    node: &NodeName,
) -> Result<MachineFile, PlatformError> {
    let machine = there(folder, cluster, node)?;
    if machine.state == MachineState::Running {
        Ok(machine)
    } else {
        Err(unreachable(node, "it does not run"))
    }
}

fn there(
    folder: &Folder,
    cluster: ClusterId,
    node: &NodeName,
) -> Result<MachineFile, PlatformError> {
    machine::find(folder, node.as_str(), cluster)?
        .ok_or_else(|| unreachable(node, "there is no such machine"))
}

fn unreachable(node: &NodeName, reason: &str) -> PlatformError {
    PlatformError::Refused {
        what: format!("reaching machine {node}"),
        reason: reason.to_owned(),
        help: None,
        retry: Retry::Never,
    }
}

/// Where the paths of one command lead: to the machine that it runs on, or by `/net/<address>` to another one.
struct Ways {
    here: MachineFile,
    /// Those that were asked for; `None`: none answers there.
    peers: HashMap<IpAddr, Option<MachineFile>>,
}

impl Ways {
    fn of(here: MachineFile) -> Self {
        Self {
            here,
            peers: HashMap::new(),
        }
    }

    /// The machine that a path leads to, and the path there; `None`: no machine answers.
    fn follow(
        &mut self,
        folder: &Folder,
        path: &str,
    ) -> Result<Option<(&MachineFile, String)>, PlatformError> {
        let Some(remote) = path.strip_prefix("/net/") else {
            return Ok(Some((&self.here, path.to_owned())));
        };
        let (address, path) = remote.split_once('/').unwrap_or((remote, ""));
        let Ok(address) = address.parse() else {
            return Ok(None);
        };
        if !self.peers.contains_key(&address) {
            let peer = peer(folder, &self.here.network, address)?;
            self.peers.insert(address, peer);
        }
        let peer = self.peers.get(&address).and_then(Option::as_ref);
        Ok(peer.map(|peer| (peer, format!("/{path}"))))
    }
}

/// The machine of that address, if it runs.
fn peer(
    folder: &Folder,
    network: &str,
    address: IpAddr,
) -> Result<Option<MachineFile>, PlatformError> {
    let Some(name) = network::holder_of_address(folder, network, address)? else {
        return Ok(None);
    };
    let Some(content) = folder.read(&folder.object_file(Kind::Machine, &name))? else {
        return Ok(None);
    };
    let found = serde_json::from_slice::<MachineFile>(&content).ok();
    Ok(found.filter(|peer| {
        peer.state == MachineState::Running && peer.address == address && peer.network == network
    }))
}

fn no_answer(path: &str) -> PlatformError {
    PlatformError::Refused {
        what: format!("putting {path}"),
        reason: "no machine answers at that address".to_owned(),
        help: None,
        retry: Retry::Never,
    }
}

fn run(
    folder: &Folder,
    mut ways: Ways,
    argv: &[String],
    input: Vec<u8>,
) -> Result<Output, PlatformError> {
    let (program, paths) = match argv.split_first() {
        Some((program, paths)) => (program.as_str(), paths),
        None => ("", argv),
    };
    let mut output = Output {
        status: 0,
        stdout: Vec::new(),
        stderr: Vec::new(),
    };
    match program {
        "cat" if paths.is_empty() => output.stdout = input,
        "cat" | "find" => {
            for path in paths {
                let reached = ways.follow(folder, path)?;
                let place = reached.and_then(|(machine, inner)| machine.locate(folder, &inner));
                let found = match (&place, program) {
                    (None, _) => None,
                    (Some(place), "cat") => folder.read(place)?,
                    (Some(place), _) => files_below(folder, place, path)?,
                };
                if let Some(found) = found {
                    output.stdout.extend(found);
                } else {
                    output.status = 1;
                    output
                        .stderr
                        .extend(format!("{program}: {path}: no such file\n").bytes());
                }
            }
        }
        other => {
            output.status = 127;
            output.stderr =
                format!("{other}: a pretended machine does not run this\n").into_bytes();
        }
    }
    Ok(output)
}

fn files_below(
    folder: &Folder,
    place: &Path,
    shown: &str,
) -> Result<Option<Vec<u8>>, PlatformError> {
    if !place.is_dir() {
        return Ok(None);
    }
    let mut lines = Vec::new();
    let mut folders = vec![(place.to_owned(), shown.trim_end_matches('/').to_owned())];
    while let Some((place, shown)) = folders.pop() {
        for name in folder.names_in(&place)? {
            let (place, shown) = (place.join(&name), format!("{shown}/{name}"));
            if place.is_dir() {
                folders.push((place, shown));
            } else {
                lines.extend(format!("{shown}\n").into_bytes());
            }
        }
    }
    Ok(Some(lines))
}
