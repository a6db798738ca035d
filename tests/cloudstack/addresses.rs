//! Public addresses: each is one of this machine's loopback addresses, on which the server listens.

use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::accounts::Owner;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::jobs::{self, Subject};
use crate::limits;
use crate::networks::extend;
use crate::refusal::{Code, Refusal};
use crate::state::{State, get, get_mut, moment};

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// The network's own one in the world, which it has as long as it is there.
    SourceNat,
    Rules,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Allocating,
    Allocated,
}

pub(crate) struct Address {
    pub(crate) id: Uuid,
    pub(crate) owner: Owner,
    pub(crate) network: Uuid,
    pub(crate) ip: Ipv4Addr,
    pub(crate) purpose: Use,
    condition: Condition,
    allocated: Timestamp,
}

impl Address {
    fn view(&self, state: &State) -> Value {
        let mut view = Map::new();
        state.tell_common(self.id, self.owner, &mut view);
        let zone = &state.catalog.zone;
        let network = get(&state.networks, self.network);
        let condition = match self.condition {
            Condition::Allocating => "Allocating",
            Condition::Allocated => "Allocated",
        };
        let own = json!({
            "ipaddress": self.ip, "allocated": moment(self.allocated), "state": condition,
            "issourcenat": self.purpose == Use::SourceNat, "isstaticnat": false, "issystem": false,
            "isportable": false, "forvirtualnetwork": true, "fordisplay": true, "zoneid": zone.id,
            "zonename": zone.name, "associatednetworkid": self.network,
            "associatednetworkname": network.map(|network| network.name.clone()),
        });
        extend(&mut view, own);
        view.into()
    }
}

/// Gives a network one more address.
pub(crate) fn take(
    cloud: &Cloud,
    state: &mut State,
    owner: Owner,
    network: Uuid,
    purpose: Use,
) -> Result<Uuid, Refusal> {
    state.check_limit(owner, limits::ADDRESSES, 1)?;
    let mut pool = cloud.wires.addresses();
    let free = pool.find(|free| !state.addresses.iter().any(|taken| taken.ip == *free));
    let ip = free
        .ok_or_else(|| Refusal::new(Code::CAPACITY, "Insufficient address capacity in the zone"))?;
    let id = Uuid::new_v4();
    state.addresses.push(Address {
        id,
        owner,
        network,
        ip,
        purpose,
        condition: match purpose {
            Use::SourceNat => Condition::Allocated,
            Use::Rules => Condition::Allocating,
        },
        allocated: state.now(),
    });
    Ok(id)
}

impl State {
    /// Gives an address back, with all rules on it.
    pub(crate) fn release(&mut self, id: Uuid) {
        let rules = |of: Vec<(Uuid, Uuid)>| -> Vec<Uuid> {
            let on_it = of.into_iter().filter(|(_, address)| *address == id);
            on_it.map(|(rule, _)| rule).collect()
        };
        let mut gone = rules(
            self.firewall
                .iter()
                .map(|rule| (rule.id, rule.address))
                .collect(),
        );
        gone.extend(rules(
            self.forwards
                .iter()
                .map(|rule| (rule.id, rule.address))
                .collect(),
        ));
        gone.extend(rules(
            self.balancers
                .iter()
                .map(|rule| (rule.id, rule.address))
                .collect(),
        ));
        self.firewall.retain(|rule| rule.address != id);
        self.forwards.retain(|rule| rule.address != id);
        self.balancers.retain(|rule| rule.address != id);
        self.addresses.retain(|address| address.id != id);
        gone.push(id);
        for id in gone {
            self.forget(id);
        }
    }
}

pub(crate) fn associate_ip_address(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let id = {
        let mut state = cloud.state();
        if call.text("networkid").is_none() {
            return Err(Refusal::parameter(
                "Unable to figure out zone to assign ip to: give networkid",
            ));
        }
        let network = state.own(call, "networkid", &state.networks)?;
        let (owner, network) = (network.owner, network.id);
        // The first address of a network becomes the one that its machines are seen with.
        let first = !state
            .addresses
            .iter()
            .any(|address| address.network == network);
        let purpose = if first && state.network_has(network, "SourceNat") {
            Use::SourceNat
        } else {
            Use::Rules
        };
        take(cloud, &mut state, owner, network, purpose)?
    };
    let at = Arc::clone(cloud);
    jobs::begin(cloud, call, Subject::made("IpAddress", id), async move {
        let mut state = at.state();
        if let Some(address) = get_mut(&mut state.addresses, id) {
            address.condition = Condition::Allocated;
        }
        let address = get(&state.addresses, id);
        let view = address.map(|address| address.view(&state));
        Ok(json!({ "ipaddress": view }))
    })
}

pub(crate) fn list_public_ip_addresses(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let network = call.id("associatednetworkid")?;
    // The network that an address is *of*, which is the zone's public one, and no isolated one.
    let of_network = call.id("networkid")?;
    let source_nat = call.flag("issourcenat")?;
    let found = state.listed(call, "id", &state.addresses)?;
    let found = found.into_iter().filter(|address| {
        network.is_none_or(|network| network == address.network)
            && of_network.is_none()
            && source_nat.is_none_or(|only| only == (address.purpose == Use::SourceNat))
            && call
                .text("ipaddress")
                .is_none_or(|asked| asked == address.ip.to_string())
    });
    let found = found.map(|address| address.view(&state)).collect();
    call.page("publicipaddress", found, state.settings.page_size)
}

pub(crate) fn disassociate_ip_address(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let id = {
        let state = cloud.state();
        state.own(call, "id", &state.addresses)?.id
    };
    let at = Arc::clone(cloud);
    jobs::begin(cloud, call, Subject::changed("IpAddress", id), async move {
        {
            let mut state = at.state();
            let own = get(&state.addresses, id);
            if own.is_some_and(|address| address.purpose == Use::SourceNat) {
                return Err(Refusal::internal(
                    "ip address is used for source nat purposes and can not be disassociated.",
                ));
            }
            state.release(id);
        }
        crate::wires::settle(&at).await?;
        Ok(json!({ "success": true }))
    })
}
