//! What goes wrong.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use coe_tests::engine_proxy::Fault;
use coe_tests::process::{Signal, provider_of, send};

/// What goes wrong at a call to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Error,
    Cut,
    LostReply,
    LateReply,
    EngineGone,
    Interrupt,
    KillProvider,
    KillTerraform,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::Error,
        Self::Cut,
        Self::LostReply,
        Self::LateReply,
        Self::EngineGone,
        Self::Interrupt,
        Self::KillProvider,
        Self::KillTerraform,
    ];

    /// Those with a name that `COE_FAULTS_KINDS` has a part of; all where it is not set.
    pub(crate) fn of_environment() -> Vec<Self> {
        let wanted = std::env::var("COE_FAULTS_KINDS").unwrap_or_default();
        let wanted: Vec<&str> = wanted.split(',').map(str::trim).collect();
        let kinds: Vec<Self> = Self::ALL
            .into_iter()
            .filter(|kind| wanted.iter().any(|part| kind.to_string().contains(part)))
            .collect();
        assert!(!kinds.is_empty(), "COE_FAULTS_KINDS fits none: {wanted:?}");
        kinds
    }

    /// The fault, in a run of the terraform whose process will be there.
    pub(crate) fn fault(self, terraform: &Arc<AtomicU32>) -> Fault {
        let terraform = Arc::clone(terraform);
        let to_terraform = |signal| {
            let terraform = Arc::clone(&terraform);
            Fault::Meanwhile(Arc::new(move || {
                send(signal, terraform.load(Ordering::SeqCst));
            }))
        };
        match self {
            Self::Error => Fault::Error,
            Self::Cut => Fault::Cut,
            Self::LostReply => Fault::LostReply,
            Self::LateReply => Fault::LateReply,
            Self::EngineGone => Fault::EngineGone,
            Self::Interrupt => to_terraform(Signal::Interrupt),
            Self::KillTerraform => to_terraform(Signal::Kill),
            Self::KillProvider => Fault::Meanwhile(Arc::new(move || {
                if let Some(provider) = provider_of(terraform.load(Ordering::SeqCst)) {
                    send(Signal::Kill, provider);
                }
            })),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Error => "error 500",
            Self::Cut => "connection cut before the effect",
            Self::LostReply => "effect, reply lost",
            Self::LateReply => "effect, reply after the deadline",
            Self::EngineGone => "engine gone for 20 s",
            Self::Interrupt => "SIGINT to terraform",
            Self::KillProvider => "SIGKILL of the provider",
            Self::KillTerraform => "SIGKILL of terraform",
        })
    }
}
