//! Which cloud it is, who asks there, and what machines are made of.

use std::collections::BTreeMap;

use crate::model::Secret;
use crate::transport::ssh::{Identities, SshAddress};

/// A cloud, and how machines are made in it.
pub struct CloudStackSettings {
    /// Where its API is: `https://cloud/client/api`.
    pub api_url: String,
    /// Who asks.
    pub api_key: Secret<String>,
    /// How that is shown.
    pub secret_key: Secret<String>,
    /// CAs that signed the cloud's certificate, PEM, beside those of the system.
    pub ca_certificate: Option<String>,
    /// The zone that machines are made in; `None`: the only one.
    pub zone: Option<String>,
    /// The project that everything is made in; `None`: the account.
    pub project: Option<String>,
    /// What clusters' networks offer; `None`: the cloud's default with source NAT.
    pub network_offering: Option<String>,
    /// What machines are made from where a cluster names nothing that the cloud has: a template's name or id.
    pub template: Option<String>,
    /// How large machines are where a cluster does not say: a service offering's name or id.
    pub service_offering: Option<String>,
    /// How large the disk of a machine is, in GiB; `None`: as the template's.
    pub root_disk_size: Option<u32>,
    /// The affinity groups that machines are in, by name.
    pub affinity_groups: Vec<String>,
    /// A key pair of the account's that machines are given too.
    pub key_pair: Option<String>,
    /// Who may reach machines and the API from outside.
    pub allowed_cidrs: Vec<String>,
    /// Who logs in on machines.
    pub user: String,
    /// What logs in on machines and bastions.
    pub identities: Identities,
    /// Through which servers machines are reached, the one that is reached from here first.
    pub bastions: Vec<SshAddress>,
    /// Which packages of a distribution bring a program, where it is not the usual one.
    pub packages: BTreeMap<String, Vec<String>>,
}
