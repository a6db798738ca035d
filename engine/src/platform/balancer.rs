//! What a balancer is called and which address it has, the same on every platform that makes one.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{BalancerRequest, PlatformError, Retry};
use crate::model::{NodeName, Owner};
use crate::plan::last_free_address;

/// The name of a cluster's balancer: none of the names that its nodes have.
pub(super) fn name_of(owner: &Owner) -> Result<NodeName, PlatformError> {
    let name = format!("{}-balancer", owner.cluster_name);
    name.parse().map_err(|error| PlatformError::Refused {
        what: format!("name the balancer {name}"),
        reason: format!("{error}"),
        help: None,
        retry: Retry::Never,
    })
}

/// The highest address of the network that nobody has, far from those that nodes get. `held` are those that the
/// network does not tell of.
pub(super) fn free_address(
    owner: &Owner,
    request: &BalancerRequest,
    held: impl IntoIterator<Item = IpAddr>,
) -> Result<IpAddr, PlatformError> {
    let network = &request.network;
    let mut taken: BTreeSet<IpAddr> = network.taken.iter().copied().collect();
    taken.extend(&request.targets);
    taken.extend(held);
    last_free_address(network.subnet, &taken).ok_or_else(|| PlatformError::Refused {
        what: format!("find an address for the balancer of {}", owner.cluster_name),
        reason: format!("all of {} are taken", network.subnet),
        help: Some("Use a larger subnet.".to_owned()),
        retry: Retry::Never,
    })
}
