//! Load balancer rules: a port of a public address, and the machines that take turns behind it.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::accounts::Owner;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::forwards::opened_with;
use crate::jobs::{self, Subject};
use crate::networks::extend;
use crate::ports::{Condition, Ports, Protocol};
use crate::refusal::{Code, Refusal};
use crate::state::{State, get, get_mut};

pub(crate) struct Balancer {
    pub(crate) id: Uuid,
    pub(crate) owner: Owner,
    pub(crate) address: Uuid,
    name: String,
    description: String,
    algorithm: String,
    protocol: String,
    pub(crate) public: u16,
    pub(crate) private: u16,
    pub(crate) machines: Vec<Uuid>,
    /// Whose turn it is.
    pub(crate) turn: usize,
    pub(crate) condition: Condition,
}

impl Balancer {
    fn view(&self, state: &State) -> Value {
        let mut view = Map::new();
        state.tell_common(self.id, self.owner, &mut view);
        let address = get(&state.addresses, self.address);
        let zone = &state.catalog.zone;
        // CloudStack writes these ports as texts.
        extend(
            &mut view,
            json!({
                "name": self.name, "description": self.description, "algorithm": self.algorithm,
                "protocol": self.protocol,
                "publicport": self.public.to_string(), "privateport": self.private.to_string(),
                "publicipid": self.address, "publicip": address.map(|address| address.ip),
                "networkid": address.map(|address| address.network), "zoneid": zone.id, "zonename": zone.name,
                "cidrlist": "", "state": self.condition.view(), "fordisplay": true,
            }),
        );
        view.into()
    }
}

impl State {
    pub(crate) fn remove_balancer(&mut self, id: Uuid) {
        self.balancers.retain(|rule| rule.id != id);
        self.close_firewall_of(id);
        self.forget(id);
    }
}

pub(crate) fn create_load_balancer_rule(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let name = call.required("name")?.to_owned();
    let algorithm = call.required("algorithm")?.to_lowercase();
    if !["source", "roundrobin", "leastconn"].contains(&algorithm.as_str()) {
        return Err(Refusal::parameter(format!(
            "Invalid algorithm: {algorithm}"
        )));
    }
    let protocol = call.text("protocol").unwrap_or("tcp").to_lowercase();
    if !["tcp", "udp", "tcp-proxy", "ssl"].contains(&protocol.as_str()) {
        return Err(Refusal::parameter(format!("Invalid protocol: {protocol}")));
    }
    let (public, private) = (call.port("publicport")?, call.port("privateport")?);
    let id = Uuid::new_v4();
    {
        let mut state = cloud.state();
        let address = state.own(call, "publicipid", &state.addresses)?;
        let (owner, address_id, network) = (address.owner, address.id, address.network);
        state.check_service(network, "Lb")?;
        let ports = Ports::one(public);
        state.check_ports(address_id, Protocol::Tcp, ports)?;
        if let Some(opened) = opened_with(call, id, owner, address_id, Protocol::Tcp, ports)? {
            state.add_firewall_rule(opened)?;
        }
        state.balancers.push(Balancer {
            id,
            owner,
            address: address_id,
            name,
            description: call.text("description").unwrap_or_default().to_owned(),
            algorithm,
            protocol,
            public,
            private,
            machines: Vec::new(),
            turn: 0,
            condition: Condition::Add,
        });
    }
    let at = Arc::clone(cloud);
    let subject = Subject::made("LoadBalancerRule", id);
    jobs::begin(cloud, call, subject, async move {
        {
            let mut state = at.state();
            state.activate_firewall_of(id);
            if let Some(rule) = get_mut(&mut state.balancers, id) {
                rule.condition = Condition::Active;
            }
        }
        crate::wires::settle(&at).await?;
        let state = at.state();
        let view = get(&state.balancers, id).map(|rule| rule.view(&state));
        Ok(json!({ "loadbalancer": view }))
    })
}

pub(crate) fn list_load_balancer_rules(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let (address, network) = (call.id("publicipid")?, call.id("networkid")?);
    let machine = call.id("virtualmachineid")?;
    let found = state.listed(call, "id", &state.balancers)?;
    let found = found.into_iter().filter(|rule| {
        let of = get(&state.addresses, rule.address).map(|address| address.network);
        address.is_none_or(|address| address == rule.address)
            && network.is_none_or(|network| Some(network) == of)
            && machine.is_none_or(|machine| rule.machines.contains(&machine))
            && call.text("name").is_none_or(|name| name == rule.name)
    });
    let found = found.map(|rule| rule.view(&state)).collect();
    call.page("loadbalancerrule", found, state.settings.page_size)
}

pub(crate) fn delete_load_balancer_rule(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let id = {
        let state = cloud.state();
        state.own(call, "id", &state.balancers)?.id
    };
    let at = Arc::clone(cloud);
    let subject = Subject::changed("LoadBalancerRule", id);
    jobs::begin(cloud, call, subject, async move {
        at.state().remove_balancer(id);
        crate::wires::settle(&at).await?;
        Ok(json!({ "success": true }))
    })
}

/// The rule that a call is about, and the machines that it names.
fn members(state: &State, call: &Call) -> Result<(Uuid, Vec<Uuid>), Refusal> {
    let rule = state.own(call, "id", &state.balancers)?;
    let network = get(&state.addresses, rule.address).map(|address| address.network);
    call.required("virtualmachineids")?;
    let ids = call.ids("virtualmachineids")?;
    for id in &ids {
        let machine = state.own_with_id(call, "virtualmachineids", &state.machines, *id)?;
        if Some(machine.network) != network || machine.is_going() {
            return Err(Refusal::parameter(format!(
                "Instance {id} is not in the network of the load balancer rule, or is going"
            )));
        }
    }
    Ok((rule.id, ids))
}

pub(crate) fn assign(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let (id, machines) = members(&cloud.state(), call)?;
    let at = Arc::clone(cloud);
    let subject = Subject::changed("LoadBalancerRule", id);
    jobs::begin(cloud, call, subject, async move {
        let mut state = at.state();
        let Some(rule) = get_mut(&mut state.balancers, id) else {
            return Err(Refusal::internal("Failed to assign load balancer rule"));
        };
        let taken = machines.iter().find(|id| rule.machines.contains(id));
        if let Some(taken) = taken {
            return Err(Refusal::new(
                Code::PARAMETER,
                format!("VM {taken} is already mapped to load balancer."),
            ));
        }
        rule.machines.extend(machines);
        Ok(json!({ "success": true }))
    })
}

pub(crate) fn remove(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let (id, machines) = members(&cloud.state(), call)?;
    let at = Arc::clone(cloud);
    let subject = Subject::changed("LoadBalancerRule", id);
    jobs::begin(cloud, call, subject, async move {
        let mut state = at.state();
        let Some(rule) = get_mut(&mut state.balancers, id) else {
            return Err(Refusal::internal(
                "Failed to remove instance from load balancer rule",
            ));
        };
        let foreign = machines.iter().find(|id| !rule.machines.contains(id));
        if let Some(foreign) = foreign {
            return Err(Refusal::parameter(format!(
                "The virtual machine {foreign} is not assigned to the load balancer rule"
            )));
        }
        rule.machines.retain(|id| !machines.contains(id));
        Ok(json!({ "success": true }))
    })
}

pub(crate) fn list_instances(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let rule = state.own(call, "id", &state.balancers)?;
    let applied = call.flag("applied")?.unwrap_or(true);
    let found = state
        .machines
        .iter()
        .filter(|machine| rule.machines.contains(&machine.id) == applied)
        .filter(|machine| machine.owner == rule.owner);
    if call.flag("lbvmips")?.unwrap_or_default() {
        let found = found.map(|machine| {
            json!({
                "loadbalancerruleinstance": machine.view(&state), "lbvmipaddresses": [machine.address],
            })
        });
        return call.page("lbrulevmidip", found.collect(), state.settings.page_size);
    }
    let found = found.map(|machine| machine.view(&state)).collect();
    call.page("loadbalancerruleinstance", found, state.settings.page_size)
}
