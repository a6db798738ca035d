//! Rules that forward ports of a public address to one machine.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::accounts::Owner;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::firewall::{FirewallRule, anywhere};
use crate::jobs::{self, Subject};
use crate::networks::extend;
use crate::ports::{Condition, Ports, Protocol};
use crate::refusal::Refusal;
use crate::state::{State, get, get_mut};

pub(crate) struct Forward {
    pub(crate) id: Uuid,
    pub(crate) owner: Owner,
    pub(crate) address: Uuid,
    pub(crate) protocol: Protocol,
    pub(crate) public: Ports,
    private: Ports,
    pub(crate) machine: Uuid,
    pub(crate) condition: Condition,
}

impl Forward {
    /// Where a port of the public address leads to.
    pub(crate) fn target(&self, machine: Ipv4Addr, public: u16) -> SocketAddrV4 {
        let offset = public.saturating_sub(self.public.first);
        SocketAddrV4::new(machine, self.private.first.saturating_add(offset))
    }

    fn view(&self, state: &State) -> Value {
        let mut view = Map::new();
        state.tell_common(self.id, self.owner, &mut view);
        let address = get(&state.addresses, self.address);
        let machine = get(&state.machines, self.machine);
        // CloudStack writes these ports as texts.
        extend(
            &mut view,
            json!({
                "protocol": self.protocol.name(),
                "publicport": self.public.first.to_string(), "publicendport": self.public.last.to_string(),
                "privateport": self.private.first.to_string(), "privateendport": self.private.last.to_string(),
                "ipaddressid": self.address, "ipaddress": address.map(|address| address.ip),
                "networkid": address.map(|address| address.network), "virtualmachineid": self.machine,
                "virtualmachinename": machine.map(|machine| machine.name.clone()),
                "virtualmachinedisplayname": machine.map(|machine| machine.display_name.clone()),
                "vmguestip": machine.map(|machine| machine.address), "cidrlist": "",
                "state": self.condition.view(), "fordisplay": true,
            }),
        );
        view.into()
    }
}

impl State {
    /// With a rule goes what was opened with it.
    pub(crate) fn remove_forward(&mut self, id: Uuid) {
        self.forwards.retain(|rule| rule.id != id);
        self.close_firewall_of(id);
        self.forget(id);
    }
}

/// The rule of the firewall that comes with another rule, unless a call says that none shall.
pub(crate) fn opened_with(
    call: &Call,
    rule: Uuid,
    owner: Owner,
    address: Uuid,
    protocol: Protocol,
    ports: Ports,
) -> Result<Option<FirewallRule>, Refusal> {
    let from = Some(call.cidrs("cidrlist")?).filter(|from| !from.is_empty());
    let opens = call.flag("openfirewall")?.unwrap_or(true);
    Ok(opens.then(|| FirewallRule {
        id: Uuid::new_v4(),
        owner,
        address,
        protocol,
        ports: Some(ports),
        from: from.unwrap_or_else(anywhere),
        opened_for: Some(rule),
        condition: Condition::Add,
    }))
}

pub(crate) fn create_port_forwarding_rule(
    cloud: &Arc<Cloud>,
    call: &Call,
) -> Result<Value, Refusal> {
    let protocol = Protocol::of(call)?;
    let public = Ports::of(call, "publicport", "publicendport")?;
    let private = Ports::of(call, "privateport", "privateendport")?;
    if !matches!(protocol, Protocol::Tcp | Protocol::Udp) {
        return Err(Refusal::parameter("Protocol has to be tcp or udp"));
    }
    if public.length() != private.length() {
        return Err(Refusal::parameter(
            "Source port and destination port ranges should be of equal sizes.",
        ));
    }
    let id = Uuid::new_v4();
    {
        let mut state = cloud.state();
        let address = state.own(call, "ipaddressid", &state.addresses)?;
        let (owner, address_id, network) = (address.owner, address.id, address.network);
        let machine = state.own(call, "virtualmachineid", &state.machines)?;
        if machine.network != network {
            return Err(Refusal::parameter(format!(
                "Unable to create port forwarding rule: virtual machine {} is not in the network of the address",
                machine.id
            )));
        }
        if machine.is_going() {
            return Err(Refusal::parameter(format!(
                "Invalid user vm: {}",
                machine.id
            )));
        }
        let machine = machine.id;
        state.check_service(network, "PortForwarding")?;
        state.check_ports(address_id, protocol, public)?;
        if let Some(opened) = opened_with(call, id, owner, address_id, protocol, public)? {
            state.add_firewall_rule(opened)?;
        }
        state.forwards.push(Forward {
            id,
            owner,
            address: address_id,
            protocol,
            public,
            private,
            machine,
            condition: Condition::Add,
        });
    }
    let at = Arc::clone(cloud);
    let subject = Subject::made("PortForwardingRule", id);
    jobs::begin(cloud, call, subject, async move {
        {
            let mut state = at.state();
            state.activate_firewall_of(id);
            if let Some(rule) = get_mut(&mut state.forwards, id) {
                rule.condition = Condition::Active;
            }
        }
        crate::wires::settle(&at).await?;
        let state = at.state();
        let view = get(&state.forwards, id).map(|rule| rule.view(&state));
        Ok(json!({ "portforwardingrule": view }))
    })
}

pub(crate) fn list_port_forwarding_rules(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let (address, network) = (call.id("ipaddressid")?, call.id("networkid")?);
    let found = state.listed(call, "id", &state.forwards)?;
    let found = found.into_iter().filter(|rule| {
        let of = get(&state.addresses, rule.address).map(|address| address.network);
        address.is_none_or(|address| address == rule.address)
            && network.is_none_or(|network| Some(network) == of)
    });
    let found = found.map(|rule| rule.view(&state)).collect();
    call.page("portforwardingrule", found, state.settings.page_size)
}

pub(crate) fn delete_port_forwarding_rule(
    cloud: &Arc<Cloud>,
    call: &Call,
) -> Result<Value, Refusal> {
    let id = {
        let state = cloud.state();
        state.own(call, "id", &state.forwards)?.id
    };
    let at = Arc::clone(cloud);
    let subject = Subject::changed("PortForwardingRule", id);
    jobs::begin(cloud, call, subject, async move {
        at.state().remove_forward(id);
        crate::wires::settle(&at).await?;
        Ok(json!({ "success": true }))
    })
}
