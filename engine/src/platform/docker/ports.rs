//! Ports of the engine's host that lead to nodes.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use bollard::models::ContainerSummary;

use super::{balancer, labels};
use crate::model::{ClusterId, NodeSpec, PortMapping};

/// Where chosen ports come from: above the range of which Linux takes ports for outgoing connections
/// (`net.ipv4.ip_local_port_range`, 32768–60999), so that no connection holds one of them when its
/// container starts again.
const FIRST_PORT: u16 = 61000;
const LAST_PORT: u16 = 65535;

/// The host ports that the engine's containers hold, or will hold when they start again.
///
/// The list tells the ports of a running container only; those of our own stopped ones are in their
/// labels.
pub(super) fn in_use(containers: &[ContainerSummary]) -> HashSet<u16> {
    let published = containers
        .iter()
        .flat_map(|container| container.ports.iter().flatten())
        .filter_map(|port| port.public_port);
    let kept = containers
        .iter()
        .filter_map(|container| container.labels.as_ref()?.get(labels::NODE_SPEC))
        .filter_map(|text| serde_json::from_str::<NodeSpec>(text).ok())
        .flat_map(|spec| spec.ports)
        .filter_map(|port| port.host_port);
    let of_balancers = containers
        .iter()
        .filter_map(|container| container.labels.as_ref()?.get(labels::BALANCER))
        .filter_map(|text| serde_json::from_str::<balancer::Made>(text).ok())
        .map(|made| made.host_port);
    published.chain(kept).chain(of_balancers).collect()
}

/// Every port with its host port: those that are to be chosen get one that is not in `taken`, the same
/// one each time if it can be. `None`: no port is left.
pub(super) fn choose(
    cluster: ClusterId,
    ports: &[PortMapping],
    mut taken: HashSet<u16>,
) -> Option<Vec<PortMapping>> {
    taken.extend(ports.iter().filter_map(|port| port.host_port));
    let mut chosen = Vec::with_capacity(ports.len());
    for port in ports {
        let host_port = match port.host_port {
            Some(host_port) => host_port,
            None => free_port(cluster, port, &taken)?,
        };
        taken.insert(host_port);
        chosen.push(PortMapping {
            host_port: Some(host_port),
            ..port.clone()
        });
    }
    Some(chosen)
}

fn free_port(cluster: ClusterId, port: &PortMapping, taken: &HashSet<u16>) -> Option<u16> {
    let mut hasher = DefaultHasher::new();
    (cluster, &port.node, port.node_port).hash(&mut hasher);
    let room = u64::from(LAST_PORT - FIRST_PORT) + 1;
    let preferred = hasher.finish() % room;
    (0..room)
        .filter_map(|step| u16::try_from((preferred + step) % room).ok())
        .map(|offset| FIRST_PORT + offset)
        .find(|port| !taken.contains(port))
}

/// The port that the engine says is in use, of its answer to a start.
pub(super) fn refused_port(reason: &str, ports: &[PortMapping]) -> Option<u16> {
    let in_use = [
        "port is already allocated",
        "address already in use",
        "ports are not available",
    ]
    .iter()
    .any(|words| reason.contains(words));
    let named = |port: &u16| {
        let digits = port.to_string();
        reason.match_indices(&digits).any(|(at, _)| {
            let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
            let before = at
                .checked_sub(1)
                .and_then(|before| reason.as_bytes().get(before));
            !is_digit(before) && !is_digit(reason.as_bytes().get(at + digits.len()))
        })
    };
    let published = ports.iter().filter_map(|port| port.host_port);
    if in_use {
        published.into_iter().find(named)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::model::Protocol;

    fn port(host_port: Option<u16>) -> PortMapping {
        PortMapping {
            node: "demo-control-plane-1".parse().unwrap(),
            node_port: 2376,
            host_port,
            listen_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            protocol: Protocol::Tcp,
        }
    }

    #[test]
    fn a_chosen_port_is_free_and_the_same_each_time() {
        let cluster = ClusterId::new();
        let choose_one =
            |taken: HashSet<u16>| choose(cluster, &[port(None)], taken).unwrap()[0].host_port;
        let first = choose_one(HashSet::new()).unwrap();
        assert!((FIRST_PORT..=LAST_PORT).contains(&first));
        assert_eq!(choose_one(HashSet::new()), Some(first));
        assert_ne!(choose_one(HashSet::from([first])), Some(first));
        assert_eq!(
            choose(cluster, &[port(None)], (FIRST_PORT..=LAST_PORT).collect()),
            None
        );
    }

    #[test]
    fn a_given_port_stays_and_two_chosen_ones_differ() {
        let chosen = choose(
            ClusterId::new(),
            &[port(Some(8080)), port(None), port(None)],
            HashSet::new(),
        )
        .unwrap();
        assert_eq!(chosen[0].host_port, Some(8080));
        assert_ne!(chosen[1].host_port, chosen[2].host_port);
    }

    #[test]
    fn the_port_in_use_is_found_in_the_engines_words() {
        let ports = [port(Some(80)), port(Some(8080))];
        let reason = "driver failed programming external connectivity on endpoint x: Bind for \
                      127.0.0.1:8080 failed: port is already allocated";
        assert_eq!(refused_port(reason, &ports), Some(8080));
        let reason = "listen tcp4 127.0.0.1:8080: bind: address already in use";
        assert_eq!(refused_port(reason, &ports), Some(8080));
        assert_eq!(refused_port("no such image: x:8080", &ports), None);
    }
}
