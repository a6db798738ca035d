//! Virtual machines: how one is made, and what it is.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

use crate::accounts::Owner;
use crate::call::Call;
use crate::catalog::SshKeys;
use crate::cloud::Cloud;
use crate::engine::Boot;
use crate::jobs::{self, Subject};
use crate::limits;
use crate::networks::extend;
use crate::refusal::{Code, Refusal};
use crate::state::{State, get, get_mut, moment};
use crate::user_data;

/// What CloudStack calls the state of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Starting,
    Running,
    Stopping,
    Stopped,
    Destroyed,
    Expunging,
    Error,
}

impl Condition {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Starting => "Starting",
            Self::Running => "Running",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Destroyed => "Destroyed",
            Self::Expunging => "Expunging",
            Self::Error => "Error",
        }
    }
}

pub(crate) struct Machine {
    pub(crate) id: Uuid,
    pub(crate) owner: Owner,
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) condition: Condition,
    pub(crate) network: Uuid,
    pub(crate) address: Ipv4Addr,
    card: Uuid,
    mac: String,
    template: Uuid,
    offering: Uuid,
    pub(crate) processors: u32,
    pub(crate) memory_mb: u32,
    root_disk_gb: Option<i64>,
    key_pairs: Vec<String>,
    pub(crate) affinity_groups: Vec<Uuid>,
    pub(crate) user_data_id: Option<Uuid>,
    details: BTreeMap<String, String>,
    created: Timestamp,
    /// When it was destroyed.
    pub(crate) destroyed: Option<Instant>,
    pub(crate) boot: Boot,
    /// Held by the job that works on it: CloudStack works on a machine one job after the other.
    pub(crate) turn: Arc<Mutex<()>>,
}

impl Machine {
    /// Whether it takes a place on a host.
    pub(crate) fn is_on_a_host(&self) -> bool {
        matches!(
            self.condition,
            Condition::Starting | Condition::Running | Condition::Stopping
        )
    }

    /// Whether it counts against the limits.
    pub(crate) fn counts(&self) -> bool {
        !matches!(
            self.condition,
            Condition::Destroyed | Condition::Expunging | Condition::Error
        )
    }

    pub(crate) fn holds_its_network(&self) -> bool {
        self.condition != Condition::Error
    }

    pub(crate) fn is_going(&self) -> bool {
        matches!(self.condition, Condition::Destroyed | Condition::Expunging)
    }

    pub(crate) fn view(&self, state: &State) -> Value {
        let mut view = Map::new();
        state.tell_common(self.id, self.owner, &mut view);
        let catalog = &state.catalog;
        let network = get(&state.networks, self.network);
        let template = catalog.templates.iter().find(|one| one.id == self.template);
        let mut offerings = catalog.service_offerings.iter();
        let offering = offerings.find(|one| one.id == self.offering);
        let groups = state.affinity_groups.iter();
        let groups = groups.filter(|group| self.affinity_groups.contains(&group.id));
        let groups: Vec<Value> = groups
            .map(|group| json!({ "id": group.id, "name": group.name }))
            .collect();
        let card = json!({
            "id": self.card, "networkid": self.network, "networkname": network.map(|one| one.name.clone()),
            "ipaddress": self.address, "netmask": network.map(|one| one.cidr.netmask()),
            "gateway": network.map(|one| one.gateway), "macaddress": self.mac, "isdefault": true,
            "traffictype": "Guest", "type": "Isolated", "deviceid": "0", "secondaryip": [],
        });
        extend(
            &mut view,
            json!({
                "name": self.name, "displayname": self.display_name, "state": self.condition.name(),
                "created": moment(self.created), "zoneid": catalog.zone.id, "zonename": catalog.zone.name,
                "templateid": self.template, "templatename": template.map(|one| one.name),
                "passwordenabled": true, "serviceofferingid": self.offering,
                "serviceofferingname": offering.map(|one| one.name), "cpunumber": self.processors,
                "cpuspeed": 1000, "memory": self.memory_mb, "nic": [card], "affinitygroup": groups,
                "hypervisor": "KVM", "haenable": false, "displayvm": true, "rootdeviceid": 0,
                "rootdevicetype": "ROOT", "securitygroup": [], "isdynamicallyscalable": false,
                "details": self.details, "ostypeid": self.template, "osdisplayname": "Debian GNU/Linux 12 (64-bit)",
            }),
        );
        if !self.key_pairs.is_empty() {
            view.insert("keypairs".to_owned(), self.key_pairs.join(",").into());
        }
        if let Some(id) = self.user_data_id {
            view.insert("userdataid".to_owned(), id.to_string().into());
        }
        if let Some(size) = self.root_disk_gb {
            view.insert("rootdisksize".to_owned(), size.into());
        }
        view.into()
    }
}

/// A name that a host may have.
fn check_name(name: &str) -> Result<(), Refusal> {
    let good = (1..=63).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && !name.ends_with('-')
        && (name.chars()).all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    if good {
        return Ok(());
    }
    Err(Refusal::parameter(
        "Invalid name. Vm name can contain ASCII letters 'a' through 'z', the digits '0' through '9', and the hyphen \
         ('-'), must be between 1 and 63 characters long, and can't start or end with \"-\" and can't start with digit",
    ))
}

/// A machine that is written down, and is not started yet.
fn planned(state: &State, call: &Call) -> Result<Machine, Refusal> {
    let zone = call.required_id("zoneid")?;
    if zone != state.catalog.zone.id {
        return Err(call.no_entity("zoneid", zone));
    }
    let offering_id = call.required_id("serviceofferingid")?;
    let mut offerings = state.catalog.service_offerings.iter();
    let offering = offerings.find(|one| one.id == offering_id);
    let offering = offering.ok_or_else(|| call.no_entity("serviceofferingid", offering_id))?;
    let template_id = call.required_id("templateid")?;
    let mut templates = state.catalog.templates.iter();
    let template = templates.find(|one| one.id == template_id);
    let template = template.ok_or_else(|| call.no_entity("templateid", template_id))?;
    let owner = state.people.owner_for(call)?;

    let networks = call.ids("networkids")?;
    let [network] = networks[..] else {
        // CloudStack takes none and several as well: a default network, and more cards.
        return Err(Refusal::parameter(format!(
            "this cloud's machines are in one network, which networkids names; {} are named",
            networks.len()
        )));
    };
    let network = state.own_with_id(call, "networkids", &state.networks, network)?;

    let id = Uuid::new_v4();
    let name = call
        .text("name")
        .map_or_else(|| format!("VM-{id}"), str::to_owned);
    check_name(&name)?;
    let taken = state.machines.iter().any(|machine| {
        machine.network == network.id
            && machine.name == name
            && machine.condition != Condition::Expunging
    });
    if taken {
        return Err(Refusal::parameter(format!(
            "The vm with hostName {name} already exists in the network domain: cs.internal; network={}",
            network.name
        )));
    }
    let address = match call.text("ipaddress") {
        Some(asked) => {
            let address = asked.parse().ok();
            let free = address.filter(|address| {
                network.cidr.contains(address)
                    && !state
                        .machines
                        .iter()
                        .any(|machine| machine.network == network.id && machine.address == *address)
            });
            free.ok_or_else(|| {
                Refusal::parameter(format!("The IP address {asked} is not free in the network"))
            })?
        }
        None => state.free_address_in(network).ok_or_else(|| {
            Refusal::new(
                Code::CAPACITY,
                format!("Insufficient address capacity in network {}", network.id),
            )
        })?,
    };

    let mut key_pairs: Vec<String> = call.list("keypairs").map(str::to_owned).collect();
    key_pairs.extend(call.text("keypair").map(str::to_owned));
    let mut public_keys = Vec::new();
    for wanted in &key_pairs {
        let mut pairs = state.key_pairs.iter();
        let pair = pairs.find(|pair| pair.owner == owner && pair.name == *wanted);
        let pair = pair.ok_or_else(|| {
            Refusal::parameter(format!("A key pair with name '{wanted}' was not found."))
        })?;
        if template.ssh_keys == SshKeys::Supported {
            public_keys.push(pair.public_key.clone());
        }
    }

    let mut affinity_groups = Vec::new();
    for group in call.ids("affinitygroupids")? {
        let group = state.own_with_id(call, "affinitygroupids", &state.affinity_groups, group)?;
        affinity_groups.push(group.id);
    }
    for group in call.list("affinitygroupnames") {
        let mut groups = state.affinity_groups.iter();
        let found = groups.find(|found| found.owner == owner && found.name == group);
        let found = found
            .ok_or_else(|| Refusal::parameter(format!("Unable to find group by name {group}")))?;
        affinity_groups.push(found.id);
    }

    let user_data_id = call.id("userdataid")?;
    let encoded = match user_data_id {
        Some(id) => {
            let registered = state.own_with_id(call, "userdataid", &state.user_data, id)?;
            Some(registered.encoded.clone())
        }
        None => user_data::given(call, &state.settings)?,
    };
    let root_disk_gb = call.number("rootdisksize")?;
    if root_disk_gb.is_some_and(|size| size < 2) {
        return Err(Refusal::parameter(
            "rootdisksize is smaller than the template's size of 2 GB",
        ));
    }
    let details = call.fields("details")?;

    state.check_limit(owner, limits::MACHINES, 1)?;
    state.check_limit(owner, limits::PROCESSORS, offering.processors as usize)?;
    state.check_limit(owner, limits::MEMORY, offering.memory_mb as usize)?;

    let random = Uuid::new_v4();
    let [a, b, c, ..] = random.into_bytes();
    Ok(Machine {
        id,
        owner,
        display_name: call.text("displayname").unwrap_or(&name).to_owned(),
        condition: Condition::Stopped,
        network: network.id,
        address,
        card: Uuid::new_v4(),
        mac: format!("02:01:00:{a:02x}:{b:02x}:{c:02x}"),
        template: template.id,
        offering: offering.id,
        processors: offering.processors,
        memory_mb: offering.memory_mb,
        root_disk_gb,
        key_pairs,
        affinity_groups,
        user_data_id,
        details,
        created: state.now(),
        destroyed: None,
        boot: Boot {
            user_data: encoded.and_then(|encoded| user_data::decoded(&encoded)),
            public_keys,
            offering: offering.name,
            image: template.image,
        },
        turn: Arc::default(),
        name,
    })
}

/// When a machine that is made starts.
enum Start {
    AtOnce,
    Later,
}

pub(crate) fn deploy_virtual_machine(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let start = match call.flag("startvm")? {
        Some(false) => Start::Later,
        Some(true) | None => Start::AtOnce,
    };
    let id = {
        let mut state = cloud.state();
        let machine = planned(&state, call)?;
        let id = machine.id;
        state.machines.push(machine);
        id
    };
    let at = Arc::clone(cloud);
    jobs::begin(
        cloud,
        call,
        Subject::made("VirtualMachine", id),
        async move {
            let _turn = at.turn(id).await;
            if at.state().condition(id) != Some(Condition::Stopped) {
                return Err(Refusal::internal(format!(
                    "Failed to deploy vm {id}: it is going"
                )));
            }
            let made = make(&at, id, &start).await;
            if made.is_err() {
                // CloudStack keeps it, in that state, for somebody to destroy.
                at.engine.remove_machine(id).await;
                at.state().set_condition(id, Condition::Error);
            }
            made?;
            Ok(view_of(&at, id))
        },
    )
}

impl Cloud {
    /// Waits until no other job works on a machine; none of one that is gone does.
    pub(crate) async fn turn(&self, id: Uuid) -> Option<OwnedMutexGuard<()>> {
        let turn = {
            let state = self.state();
            get(&state.machines, id).map(|machine| Arc::clone(&machine.turn))
        };
        Some(turn?.lock_owned().await)
    }
}

/// What a job about a machine ends with.
pub(crate) fn view_of(cloud: &Cloud, id: Uuid) -> Value {
    let state = cloud.state();
    let view = get(&state.machines, id).map(|machine| machine.view(&state));
    json!({ "virtualmachine": view })
}

async fn make(cloud: &Cloud, id: Uuid, start: &Start) -> Result<(), Refusal> {
    let plan = {
        let mut state = cloud.state();
        if matches!(start, Start::AtOnce) {
            state.place(cloud, id)?;
        }
        state.container(id)?
    };
    cloud
        .engine
        .create_machine(&plan)
        .await
        .map_err(Refusal::internal)?;
    if matches!(start, Start::AtOnce) {
        cloud
            .engine
            .start_machine(id)
            .await
            .map_err(Refusal::internal)?;
        cloud.state().set_condition(id, Condition::Running);
    }
    Ok(())
}

impl State {
    pub(crate) fn set_condition(&mut self, id: Uuid, condition: Condition) {
        if let Some(machine) = get_mut(&mut self.machines, id) {
            machine.condition = condition;
        }
    }

    /// Finds a place for a machine on a host, and has its network run.
    pub(crate) fn place(&mut self, cloud: &Cloud, id: Uuid) -> Result<(), Refusal> {
        let taken = self
            .machines
            .iter()
            .filter(|one| one.is_on_a_host())
            .count();
        if self
            .settings
            .capacity
            .is_some_and(|capacity| taken >= capacity)
        {
            return Err(Refusal::new(
                Code::CAPACITY,
                "Unable to create a deployment for VM instance due to lack of capacity",
            ));
        }
        let network = get(&self.machines, id).map(|machine| machine.network);
        if let Some(network) = network {
            self.implement(cloud, network)?;
        }
        self.set_condition(id, Condition::Starting);
        Ok(())
    }
}

pub(crate) fn list_virtual_machines(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let (network, template) = (call.id("networkid")?, call.id("templateid")?);
    let (zone, group) = (call.id("zoneid")?, call.id("affinitygroupid")?);
    let offering = call.id("serviceofferingid")?;
    let sees_destroyed =
        state.settings.view_destroyed || call.caller.role == crate::accounts::Role::Administrator;
    // As it is in the releases that people run: a part of the name is enough.
    let contains = |part: Option<&str>, machine: &Machine| {
        part.is_none_or(|part| machine.name.to_lowercase().contains(&part.to_lowercase()))
    };
    let found = state.listed(call, "id", &state.machines)?;
    let found = found.into_iter().filter(|machine| {
        contains(call.text("name"), machine)
            && contains(call.text("keyword"), machine)
            && network.is_none_or(|network| network == machine.network)
            && template.is_none_or(|template| template == machine.template)
            && offering.is_none_or(|offering| offering == machine.offering)
            && zone.is_none_or(|zone| zone == state.catalog.zone.id)
            && group.is_none_or(|group| machine.affinity_groups.contains(&group))
            && call
                .text("keypair")
                .is_none_or(|pair| machine.key_pairs.iter().any(|own| own == pair))
            && call
                .text("state")
                .is_none_or(|asked| asked.eq_ignore_ascii_case(machine.condition.name()))
            && (sees_destroyed || !machine.is_going())
    });
    let found = found.map(|machine| machine.view(&state)).collect();
    call.page("virtualmachine", found, state.settings.page_size)
}

/// Opens the way out of a network to its machines, or closes it, as its egress rules say.
pub(crate) async fn settle_routes(cloud: &Cloud, network: Uuid) -> Result<(), Refusal> {
    let (machines, via) = {
        let state = cloud.state();
        let running = state.machines.iter().filter(|machine| {
            machine.network == network && machine.condition == Condition::Running
        });
        let running: Vec<Uuid> = running.map(|machine| machine.id).collect();
        (running, state.way_out(network))
    };
    let Some(via) = via else {
        return Ok(());
    };
    for machine in machines {
        cloud
            .engine
            .set_route(machine, via)
            .await
            .map_err(Refusal::internal)?;
    }
    Ok(())
}

impl State {
    /// Where a network's machines send what is for the world.
    pub(crate) fn way_out(&self, network: Uuid) -> Option<Ipv4Addr> {
        let open = self.lets_out(network);
        let network = get(&self.networks, network)?;
        Some(if open {
            network.gateway
        } else {
            network.nowhere()
        })
    }
}
