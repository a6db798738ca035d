//! What a pretended node of a rehearsed cluster keeps, and where.

use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::coe::CoeError;
use crate::model::{ClusterSpec, ImageName, NodeName, Secret};
use crate::transport::{Command, Exec, NodeFile, Stdin};

use super::ledger::{Extent, Page};

/// On the machine and in none of its volumes: a machine that is made again carries its new version.
const VERSION: &str = "/run/rehearsal/version.json";

/// What a machine runs whose image does not tell.
pub(super) const UNTOLD_VERSION: &str = "0.0.0";

/// What a node says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Statement {
    /// It is that member. Kept with its data: without it the node is nobody.
    Member { node: NodeName, id: Uuid },
    /// It runs that version.
    Version { node: NodeName, version: String },
}

/// A node as it is reached from another: by its address, or from itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Own,
    Peer(IpAddr),
}

impl Way {
    fn path(self, path: &str) -> String {
        match self {
            Self::Own => path.to_owned(),
            Self::Peer(address) => format!("/net/{address}{path}"),
        }
    }
}

/// Where nodes of a role keep the cluster's data.
#[derive(Debug, Clone)]
pub(super) struct DataFolder(pub(super) String);

impl DataFolder {
    fn ledger(&self, way: Way) -> String {
        way.path(&format!("{}/ledger", self.0))
    }

    fn identity(&self) -> String {
        format!("{}/identity.json", self.0)
    }

    pub(super) fn ca_certificate(&self) -> String {
        format!("{}/ca.pem", self.0)
    }

    pub(super) fn ca_key(&self) -> String {
        format!("{}/ca-key.pem", self.0)
    }

    /// Where a node's statements about itself are.
    pub(super) fn statements(&self, way: Way) -> [String; 2] {
        [way.path(&self.identity()), way.path(VERSION)]
    }

    pub(super) fn identity_file(&self, node: &NodeName, id: Uuid) -> Result<NodeFile, CoeError> {
        json_file(
            node,
            self.identity(),
            &Statement::Member {
                node: node.clone(),
                id,
            },
        )
    }

    pub(super) fn page_file(
        &self,
        node: &NodeName,
        way: Way,
        page: &Page,
    ) -> Result<NodeFile, CoeError> {
        json_file(
            node,
            format!("{}/{}.json", self.ledger(way), page.key),
            page,
        )
    }

    /// The pages of `extent` in the copies of the nodes that answer.
    pub(super) async fn read_pages(
        &self,
        exec: &dyn Exec,
        ways: &[Way],
        extent: &Extent,
    ) -> Result<Vec<Page>, CoeError> {
        let below = extent.folders();
        let of_way = |way: &Way| {
            let ledger = self.ledger(*way);
            below.iter().map(move |folder| format!("{ledger}/{folder}"))
        };
        let folders = ways.iter().flat_map(of_way).collect();
        let found = output(exec, "find", folders).await?;
        let paths: Vec<String> = String::from_utf8_lossy(&found)
            .lines()
            .map(ToOwned::to_owned)
            .collect();
        read_all(exec, paths).await
    }
}

/// The file by which a machine knows its version.
pub(super) fn version_file(node: &NodeName, version: String) -> Result<NodeFile, CoeError> {
    json_file(
        node,
        VERSION.to_owned(),
        &Statement::Version {
            node: node.clone(),
            version,
        },
    )
}

/// The version of the request, or else the one that the image's tag begins with.
pub(super) fn version(spec: &ClusterSpec, default_image: &ImageName) -> String {
    let of_tag = || {
        let (_, tag) = spec
            .image
            .as_ref()
            .unwrap_or(default_image)
            .0
            .rsplit_once(':')?;
        let version = tag.split('-').next()?.trim_start_matches('v');
        version
            .starts_with(|first: char| first.is_ascii_digit())
            .then(|| version.to_owned())
    };
    spec.version
        .clone()
        .or_else(of_tag)
        .unwrap_or_else(|| UNTOLD_VERSION.to_owned())
}

/// What the JSON files say, those left out that are not there.
pub(super) async fn read_all<T: DeserializeOwned>(
    exec: &dyn Exec,
    paths: Vec<String>,
) -> Result<Vec<T>, CoeError> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let content = output(exec, "cat", paths).await?;
    serde_json::Deserializer::from_slice(&content)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| {
            refused(
                "reading the cluster's files",
                exec.node(),
                error.to_string(),
            )
        })
}

/// The text of a file that has to be there.
pub(super) async fn read_text(exec: &dyn Exec, path: String) -> Result<String, CoeError> {
    let content = output(exec, "cat", vec![path.clone()]).await?;
    match String::from_utf8(content) {
        Ok(text) if !text.is_empty() => Ok(text),
        _ => Err(refused(
            "reading the cluster's CA",
            exec.node(),
            format!("{path} is not there"),
        )),
    }
}

/// What the command writes. Its status says whether all paths were there, which nobody asks here.
async fn output(exec: &dyn Exec, program: &str, paths: Vec<String>) -> Result<Vec<u8>, CoeError> {
    let mut argv = vec![program.to_owned()];
    argv.extend(paths);
    Ok(exec
        .run(Command {
            argv,
            stdin: Stdin::Empty,
        })
        .await?
        .stdout)
}

fn json_file<T: Serialize>(node: &NodeName, path: String, value: &T) -> Result<NodeFile, CoeError> {
    let content = serde_json::to_vec(value)
        .map_err(|error| refused(&format!("writing {path}"), node, error.to_string()))?;
    Ok(NodeFile {
        path,
        mode: 0o644,
        content: Secret::new(content),
    })
}

pub(super) fn refused(what: &str, node: &NodeName, reason: impl Into<String>) -> CoeError {
    CoeError::Refused {
        what: what.to_owned(),
        node: node.clone(),
        reason: reason.into(),
    }
}
