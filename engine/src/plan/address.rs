//! Which address a node gets: a pure choice, so that a node keeps it whatever happens to its machine.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

/// The lowest address of the subnet that is free. The first and the last address of an IPv4 subnet name
/// the network and everybody in it, and by convention the second is the gateway's, even while the
/// platform does not say so.
pub(crate) fn free_address(subnet: IpNet, taken: &BTreeSet<IpAddr>) -> Option<IpAddr> {
    if capacity(subnet) == 0 {
        return None;
    }
    subnet
        .hosts()
        .filter(|address| *address != subnet.network())
        .skip(1)
        .find(|address| !taken.contains(address))
}

/// The highest address of the subnet that is free: far from those that nodes get.
pub(crate) fn last_free_address(subnet: IpNet, taken: &BTreeSet<IpAddr>) -> Option<IpAddr> {
    let room = u32::try_from(capacity(subnet)).unwrap_or(u32::MAX);
    let last = match subnet {
        IpNet::V4(subnet) => u32::from(subnet.broadcast()).into(),
        IpNet::V6(subnet) => u128::from(subnet.broadcast()),
    };
    (1..=u128::from(room))
        .map(|back| match subnet {
            IpNet::V4(_) => u32::try_from(last - back).map(|bits| IpAddr::V4(bits.into())),
            IpNet::V6(_) => Ok(IpAddr::V6((last - back).into())),
        })
        .filter_map(Result::ok)
        .find(|address| !taken.contains(address))
}

/// For how many nodes a subnet has addresses.
pub(crate) fn capacity(subnet: IpNet) -> u64 {
    let host_bits = u32::from(subnet.max_prefix_len() - subnet.prefix_len());
    let addresses = 1_u64.checked_shl(host_bits).unwrap_or(u64::MAX);
    addresses.saturating_sub(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_gateway_broadcast_and_taken_addresses_are_never_given() {
        let subnet: IpNet = "10.89.0.0/29".parse().unwrap();
        let mut taken = BTreeSet::from(["10.89.0.3".parse().unwrap()]);
        let mut given = Vec::new();
        while let Some(address) = free_address(subnet, &taken) {
            taken.insert(address);
            given.push(address.to_string());
        }
        assert_eq!(given, ["10.89.0.2", "10.89.0.4", "10.89.0.5", "10.89.0.6"]);
    }

    #[test]
    fn the_last_free_address_is_below_the_broadcast_and_above_the_gateway() {
        let subnet: IpNet = "10.89.0.0/29".parse().unwrap();
        let mut taken = BTreeSet::from(["10.89.0.5".parse().unwrap()]);
        let mut given = Vec::new();
        while let Some(address) = last_free_address(subnet, &taken) {
            taken.insert(address);
            given.push(address.to_string());
        }
        assert_eq!(given, ["10.89.0.6", "10.89.0.4", "10.89.0.3", "10.89.0.2"]);
        let subnet: IpNet = "fd00::/64".parse().unwrap();
        let last = last_free_address(subnet, &BTreeSet::new());
        assert_eq!(last, Some("fd00::ffff:ffff:ffff:fffe".parse().unwrap()));
    }

    #[test]
    fn a_subnet_given_with_host_bits_is_the_same_subnet() {
        let subnet: IpNet = "10.89.0.5/29".parse().unwrap();
        let first = free_address(subnet, &BTreeSet::new());
        assert_eq!(first, Some("10.89.0.2".parse().unwrap()));
    }

    #[test]
    fn capacity_is_what_can_be_given() {
        for (subnet, nodes) in [
            ("10.0.0.0/29", 5),
            ("10.0.0.0/30", 1),
            ("10.0.0.0/31", 0),
            ("10.0.0.0/32", 0),
        ] {
            let subnet: IpNet = subnet.parse().unwrap();
            assert_eq!(capacity(subnet), nodes, "{subnet}");
        }
    }
}
