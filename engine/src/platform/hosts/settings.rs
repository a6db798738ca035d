//! Which machines there are, and how they are reached.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::model::{NodeName, Role};
use crate::transport::ssh::{Identities, SshAddress};

/// The machines that clusters may be made of.
pub struct HostsSettings {
    /// The machines by name.
    pub machines: BTreeMap<NodeName, MachineSettings>,
    /// What logs in on machines and bastions.
    pub identities: Identities,
    /// Through which servers machines are reached, the one that is reached from here first.
    pub bastions: Vec<SshAddress>,
    /// Which packages of a distribution bring a program, where it is not the usual one.
    pub packages: BTreeMap<String, Vec<String>>,
}

/// A machine that exists.
pub struct MachineSettings {
    /// Where its SSH server is.
    pub ssh: SshAddress,
    /// By which address the other machines reach it.
    pub address: IpAddr,
    /// What nodes may be on it; empty: any.
    pub roles: BTreeSet<Role>,
    /// What fails together with it: nodes of a role are spread over zones.
    pub zone: Option<String>,
}
