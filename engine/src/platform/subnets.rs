//! Which subnet a new network of a cloud gets. Pure.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};

use super::{PlatformError, Retry};
use crate::model::{ClusterId, Owner};

/// Where subnets come from that nobody has named; the same as everywhere in this program.
const POOL: (Ipv4Addr, u8) = (Ipv4Addr::new(10, 128, 0, 0), 9);
const SUBNET_PREFIX: u8 = 24;

/// Whether two subnets share an address.
pub(super) fn overlap(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}

/// What the subnet of a new network is to be: the one that is wanted, or one that is free.
pub(super) fn choose(
    owner: &Owner,
    wanted: Option<IpNet>,
    others: &[IpNet],
) -> Result<IpNet, PlatformError> {
    let refused = |reason: String| PlatformError::Refused {
        what: format!("create subnet {}", owner.cluster_name),
        reason,
        help: None,
        retry: Retry::Never,
    };
    let Some(wanted) = wanted else {
        let none = || {
            refused(format!(
                "no /{SUBNET_PREFIX} of {}/{} is free",
                POOL.0, POOL.1
            ))
        };
        return free(owner.cluster, others).ok_or_else(none);
    };
    match others.iter().find(|other| overlap(other, &wanted)) {
        Some(other) => Err(refused(format!(
            "{wanted} overlaps with {other} of this project"
        ))),
        None => Ok(wanted),
    }
}

/// A subnet that overlaps with none of `others`. Clusters begin to look at places of their own, so that two that look
/// at once do not find the same one.
fn free(cluster: ClusterId, others: &[IpNet]) -> Option<IpNet> {
    let (address, prefix) = POOL;
    let pool = Ipv4Net::new(address, prefix).ok()?;
    let all: Vec<Ipv4Net> = pool.subnets(SUBNET_PREFIX).ok()?.collect();
    let mut hasher = DefaultHasher::new();
    cluster.hash(&mut hasher);
    let start = usize::try_from(hasher.finish() % u64::try_from(all.len()).ok()?).ok()?;
    let in_turn = all.iter().cycle().skip(start).take(all.len());
    in_turn
        .map(|subnet| IpNet::V4(*subnet))
        .find(|subnet| !others.iter().any(|other| overlap(other, subnet)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_look_for_a_subnet_at_places_of_their_own() {
        let subnets: std::collections::BTreeSet<IpNet> = (0..20)
            .filter_map(|_| free(ClusterId::new(), &[]))
            .collect();
        assert!(subnets.len() > 15, "{subnets:?}");
        let cluster = ClusterId::new();
        let first = free(cluster, &[]).unwrap();
        assert_ne!(free(cluster, &[first]), Some(first));
        let all = IpNet::V4(Ipv4Net::new(POOL.0, POOL.1).unwrap());
        assert_eq!(free(cluster, &[all]), None);
    }
}
