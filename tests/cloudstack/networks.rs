//! Isolated networks, each with a virtual router that is this server.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::accounts::Owner;
use crate::addresses::{self, Use};
use crate::call::Call;
use crate::catalog::NetworkOffering;
use crate::cloud::Cloud;
use crate::jobs::{self, Subject};
use crate::limits;
use crate::refusal::{Code, Refusal};
use crate::state::{State, get, get_mut, moment};

/// Whether the network's router runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Allocated,
    Implemented,
}

pub(crate) struct Network {
    pub(crate) id: Uuid,
    pub(crate) owner: Owner,
    pub(crate) name: String,
    display_text: String,
    pub(crate) offering: Uuid,
    pub(crate) cidr: Ipv4Net,
    pub(crate) gateway: Ipv4Addr,
    condition: Condition,
    created: Timestamp,
}

impl Network {
    /// An address of it that nobody ever has: where what may not leave the network goes.
    pub(crate) fn nowhere(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.cidr.broadcast()) - 1)
    }

    fn view(&self, state: &State) -> Value {
        let mut view = Map::new();
        state.tell_common(self.id, self.owner, &mut view);
        let zone = &state.catalog.zone;
        let offering = offering(state, self.offering);
        let condition = match self.condition {
            Condition::Allocated => "Allocated",
            Condition::Implemented => "Implemented",
        };
        let own = json!({
            "name": self.name, "displaytext": self.display_text, "state": condition, "type": "Isolated",
            "traffictype": "Guest", "broadcastdomaintype": "Vlan", "acltype": "Account",
            "cidr": self.cidr.to_string(), "gateway": self.gateway, "netmask": self.cidr.netmask(),
            "zoneid": zone.id, "zonename": zone.name, "networkofferingid": self.offering,
            "networkofferingname": offering.map(|offering| offering.name),
            "networkofferingconservemode": true, "networkofferingavailability": "Optional",
            "egressdefaultpolicy": false, "ispersistent": false, "restartrequired": false, "canusefordeploy": true,
            "specifyipranges": false, "issystem": false, "related": self.id, "networkdomain": "cs.internal",
            "dns1": "127.0.0.11", "created": moment(self.created),
            "service": offering.map(NetworkOffering::view_services),
        });
        extend(&mut view, own);
        view.into()
    }
}

/// Adds the fields of an object to another.
pub(crate) fn extend(view: &mut Map<String, Value>, fields: Value) {
    if let Value::Object(fields) = fields {
        view.extend(fields);
    }
}

fn offering(state: &State, id: Uuid) -> Option<&NetworkOffering> {
    let mut offerings = state.catalog.network_offerings.iter();
    offerings.find(|offering| offering.id == id)
}

impl State {
    pub(crate) fn network_has(&self, network: Uuid, service: &str) -> bool {
        get(&self.networks, network)
            .and_then(|network| offering(self, network.offering))
            .is_some_and(|offering| offering.has(service))
    }

    /// Refuses what a network's offering has not.
    pub(crate) fn check_service(&self, network: Uuid, service: &str) -> Result<(), Refusal> {
        if self.network_has(network, service) {
            return Ok(());
        }
        Err(Refusal::parameter(format!(
            "Service {service} is not supported in the network id={network}"
        )))
    }

    /// An address of a network that no machine has.
    pub(crate) fn free_address_in(&self, network: &Network) -> Option<Ipv4Addr> {
        network.cidr.hosts().find(|address| {
            *address != network.gateway
                && *address != network.nowhere()
                && !self
                    .machines
                    .iter()
                    .any(|machine| machine.network == network.id && machine.address == *address)
        })
    }

    /// Makes the network's router run: from then on it has an address in the world.
    pub(crate) fn implement(&mut self, cloud: &Cloud, id: Uuid) -> Result<(), Refusal> {
        let Some(network) = get_mut(&mut self.networks, id) else {
            return Err(Refusal::internal(format!("there is no network {id}")));
        };
        network.condition = Condition::Implemented;
        let owner = network.owner;
        let has_source_nat = self
            .addresses
            .iter()
            .any(|address| address.network == id && address.purpose == Use::SourceNat);
        if !has_source_nat && self.network_has(id, "SourceNat") {
            addresses::take(cloud, self, owner, id, Use::SourceNat)?;
        }
        Ok(())
    }
}

/// The network's range of addresses, if the call says one.
fn range(call: &Call) -> Result<Option<(Ipv4Net, Ipv4Addr)>, Refusal> {
    let (Some(gateway), Some(netmask)) = (call.text("gateway"), call.text("netmask")) else {
        if call.text("gateway").is_some() || call.text("netmask").is_some() {
            return Err(Refusal::parameter(
                "gateway and netmask must both be specified for Isolated networks",
            ));
        }
        return Ok(None);
    };
    let wrong = || Refusal::parameter(format!("Invalid gateway {gateway} or netmask {netmask}"));
    let gateway: Ipv4Addr = gateway.parse().map_err(|_| wrong())?;
    let netmask: Ipv4Addr = netmask.parse().map_err(|_| wrong())?;
    let range = Ipv4Net::with_netmask(gateway, netmask).map_err(|_| wrong())?;
    if range.prefix_len() > 29 {
        return Err(wrong());
    }
    Ok(Some((range.trunc(), gateway)))
}

pub(crate) async fn create_network(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let name = call.required("name")?.to_owned();
    let offering_id = call.required_id("networkofferingid")?;
    let zone = call.required_id("zoneid")?;
    let range = range(call)?;
    let owner = {
        let state = cloud.state();
        if zone != state.catalog.zone.id {
            return Err(call.no_entity("zoneid", zone));
        }
        if offering(&state, offering_id).is_none() {
            return Err(call.no_entity("networkofferingid", offering_id));
        }
        let owner = state.people.owner_for(call)?;
        state.check_limit(owner, limits::NETWORKS, 1)?;
        owner
    };
    let id = Uuid::new_v4();
    let (cidr, gateway) = cloud
        .engine
        .create_network(id, range)
        .await
        .map_err(Refusal::internal)?;
    let mut state = cloud.state();
    let network = Network {
        id,
        owner,
        display_text: call.text("displaytext").unwrap_or(&name).to_owned(),
        name,
        offering: offering_id,
        cidr,
        gateway,
        condition: Condition::Allocated,
        created: state.now(),
    };
    let view = network.view(&state);
    state.networks.push(network);
    Ok(json!({ "network": view }))
}

pub(crate) fn list_networks(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let keyword = call.text("keyword").map(str::to_lowercase);
    let zone = call.id("zoneid")?;
    let services: Vec<&str> = call.list("supportedservices").collect();
    let found = state.listed(call, "id", &state.networks)?;
    let found = found.into_iter().filter(|network| {
        keyword
            .as_ref()
            .is_none_or(|word| network.name.to_lowercase().contains(word))
            && zone.is_none_or(|zone| zone == state.catalog.zone.id)
            && call
                .text("type")
                .is_none_or(|kind| kind.eq_ignore_ascii_case("Isolated"))
            && services
                .iter()
                .all(|service| state.network_has(network.id, service))
    });
    let found = found.map(|network| network.view(&state)).collect();
    call.page("network", found, state.settings.page_size)
}

pub(crate) fn delete_network(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let id = {
        let state = cloud.state();
        state.own(call, "id", &state.networks)?.id
    };
    let at = Arc::clone(cloud);
    jobs::begin(cloud, call, Subject::changed("Network", id), async move {
        {
            let state = at.state();
            let held = state
                .machines
                .iter()
                .find(|machine| machine.network == id && machine.holds_its_network());
            if let Some(machine) = held {
                return Err(Refusal::new(
                    Code(state.settings.network_in_use_code),
                    format!(
                        "Failed to delete network: not all user vms are expunged, vm {} is in {} state",
                        machine.id,
                        machine.condition.name()
                    ),
                ));
            }
        }
        at.engine
            .remove_network(id)
            .await
            .map_err(Refusal::internal)?;
        {
            let mut state = at.state();
            state.networks.retain(|network| network.id != id);
            let rules = state.egress.iter().filter(|rule| rule.network == id);
            let rules: Vec<Uuid> = rules.map(|rule| rule.id).collect();
            state.egress.retain(|rule| rule.network != id);
            for rule in rules {
                state.forget(rule);
            }
            let addresses = state
                .addresses
                .iter()
                .filter(|address| address.network == id);
            let addresses: Vec<Uuid> = addresses.map(|address| address.id).collect();
            for address in addresses {
                state.release(address);
            }
            state.forget(id);
        }
        crate::wires::settle(&at).await?;
        Ok(json!({ "success": true }))
    })
}
