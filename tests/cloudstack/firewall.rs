//! What may come in at a public address, and what may leave a network.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::accounts::Owner;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::jobs::{self, Subject};
use crate::networks::extend;
use crate::ports::{Condition, Ports, Protocol, conflict};
use crate::refusal::{Code, Refusal};
use crate::state::{State, get, get_mut};

pub(crate) struct FirewallRule {
    pub(crate) id: Uuid,
    pub(crate) owner: Owner,
    pub(crate) address: Uuid,
    pub(crate) protocol: Protocol,
    /// None with ICMP.
    pub(crate) ports: Option<Ports>,
    pub(crate) from: Vec<Ipv4Net>,
    /// The rule that it was opened with, and goes with.
    pub(crate) opened_for: Option<Uuid>,
    pub(crate) condition: Condition,
}

pub(crate) struct EgressRule {
    pub(crate) id: Uuid,
    pub(crate) owner: Owner,
    pub(crate) network: Uuid,
    protocol: Protocol,
    ports: Option<Ports>,
    from: Vec<Ipv4Net>,
    to: Vec<Ipv4Net>,
    condition: Condition,
}

pub(crate) fn anywhere() -> Vec<Ipv4Net> {
    vec![Ipv4Net::default()]
}

fn list_of(networks: &[Ipv4Net]) -> String {
    let texts: Vec<String> = networks.iter().map(ToString::to_string).collect();
    texts.join(",")
}

fn ports_of(call: &Call, protocol: Protocol) -> Result<Option<Ports>, Refusal> {
    if call.text("startport").is_none() {
        return Ok(None);
    }
    match protocol {
        Protocol::Tcp | Protocol::Udp => Ports::of(call, "startport", "endport").map(Some),
        Protocol::Icmp | Protocol::All => Err(Refusal::parameter(
            "Start/end port should not be specified for this protocol",
        )),
    }
}

impl FirewallRule {
    /// Whether it lets somebody in at a port of TCP.
    pub(crate) fn lets_in(&self, client: Ipv4Addr, port: u16) -> bool {
        self.opens(port) && self.from.iter().any(|network| network.contains(&client))
    }

    /// Whether it lets anybody in there.
    pub(crate) fn opens(&self, port: u16) -> bool {
        self.condition == Condition::Active
            && self.protocol == Protocol::Tcp
            && self.ports.is_none_or(|ports| ports.contains(port))
    }

    fn meets(&self, other: &Self) -> bool {
        let ports = match (self.ports, other.ports) {
            (Some(own), Some(others)) => own.meets(others),
            _ => true,
        };
        let from = self.from.iter().any(|own| {
            let mut others = other.from.iter();
            others.any(|other| own.contains(other) || other.contains(own))
        });
        self.address == other.address && self.protocol == other.protocol && ports && from
    }

    fn view(&self, state: &State) -> Value {
        let mut view = Map::new();
        state.tell_common(self.id, self.owner, &mut view);
        let address = get(&state.addresses, self.address);
        extend(
            &mut view,
            json!({
                "protocol": self.protocol.name(), "ipaddressid": self.address,
                "ipaddress": address.map(|address| address.ip),
                "networkid": address.map(|address| address.network),
                "cidrlist": list_of(&self.from), "state": self.condition.view(), "fordisplay": true,
            }),
        );
        tell_ports(self.ports, &mut view);
        view.into()
    }
}

fn tell_ports(ports: Option<Ports>, view: &mut Map<String, Value>) {
    if let Some(ports) = ports {
        view.insert("startport".to_owned(), ports.first.into());
        view.insert("endport".to_owned(), ports.last.into());
    }
}

impl EgressRule {
    fn view(&self, state: &State) -> Value {
        let mut view = Map::new();
        state.tell_common(self.id, self.owner, &mut view);
        extend(
            &mut view,
            json!({
                "protocol": self.protocol.name(), "networkid": self.network, "cidrlist": list_of(&self.from),
                "destcidrlist": list_of(&self.to), "state": self.condition.view(), "fordisplay": true,
            }),
        );
        tell_ports(self.ports, &mut view);
        view.into()
    }
}

impl State {
    /// Adds a rule, if none of the same address is about the same.
    pub(crate) fn add_firewall_rule(&mut self, rule: FirewallRule) -> Result<(), Refusal> {
        let other = self.firewall.iter().find(|other| rule.meets(other));
        if let Some(other) = other {
            let all = Ports {
                first: 1,
                last: u16::MAX,
            };
            return Err(conflict(
                rule.ports.unwrap_or(all),
                other.id,
                other.ports.unwrap_or(all),
            ));
        }
        self.firewall.push(rule);
        Ok(())
    }

    /// A rule of an address is in force, and the one that was opened with it.
    pub(crate) fn activate_firewall_of(&mut self, rule: Uuid) {
        for firewall in &mut self.firewall {
            if firewall.id == rule || firewall.opened_for == Some(rule) {
                firewall.condition = Condition::Active;
            }
        }
    }

    /// What was opened with a rule is closed again.
    pub(crate) fn close_firewall_of(&mut self, rule: Uuid) {
        let opened = self.firewall.iter();
        let opened = opened.filter(|firewall| firewall.opened_for == Some(rule));
        let opened: Vec<Uuid> = opened.map(|firewall| firewall.id).collect();
        self.firewall
            .retain(|firewall| firewall.opened_for != Some(rule));
        for id in opened {
            self.forget(id);
        }
    }

    /// Whether anything may leave a network.
    pub(crate) fn lets_out(&self, network: Uuid) -> bool {
        self.egress
            .iter()
            .any(|rule| rule.network == network && rule.condition == Condition::Active)
    }
}

pub(crate) fn create_firewall_rule(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let protocol = Protocol::of(call)?;
    if protocol == Protocol::All {
        return Err(Refusal::parameter(
            "Protocol all is not supported for ingress rules",
        ));
    }
    let ports = ports_of(call, protocol)?;
    let from = Some(call.cidrs("cidrlist")?).filter(|from| !from.is_empty());
    let id = Uuid::new_v4();
    {
        let mut state = cloud.state();
        let address = state.own(call, "ipaddressid", &state.addresses)?;
        let rule = FirewallRule {
            id,
            owner: address.owner,
            address: address.id,
            protocol,
            ports,
            from: from.unwrap_or_else(anywhere),
            opened_for: None,
            condition: Condition::Add,
        };
        state.check_service(address.network, "Firewall")?;
        state.add_firewall_rule(rule)?;
    }
    let at = Arc::clone(cloud);
    jobs::begin(cloud, call, Subject::made("FirewallRule", id), async move {
        at.state().activate_firewall_of(id);
        crate::wires::settle(&at).await?;
        let state = at.state();
        let view = get(&state.firewall, id).map(|rule| rule.view(&state));
        Ok(json!({ "firewallrule": view }))
    })
}

pub(crate) fn list_firewall_rules(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let (address, network) = (call.id("ipaddressid")?, call.id("networkid")?);
    let found = state.listed(call, "id", &state.firewall)?;
    let found = found.into_iter().filter(|rule| {
        let of = get(&state.addresses, rule.address).map(|address| address.network);
        address.is_none_or(|address| address == rule.address)
            && network.is_none_or(|network| Some(network) == of)
    });
    let found = found.map(|rule| rule.view(&state)).collect();
    call.page("firewallrule", found, state.settings.page_size)
}

pub(crate) fn delete_firewall_rule(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let id = {
        let state = cloud.state();
        state.own(call, "id", &state.firewall)?.id
    };
    let at = Arc::clone(cloud);
    jobs::begin(
        cloud,
        call,
        Subject::changed("FirewallRule", id),
        async move {
            {
                let mut state = at.state();
                state.firewall.retain(|rule| rule.id != id);
                state.forget(id);
            }
            crate::wires::settle(&at).await?;
            Ok(json!({ "success": true }))
        },
    )
}

pub(crate) fn create_egress_rule(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let protocol = Protocol::of(call)?;
    let ports = ports_of(call, protocol)?;
    let (from, to) = (call.cidrs("cidrlist")?, call.cidrs("destcidrlist")?);
    let id = Uuid::new_v4();
    {
        let mut state = cloud.state();
        let network = state.own(call, "networkid", &state.networks)?;
        let outside = from.iter().find(|from| !network.cidr.contains(*from));
        if let Some(outside) = outside {
            return Err(Refusal::parameter(format!(
                "{outside} is not within the guest cidr {}",
                network.cidr
            )));
        }
        let from = if from.is_empty() {
            vec![network.cidr]
        } else {
            from
        };
        let to = if to.is_empty() { anywhere() } else { to };
        let rule = EgressRule {
            id,
            owner: network.owner,
            network: network.id,
            protocol,
            ports,
            from,
            to,
            condition: Condition::Add,
        };
        let same = state.egress.iter().find(|other| {
            other.network == rule.network
                && other.protocol == protocol
                && other.ports == ports
                && other.from == rule.from
                && other.to == rule.to
        });
        if let Some(same) = same {
            return Err(Refusal::new(
                Code::CONFLICT,
                format!("New rule conflicts with existing rule: {}", same.id),
            ));
        }
        state.egress.push(rule);
    }
    let at = Arc::clone(cloud);
    jobs::begin(cloud, call, Subject::made("FirewallRule", id), async move {
        let network = {
            let mut state = at.state();
            get_mut(&mut state.egress, id).map(|rule| {
                rule.condition = Condition::Active;
                rule.network
            })
        };
        if let Some(network) = network {
            crate::machines::settle_routes(&at, network).await?;
        }
        let state = at.state();
        let view = get(&state.egress, id).map(|rule| rule.view(&state));
        Ok(json!({ "firewallrule": view }))
    })
}

pub(crate) fn list_egress_rules(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let network = call.id("networkid")?;
    let found = state.listed(call, "id", &state.egress)?;
    let found = found
        .into_iter()
        .filter(|rule| network.is_none_or(|network| network == rule.network));
    let found = found.map(|rule| rule.view(&state)).collect();
    call.page("firewallrule", found, state.settings.page_size)
}

pub(crate) fn delete_egress_rule(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let (id, network) = {
        let state = cloud.state();
        let rule = state.own(call, "id", &state.egress)?;
        (rule.id, rule.network)
    };
    let at = Arc::clone(cloud);
    jobs::begin(
        cloud,
        call,
        Subject::changed("FirewallRule", id),
        async move {
            {
                let mut state = at.state();
                state.egress.retain(|rule| rule.id != id);
                state.forget(id);
            }
            crate::machines::settle_routes(&at, network).await?;
            Ok(json!({ "success": true }))
        },
    )
}
