//! The cloud: what it has, and what makes it real.

use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::engine::Engine;
use crate::settings::{MachineKind, Settings};
use crate::state::State;
use crate::wires::Wires;

pub(crate) struct Cloud {
    /// The first part of every name on the Docker Engine, and the label's value.
    pub(crate) name: String,
    state: Mutex<State>,
    pub(crate) engine: Engine,
    pub(crate) wires: Wires,
}

impl Cloud {
    pub(crate) fn new(settings: Settings) -> std::io::Result<Self> {
        let name = format!("cs{}", &Uuid::new_v4().simple().to_string()[..10]);
        let engine = match settings.machines {
            MachineKind::Real => Engine::docker(&name, &settings.image),
            MachineKind::None => Engine::Pretended,
        };
        Ok(Self {
            wires: Wires::new(settings.machines)?,
            state: Mutex::new(State::new(settings)),
            engine,
            name,
        })
    }

    /// What it has. Never held while something is waited for.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
