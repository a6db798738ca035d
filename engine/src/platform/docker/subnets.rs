//! Which subnet a new network gets. Pure.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use crate::model::ClusterId;

/// Where new networks come from, each of them a /24 of it: 256 clusters an engine.
const POOL: Ipv4Addr = Ipv4Addr::new(10, 89, 0, 0);

/// The subnets of the pool that overlap none of `taken`, in an order that differs from cluster to
/// cluster, so that clusters made at the same time seldom ask for the same one.
pub(super) fn free(cluster: ClusterId, taken: &[IpNet]) -> impl Iterator<Item = Ipv4Net> {
    let first = cluster
        .to_string()
        .bytes()
        .fold(0_u8, |sum, byte| sum.rotate_left(3) ^ byte);
    (0..=u8::MAX)
        .map(move |step| subnet(first.wrapping_add(step)))
        .filter(move |subnet| {
            !taken
                .iter()
                .any(|other| overlap(IpNet::V4(*subnet), *other))
        })
}

fn subnet(third: u8) -> Ipv4Net {
    let [first, second, _, _] = POOL.octets();
    Ipv4Net::new_assert(Ipv4Addr::new(first, second, third, 0), 24)
}

/// Whether two subnets share an address.
pub(super) fn overlap(one: IpNet, other: IpNet) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// The first address of a subnet, which the engine gives to the network's gateway.
pub(super) fn gateway(subnet: IpNet) -> Option<IpAddr> {
    subnet.hosts().next()
}

/// The subnets that this machine has routes to, from the text of `/proc/net/route`; the default route
/// is none.
pub(super) fn routes(text: &str) -> Vec<IpNet> {
    text.lines().skip(1).filter_map(route).collect()
}

/// A line: interface, destination, gateway, flags, use counts, metric, mask; addresses are hexadecimal
/// numbers in the byte order of the machine (`proc_net_route(5)`).
fn route(line: &str) -> Option<IpNet> {
    let mut columns = line.split_whitespace().skip(1);
    let destination = u32::from_str_radix(columns.next()?, 16).ok()?;
    let mask = u32::from_str_radix(columns.nth(5)?, 16).ok()?;
    let destination = Ipv4Addr::from(destination.to_ne_bytes());
    let mask = Ipv4Addr::from(mask.to_ne_bytes());
    let net = Ipv4Net::with_netmask(destination, mask).ok()?;
    (net.prefix_len() > 0).then_some(IpNet::V4(net))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_subnet_is_never_chosen() {
        let cluster = ClusterId::new();
        let first = free(cluster, &[]).next().unwrap();
        assert!(free(cluster, &[IpNet::V4(first)]).all(|subnet| subnet != first));
        let half: IpNet = "10.89.0.0/17".parse().unwrap();
        assert_eq!(free(cluster, &[half]).count(), 128);
        let everything: IpNet = "10.0.0.0/8".parse().unwrap();
        assert_eq!(free(cluster, &[everything]).count(), 0);
    }

    #[test]
    fn all_of_the_pool_is_tried_once() {
        let mut all: Vec<_> = free(ClusterId::new(), &[]).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 256);
    }

    #[test]
    fn routes_are_read_without_the_default_route() {
        let text = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
                    eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                    docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        let expected: IpNet = "172.17.0.0/16".parse().unwrap();
        assert_eq!(routes(text), [expected]);
    }
}
