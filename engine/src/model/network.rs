//! The network between a cluster's nodes.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Which network a cluster's nodes should have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkSpec {
    /// A new one with a subnet that the platform finds free.
    #[default]
    Isolated,
    /// A new one with this subnet.
    Subnet(IpNet),
    /// One that exists; it is never changed and never deleted.
    Existing(String),
}

/// What a network brings from machine to machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carries {
    /// Packets of any address: what is behind a machine is reached by a route.
    #[default]
    AnyAddress,
    /// Packets from and to the machines' own addresses, or it is not known to bring others.
    MachinesOnly,
}

/// A network that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The platform's id.
    pub id: String,
    /// The platform's name.
    pub name: String,
    /// Where nodes get their addresses from.
    pub subnet: IpNet,
    /// Addresses in the subnet that are not for nodes: the gateway, and what foreign machines hold.
    pub taken: Vec<IpAddr>,
    /// What it brings from machine to machine.
    #[serde(default)]
    pub carries: Carries,
    /// Where what machines publish is reached from outside, where that is one address for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<IpAddr>,
    /// Whether the cluster made it, and deletes it.
    pub owned: bool,
}
