//! What leads clients to the control planes of a cluster that has several.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::MachineState;

/// A balancer that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balancer {
    /// The platform's id.
    pub id: String,
    /// Its address in the cluster's network.
    pub address: IpAddr,
    /// Where clients reach it from outside: an address and a port of the platform's host.
    pub published: (IpAddr, u16),
    /// The control planes that it leads to, by their addresses.
    pub targets: BTreeSet<IpAddr>,
    /// How it does.
    pub state: MachineState,
}
