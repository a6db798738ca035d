//! How machines start, stop, end, and are ended by others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::Role;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::engine::{Container, Stop};
use crate::jobs::{self, Subject};
use crate::machines::{Condition, view_of};
use crate::refusal::{Code, Refusal};
use crate::state::{State, get, get_mut};

/// How often it is looked for machines whose time has come.
const LOOK: Duration = Duration::from_millis(100);

impl State {
    /// What a machine's container has to be.
    pub(crate) fn container(&self, id: Uuid) -> Result<Container, Refusal> {
        let machine = get(&self.machines, id);
        let machine =
            machine.ok_or_else(|| Refusal::internal(format!("there is no machine {id}")))?;
        let network = get(&self.networks, machine.network);
        let network = network.ok_or_else(|| Refusal::internal("its network is gone"))?;
        let via = self.way_out(network.id).unwrap_or(network.gateway);
        Ok(Container {
            id,
            name: machine.name.clone(),
            network: network.id,
            gateway: network.gateway,
            via,
            address: machine.address,
            memory_mb: machine.memory_mb,
            zone: self.catalog.zone.name,
            boot: machine.boot.clone(),
        })
    }

    /// Nothing is left of a machine but its id.
    fn remove_machine(&mut self, id: Uuid) {
        let rules = self.forwards.iter().filter(|rule| rule.machine == id);
        let rules: Vec<Uuid> = rules.map(|rule| rule.id).collect();
        for rule in rules {
            self.remove_forward(rule);
        }
        for rule in &mut self.balancers {
            rule.machines.retain(|machine| *machine != id);
        }
        self.machines.retain(|machine| machine.id != id);
        self.forget(id);
    }

    pub(crate) fn condition(&self, id: Uuid) -> Option<Condition> {
        get(&self.machines, id).map(|machine| machine.condition)
    }
}

pub(crate) fn start_virtual_machine(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let id = {
        let state = cloud.state();
        state.own(call, "id", &state.machines)?.id
    };
    let at = Arc::clone(cloud);
    jobs::begin(
        cloud,
        call,
        Subject::changed("VirtualMachine", id),
        async move {
            let _turn = at.turn(id).await;
            let plan = {
                let mut state = at.state();
                match state.condition(id) {
                    Some(Condition::Running) => None,
                    Some(Condition::Stopped) => {
                        state.place(&at, id)?;
                        Some(state.container(id)?)
                    }
                    other => {
                        return Err(Refusal::internal(format!(
                            "Unable to start vm {id}: it is in state {}",
                            other.map_or("gone", Condition::name)
                        )));
                    }
                }
            };
            if let Some(plan) = plan {
                let started = match at.engine.create_machine(&plan).await {
                    Ok(()) => at.engine.start_machine(id).await,
                    Err(error) => Err(error),
                };
                let condition = if started.is_ok() {
                    Condition::Running
                } else {
                    Condition::Stopped
                };
                at.state().set_condition(id, condition);
                started.map_err(Refusal::internal)?;
            }
            Ok(view_of(&at, id))
        },
    )
}

pub(crate) fn stop_virtual_machine(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let stop = match call.flag("forced")? {
        Some(true) => Stop::ByForce,
        Some(false) | None => Stop::InOrder,
    };
    let id = {
        let state = cloud.state();
        state.own(call, "id", &state.machines)?.id
    };
    let at = Arc::clone(cloud);
    jobs::begin(
        cloud,
        call,
        Subject::changed("VirtualMachine", id),
        async move {
            let _turn = at.turn(id).await;
            let condition = at.state().condition(id);
            match condition {
                Some(Condition::Stopped) => {}
                Some(Condition::Running) => {
                    at.state().set_condition(id, Condition::Stopping);
                    let stopped = at.engine.stop_machine(id, stop).await;
                    at.state().set_condition(id, Condition::Stopped);
                    stopped.map_err(Refusal::internal)?;
                }
                other => {
                    return Err(Refusal::internal(format!(
                        "Unable to stop vm {id}: it is in state {}",
                        other.map_or("gone", Condition::name)
                    )));
                }
            }
            Ok(view_of(&at, id))
        },
    )
}

pub(crate) fn destroy_virtual_machine(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let expunge = call.flag("expunge")?.unwrap_or_default();
    let id = {
        let state = cloud.state();
        let id = state.own(call, "id", &state.machines)?.id;
        if expunge {
            check_may_expunge(&state, call)?;
        }
        id
    };
    let at = Arc::clone(cloud);
    jobs::begin(
        cloud,
        call,
        Subject::changed("VirtualMachine", id),
        async move {
            let _turn = at.turn(id).await;
            {
                let mut state = at.state();
                if state.settings.destroy_fails > 0 {
                    state.settings.destroy_fails -= 1;
                    return Err(Refusal::internal(format!(
                        "Failed to destroy vm with id {id}"
                    )));
                }
                if state
                    .condition(id)
                    .is_some_and(|now| now == Condition::Running)
                {
                    state.set_condition(id, Condition::Stopping);
                }
            }
            at.engine
                .stop_machine(id, Stop::ByForce)
                .await
                .map_err(Refusal::internal)?;
            {
                let mut state = at.state();
                if let Some(machine) = get_mut(&mut state.machines, id) {
                    machine.condition = Condition::Destroyed;
                    machine.destroyed = Some(Instant::now());
                }
            }
            if expunge {
                expunge_machine(&at, id).await?;
                // What is gone has no view: CloudStack answers with an empty object of no name.
                return Ok(json!({ "null": {} }));
            }
            Ok(view_of(&at, id))
        },
    )
}

fn check_may_expunge(state: &State, call: &Call) -> Result<(), Refusal> {
    if state.settings.expunge || call.caller.role == Role::Administrator {
        return Ok(());
    }
    Err(Refusal::new(
        Code::ACCOUNT,
        "Parameter expunge can be passed by Admin only. Or when the allow.user.expunge.recover.vm key is set.",
    ))
}

pub(crate) fn expunge_virtual_machine(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let id = {
        let state = cloud.state();
        check_may_expunge(&state, call)?;
        let machine = state.own(call, "id", &state.machines)?;
        if !matches!(machine.condition, Condition::Destroyed | Condition::Error) {
            return Err(Refusal::parameter(format!(
                "Please destroy vm with specified vmId before expunge: it is in state {}",
                machine.condition.name()
            )));
        }
        machine.id
    };
    let at = Arc::clone(cloud);
    jobs::begin(
        cloud,
        call,
        Subject::changed("VirtualMachine", id),
        async move {
            expunge_machine(&at, id).await?;
            Ok(json!({ "success": true }))
        },
    )
}

async fn expunge_machine(cloud: &Arc<Cloud>, id: Uuid) -> Result<(), Refusal> {
    cloud.state().set_condition(id, Condition::Expunging);
    cloud.engine.remove_machine(id).await;
    cloud.state().remove_machine(id);
    crate::wires::settle(cloud).await
}

/// Expunges what was destroyed long enough ago, and forgets jobs of long ago, as long as the cloud is there.
pub(crate) async fn clean_up(cloud: Arc<Cloud>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let due: Vec<Uuid> = {
            let mut state = cloud.state();
            state.expire_jobs();
            let delay = state.settings.expunge_delay_seconds;
            let old = |destroyed: Option<Instant>| {
                destroyed.is_some_and(|at| at.elapsed().as_secs_f64() >= delay)
            };
            let due = state.machines.iter();
            let due = due.filter(|one| one.condition == Condition::Destroyed && old(one.destroyed));
            due.map(|machine| machine.id).collect()
        };
        for id in due {
            if let Err(refusal) = expunge_machine(&cloud, id).await {
                eprintln!("cloudstack_server: {}", refusal.text);
            }
        }
    }
}

impl Cloud {
    /// A machine has asked to be booted again.
    pub(crate) async fn reboots(&self, id: Uuid) {
        if self.state().condition(id) != Some(Condition::Running) {
            return;
        }
        if let Err(error) = self.engine.start_machine(id).await {
            eprintln!("cloudstack_server: {error}");
            self.has_ended(id);
        }
    }

    /// A machine has ended that nobody of this cloud ended.
    pub(crate) fn has_ended(&self, id: Uuid) {
        let mut state = self.state();
        if state.condition(id) == Some(Condition::Running) {
            state.set_condition(id, Condition::Stopped);
        }
    }
}
