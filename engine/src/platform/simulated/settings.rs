//! What a user says of a simulated platform: where it is kept, how slow and how large it is, and what
//! goes wrong on it.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// A simulated platform.
#[derive(Debug, Clone)]
pub struct SimulatedSettings {
    /// The folder that it is kept in. Made by the first write; a folder that is not there is an empty
    /// platform.
    pub dir: PathBuf,
    /// How long each call takes before it has its effect.
    pub latency: Duration,
    /// How much it holds.
    pub quota: Quota,
    /// What goes wrong.
    pub faults: Vec<Fault>,
}

impl SimulatedSettings {
    /// A platform in that folder which answers at once, holds anything and never fails.
    pub fn in_folder(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            latency: Duration::ZERO,
            quota: Quota::default(),
            faults: Vec::new(),
        }
    }
}

/// How much a platform holds; `None`: any amount.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Quota {
    /// Machines in all, whoever they belong to.
    pub machines: Option<u32>,
    /// Networks in all, whoever they belong to.
    pub networks: Option<u32>,
    /// CPUs of one machine.
    pub cpus: Option<u32>,
    /// Memory of one machine, GiB.
    pub memory: Option<u32>,
}

/// Something that goes wrong, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// In which call.
    pub call: Call,
    /// In which one of them, from 1. Counted by each [`Simulated`](super::Simulated) for itself, so
    /// that what an earlier process did never moves a fault.
    pub nth: NonZeroU32,
    /// How.
    pub kind: FaultKind,
}

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// It fails and has no effect.
    FailBefore,
    /// It has its effect and fails: the answer was lost.
    FailAfter,
    /// It has no effect and never answers.
    Hang,
}

/// A call to the platform, or to one of its machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Call {
    /// [`Platform::observe`](crate::platform::Platform::observe).
    Observe,
    /// [`Platform::check`](crate::platform::Platform::check).
    Check,
    /// [`Platform::ensure_image`](crate::platform::Platform::ensure_image).
    EnsureImage,
    /// [`Platform::image_ids`](crate::platform::Platform::image_ids).
    ImageIds,
    /// [`Platform::export_image`](crate::platform::Platform::export_image).
    ExportImage,
    /// [`Platform::ensure_network`](crate::platform::Platform::ensure_network).
    EnsureNetwork,
    /// [`Platform::ensure_machine`](crate::platform::Platform::ensure_machine).
    EnsureMachine,
    /// [`Balances::ensure_balancer`](crate::platform::Balances::ensure_balancer).
    EnsureBalancer,
    /// [`Platform::start_machine`](crate::platform::Platform::start_machine).
    StartMachine,
    /// [`Platform::stop_machine`](crate::platform::Platform::stop_machine).
    StopMachine,
    /// [`Platform::delete_machine`](crate::platform::Platform::delete_machine).
    DeleteMachine,
    /// [`Balances::delete_balancer`](crate::platform::Balances::delete_balancer).
    DeleteBalancer,
    /// [`Platform::delete_volumes`](crate::platform::Platform::delete_volumes).
    DeleteVolumes,
    /// [`Platform::delete_network`](crate::platform::Platform::delete_network).
    DeleteNetwork,
    /// [`Platform::put_record`](crate::platform::Platform::put_record).
    PutRecord,
    /// [`Platform::claim`](crate::platform::Platform::claim).
    Claim,
    /// [`Platform::release`](crate::platform::Platform::release).
    Release,
    /// [`Platform::delete_record`](crate::platform::Platform::delete_record).
    DeleteRecord,
    /// [`Exec::run`](crate::transport::Exec::run).
    Run,
    /// [`Exec::put_files`](crate::transport::Exec::put_files).
    PutFiles,
}

impl Call {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Observe,
        Self::Check,
        Self::EnsureImage,
        Self::ImageIds,
        Self::ExportImage,
        Self::EnsureNetwork,
        Self::EnsureMachine,
        Self::EnsureBalancer,
        Self::StartMachine,
        Self::StopMachine,
        Self::DeleteMachine,
        Self::DeleteBalancer,
        Self::DeleteVolumes,
        Self::DeleteNetwork,
        Self::PutRecord,
        Self::Claim,
        Self::Release,
        Self::DeleteRecord,
        Self::Run,
        Self::PutFiles,
    ];

    /// As in settings: `ensure_machine`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Check => "check",
            Self::EnsureImage => "ensure_image",
            Self::ImageIds => "image_ids",
            Self::ExportImage => "export_image",
            Self::EnsureNetwork => "ensure_network",
            Self::EnsureMachine => "ensure_machine",
            Self::EnsureBalancer => "ensure_balancer",
            Self::StartMachine => "start_machine",
            Self::StopMachine => "stop_machine",
            Self::DeleteMachine => "delete_machine",
            Self::DeleteBalancer => "delete_balancer",
            Self::DeleteVolumes => "delete_volumes",
            Self::DeleteNetwork => "delete_network",
            Self::PutRecord => "put_record",
            Self::Claim => "claim",
            Self::Release => "release",
            Self::DeleteRecord => "delete_record",
            Self::Run => "run",
            Self::PutFiles => "put_files",
        }
    }
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::FailBefore, Self::FailAfter, Self::Hang];

    /// As in settings: `fail_before`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FailBefore => "fail_before",
            Self::FailAfter => "fail_after",
            Self::Hang => "hang",
        }
    }
}

/// A word that is none of those which settings know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not known here; known are {known}")]
pub struct UnknownWord {
    /// The word as given.
    pub word: String,
    /// Those that are known.
    pub known: String,
}

fn find_word<T: Copy>(
    word: &str,
    all: &[T],
    as_str: fn(T) -> &'static str,
) -> Result<T, UnknownWord> {
    all.iter()
        .copied()
        .find(|known| as_str(*known) == word)
        .ok_or_else(|| UnknownWord {
            word: word.to_owned(),
            known: all
                .iter()
                .map(|known| as_str(*known))
                .collect::<Vec<_>>()
                .join(", "),
        })
}

impl FromStr for Call {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        find_word(word, &Self::ALL, Self::as_str)
    }
}

impl FromStr for FaultKind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        find_word(word, &Self::ALL, Self::as_str)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
