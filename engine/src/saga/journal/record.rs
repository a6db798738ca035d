//! What a journal consists of: records, each a line of JSON behind its checksum.
//!
//! A line is whole or it is not there: what a power failure leaves of the last ones is cut, and a damaged line
//! before a whole one is an error.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{ClusterId, ClusterName, OperationId};
use crate::operation::StepProgress;

/// The version of records that this program writes, and the newest that it reads.
pub(super) const VERSION: u32 = 1;

/// What an operation does to a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Makes it.
    Create,
    /// Changes it.
    Update,
    /// Deletes it.
    Delete,
    /// Adds one node beside its pool. Several changes of such nodes work at once.
    AddNode,
    /// Changes or removes one node beside its pool.
    Node,
}

impl OperationKind {
    /// Whether the two may work on one cluster at once: only changes of nodes beside its pool may.
    pub(super) fn works_beside(self, other: Self) -> bool {
        let is_of_node = |kind| matches!(kind, Self::AddNode | Self::Node);
        is_of_node(self) && is_of_node(other)
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::AddNode => "add of a node",
            Self::Node => "change of a node",
        })
    }
}

/// An operation at its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationBegun {
    /// What it does.
    pub kind: OperationKind,
    /// To which cluster.
    pub cluster: ClusterId,
    /// The cluster's name.
    pub name: ClusterName,
    /// Which platform the cluster is on: `docker`.
    pub platform: String,
    /// Where that platform is.
    pub location: String,
    /// After it no live process works on the operation.
    pub deadline: Timestamp,
    /// The machine whose process does it.
    pub host: String,
    /// That process.
    pub process: u32,
    /// The operation of a dead process that this one carries on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<OperationId>,
}

/// A step as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// What is done: `join_node`.
    pub kind: String,
    /// To what: a node, an image, a network.
    pub target: String,
    /// For people: `join demo-worker-1 as worker`.
    pub title: String,
}

/// Whether a step is done or undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It is done.
    Do,
    /// It is undone.
    Undo,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// With what was wanted.
    Succeeded,
    /// Otherwise.
    Failed {
        /// Why.
        error: String,
    },
    /// Its process died; noted by the next operation.
    Died,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// An operation began.
    OperationBegun(OperationBegun),
    /// So many more steps are going to be done: for who watches, because what comes later is not planned yet.
    StepsAhead {
        /// How many.
        steps: usize,
    },
    /// A step is about to be done or undone, or came to its end.
    Step {
        /// Whether it is done or undone.
        direction: Direction,
        /// The step.
        step: StepRecord,
        /// What happened to it.
        progress: StepProgress,
    },
    /// An operation ended.
    OperationEnded(Ending),
}

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When it happened.
    pub at: Timestamp,
    /// In which operation.
    pub operation: OperationId,
    /// What.
    pub entry: Entry,
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    #[serde(flatten)]
    record: &'a Record,
}

/// Read before the rest: only records of a known version have a known shape.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Record {
    /// A record of what happens now.
    pub fn now(operation: OperationId, entry: Entry) -> Self {
        Self {
            at: Timestamp::now(),
            operation,
            entry,
        }
    }

    /// The record's line, its end included.
    pub fn line(&self) -> Result<Vec<u8>, serde_json::Error> {
        let json = serde_json::to_string(&Written {
            version: VERSION,
            record: self,
        })?;
        Ok(format!("{} {json}\n", checksum(json.as_bytes())).into_bytes())
    }
}

/// As it stands before a line, always in the same letters.
fn checksum(json: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(json))
}

/// What the bytes of a journal say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Replay {
    /// Its records, oldest first.
    pub records: Vec<Record>,
    /// How many of the bytes they are; what follows was never written to its end.
    pub length: usize,
}

/// Why the bytes say nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// A line before a whole one is damaged.
    Corrupt {
        /// Which, from 1.
        line: usize,
    },
    /// A later version of this program has written them.
    Newer {
        /// The version of the records.
        version: u32,
    },
}

/// Reads a journal; what was torn off its end is left out.
pub(super) fn replay(bytes: &[u8]) -> Result<Replay, Unreadable> {
    let mut replay = Replay::default();
    let mut damaged = None;
    for (line, number) in bytes.split_inclusive(|byte| *byte == b'\n').zip(1..) {
        let Some(json) = whole(line) else {
            damaged.get_or_insert(number);
            continue;
        };
        if let Some(line) = damaged {
            return Err(Unreadable::Corrupt { line });
        }
        let corrupt = |_| Unreadable::Corrupt { line: number };
        let Versioned { version } = serde_json::from_slice(json).map_err(corrupt)?;
        if version > VERSION {
            return Err(Unreadable::Newer { version });
        }
        replay
            .records
            .push(serde_json::from_slice(json).map_err(corrupt)?);
        replay.length += line.len();
    }
    Ok(replay)
}

/// The JSON of a line that is as it was written.
fn whole(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_suffix(b"\n")?;
    let (sum, json) = line.split_at_checked(8)?;
    let json = json.strip_prefix(b" ")?;
    (sum == checksum(json).as_bytes()).then_some(json)
}

/// An operation that has begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The operation.
    pub operation: OperationId,
    /// When it began.
    pub started: Timestamp,
    /// What it is.
    pub begun: OperationBegun,
}

impl fmt::Display for Running {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OperationBegun {
            kind,
            name,
            deadline,
            host,
            process,
            ..
        } = &self.begun;
        write!(
            formatter,
            "operation {} ({kind} of cluster {name}) is at work: process {process} on {host} began it at {:.0} and \
             may go on until {deadline:.0}",
            self.operation, self.started
        )
    }
}

/// The operations that have not ended, oldest first.
pub(super) fn running(records: &[Record]) -> Vec<Running> {
    let mut running: Vec<Running> = Vec::new();
    for record in records {
        match &record.entry {
            Entry::OperationBegun(begun) => running.push(Running {
                operation: record.operation,
                started: record.at,
                begun: begun.clone(),
            }),
            Entry::OperationEnded(_) => running.retain(|one| one.operation != record.operation),
            Entry::StepsAhead { .. } | Entry::Step { .. } => {}
        }
    }
    running
}

/// How the operation ended, so far as is told.
fn ending(records: &[Record], operation: OperationId) -> Option<&Ending> {
    records.iter().find_map(|record| match &record.entry {
        Entry::OperationEnded(ending) if record.operation == operation => Some(ending),
        _ => None,
    })
}

fn begun(records: &[Record]) -> impl Iterator<Item = (OperationId, &OperationBegun)> {
    records.iter().filter_map(|record| match &record.entry {
        Entry::OperationBegun(begun) => Some((record.operation, begun)),
        _ => None,
    })
}

/// Whether the last operation that ended did what was wanted, none is under way, and none that died waits to be
/// carried on.
pub(super) fn is_settled(records: &[Record]) -> bool {
    let Some(last) = records.last() else {
        return false;
    };
    let succeeded = matches!(last.entry, Entry::OperationEnded(Ending::Succeeded));
    let is_of_node = begun(records).any(|(operation, begun)| {
        operation == last.operation && begun.kind.works_beside(OperationKind::AddNode)
    });
    succeeded
        && running(records).is_empty()
        // A change of the whole cluster settles what became of nodes beside its pool; that of one does not.
        && !(is_of_node && begun(records).any(|(of, begun)| is_unfinished(records, of, begun.kind, &[])))
}

/// Whether the operation, if its process is dead or it has ended, never told what it had made, and none has carried
/// it on. `living` are those of which it is known that they are at work now.
pub(super) fn is_unfinished(
    records: &[Record],
    operation: OperationId,
    kind: OperationKind,
    living: &[OperationId],
) -> bool {
    let is_of_kind = begun(records).any(|(of, begun)| of == operation && begun.kind == kind);
    let told = match ending(records, operation) {
        None => false,
        // Of an add that failed nobody is told but that it did: what it could not take back nobody has.
        Some(Ending::Failed { .. }) => kind != OperationKind::AddNode,
        Some(Ending::Succeeded) => true,
        // It was noted by whoever worked on the cluster next: on the whole of it, or on another node.
        Some(Ending::Died) if kind == OperationKind::AddNode => false,
        // By somebody who has the cluster, and not by one who only carried on.
        Some(Ending::Died) => begun(records)
            .skip_while(|(of, _)| *of != operation)
            .skip(1)
            .any(|(_, next)| next.instead_of.is_none()),
    };
    let carried_on = begun(records).any(|(by, begun)| {
        begun.instead_of == Some(operation)
            && match ending(records, by) {
                Some(Ending::Succeeded) => true,
                Some(Ending::Failed { .. } | Ending::Died) => false,
                None => living.contains(&by),
            }
    });
    is_of_kind && !told && !carried_on
}
