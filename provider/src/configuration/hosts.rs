//! `hosts = { … }`: machines that exist, reached over SSH.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use coe_engine::model::{NodeName, Role, Secret};
use coe_engine::platform::Platform;
use coe_engine::platform::hosts::{Hosts, HostsSettings, MachineSettings};
use coe_engine::transport::ssh::{HostKey, Identities, SshAddress};
use terraform_framework::validators::at_least;
use terraform_framework::{Attr, Diagnostic, Diagnostics, Model, Path};

use super::{NotKnown, known};

/// Machines that exist already. Clusters draw their nodes from them, and give them back clean.
#[derive(Model, Clone)]
pub struct HostsModel {
    /// The machines by name. A name has the same characters as that of a cluster.
    #[attribute(required)]
    pub machines: Attr<BTreeMap<String, Attr<MachineModel>>>,
    /// How they are reached.
    #[attribute(optional)]
    pub ssh: Attr<SshModel>,
    /// Which packages bring a program that is missing on a machine, by the program's name. Default: the one of the
    /// distribution, such as `docker.io` for `dockerd`.
    #[attribute(optional)]
    pub packages: Attr<BTreeMap<String, Attr<Vec<Attr<String>>>>>,
}

/// A machine that exists.
#[derive(Model, Clone)]
pub struct MachineModel {
    /// Where its SSH server is: a name or an address.
    #[attribute(required)]
    pub address: Attr<String>,
    /// The address by which the other machines reach it. Default: `address`, which then is no name.
    #[attribute(optional)]
    pub cluster_address: Attr<String>,
    /// The port of its SSH server. Default: 22.
    #[attribute(optional, validate = [at_least(1)])]
    pub port: Attr<u16>,
    /// Who logs in. Default: `ssh.user`, or else `root`. Anybody else has to become root by `sudo` without a password.
    #[attribute(optional)]
    pub user: Attr<String>,
    /// By which public key its SSH server is known: `"ssh-ed25519 AAAA…"`, the content of
    /// `/etc/ssh/ssh_host_ed25519_key.pub` there. A machine without one is not spoken to: the error says which key it
    /// shows.
    #[attribute(optional)]
    pub host_key: Attr<String>,
    /// What nodes may be on it: `control_plane`, `worker`. Default: both.
    #[attribute(optional)]
    pub roles: Attr<Vec<Attr<String>>>,
    /// What fails together with it, such as a rack. Nodes of a role are spread over zones.
    #[attribute(optional)]
    pub zone: Attr<String>,
}

/// How machines are reached.
#[derive(Model, Clone, Default)]
pub struct SshModel {
    /// Who logs in where a machine or bastion says nothing else. Default: `root`, and on servers of a cloud `coe`.
    #[attribute(optional)]
    pub user: Attr<String>,
    /// The private key to log in with: ed25519, ECDSA or RSA, in OpenSSH's or PEM form.
    #[attribute(optional, sensitive)]
    pub private_key: Attr<String>,
    /// The file that the private key is in; instead of `private_key`.
    #[attribute(optional)]
    pub private_key_file: Attr<String>,
    /// The passphrase of a private key that is encrypted.
    #[attribute(optional, sensitive)]
    pub passphrase: Attr<String>,
    /// Whether the SSH agent of `SSH_AUTH_SOCK` is asked. Default: whether no private key is given.
    #[attribute(optional)]
    pub agent: Attr<bool>,
    /// The servers through which machines are reached, one through the other, the one that is reached from here
    /// first.
    #[attribute(optional)]
    pub bastions: Attr<Vec<Attr<BastionModel>>>,
}

/// A server through which machines are reached.
#[derive(Model, Clone)]
pub struct BastionModel {
    /// A name or an address.
    #[attribute(required)]
    pub address: Attr<String>,
    /// Default: 22.
    #[attribute(optional, validate = [at_least(1)])]
    pub port: Attr<u16>,
    /// Who logs in. Default: `ssh.user`, or else `root`.
    #[attribute(optional)]
    pub user: Attr<String>,
    /// By which public key it is known, as `host_key` of a machine.
    #[attribute(optional)]
    pub host_key: Attr<String>,
}

/// Why there are no settings.
pub(super) enum Missing {
    NotKnown,
    Wrong(Diagnostics),
}

impl From<NotKnown> for Missing {
    fn from(NotKnown: NotKnown) -> Self {
        Self::NotKnown
    }
}

impl From<Diagnostic> for Missing {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Wrong(diagnostic.into())
    }
}

const SSH_PORT: u16 = 22;

impl HostsModel {
    /// The machines that are named here. Reaches out to nothing but the file of the private key.
    pub(crate) fn platform(self) -> Result<Result<Arc<dyn Platform>, NotKnown>, Diagnostics> {
        match self.settings() {
            Ok(settings) => Ok(Ok(Arc::new(Hosts::new(settings)))),
            Err(Missing::NotKnown) => Ok(Err(NotKnown)),
            Err(Missing::Wrong(diagnostics)) => Err(diagnostics),
        }
    }

    fn settings(self) -> Result<HostsSettings, Missing> {
        let path = Path::attribute_name("hosts");
        let ssh = known(self.ssh)?.unwrap_or_default();
        let user = known(ssh.user.clone())?.unwrap_or_else(|| "root".to_owned());
        let bastions = bastions(&ssh, &user, &path.attribute("ssh"))?;
        let mut machines = BTreeMap::new();
        let mut at = BTreeMap::new();
        for (name, model) in known(self.machines)?.unwrap_or_default() {
            let path = path.attribute("machines").key(&name);
            let Some(model) = known(model)? else {
                return Err(missing("A machine is missing", &path));
            };
            let parsed: NodeName =
                name.parse()
                    .map_err(|error: coe_engine::model::InvalidName| {
                        Diagnostic::error("Not a name of a machine", error.to_string())
                            .at(path.clone())
                    })?;
            let machine = machine(model, &user, &path)?;
            if let Some(other) = at.insert(machine.address, name.clone()) {
                let detail = format!(
                    "{name} and {other} both have {}: each machine has one name.",
                    machine.address
                );
                let twice = Diagnostic::error("Two names for one machine", detail);
                return Err(twice.at(path.attribute("address")).into());
            }
            machines.insert(parsed, machine);
        }
        if machines.is_empty() {
            let none = Diagnostic::error(
                "No machines",
                "Name at least one: clusters are made of them.",
            );
            return Err(none.at(path.attribute("machines")).into());
        }
        Ok(HostsSettings {
            machines,
            identities: identities(ssh, &path.attribute("ssh"))?,
            bastions,
            packages: packages(self.packages)?,
        })
    }
}

/// The servers through which machines are reached; `user` logs in where one says nothing else.
pub(super) fn bastions(
    ssh: &SshModel,
    user: &str,
    path: &Path,
) -> Result<Vec<SshAddress>, Missing> {
    let bastions = known(ssh.bastions.clone())?.unwrap_or_default();
    let bastions = bastions.into_iter().zip(0..).map(|(bastion, index)| {
        let path = path.attribute("bastions").index(index);
        let Some(bastion) = known(bastion)? else {
            return Err(missing("A bastion is missing", &path));
        };
        let server = (
            bastion.address,
            bastion.port,
            bastion.user,
            bastion.host_key,
        );
        address(server, user, &path)
    });
    bastions.collect()
}

/// The packages that bring a program, as the user says.
pub(super) fn packages(
    given: Attr<BTreeMap<String, Attr<Vec<Attr<String>>>>>,
) -> Result<BTreeMap<String, Vec<String>>, Missing> {
    let mut packages = BTreeMap::new();
    for (program, names) in known(given)?.unwrap_or_default() {
        let names = known(names)?.unwrap_or_default().into_iter();
        let names = names.map(known).collect::<Result<Vec<_>, _>>()?;
        packages.insert(program, names.into_iter().flatten().collect());
    }
    Ok(packages)
}

fn machine(model: MachineModel, user: &str, path: &Path) -> Result<MachineSettings, Missing> {
    let (attribute, own) = match known(model.cluster_address)? {
        Some(own) => ("cluster_address", Some(own)),
        None => ("address", known(model.address.clone())?),
    };
    let own = own.unwrap_or_default();
    let cluster_address: IpAddr = own.parse().map_err(|_| {
        let detail = format!(
            "The other machines reach a machine by its address, and {own:?} is none. Give `cluster_address`."
        );
        Diagnostic::error("Not an address", detail).at(path.attribute(attribute))
    })?;
    let mut roles = BTreeSet::new();
    for (role, index) in known(model.roles)?.unwrap_or_default().into_iter().zip(0..) {
        let role = known(role)?.unwrap_or_default();
        let of_name = |is: &Role| is.as_str() == role;
        let role = [Role::ControlPlane, Role::Worker].into_iter().find(of_name);
        roles.insert(role.ok_or_else(|| {
            Diagnostic::error("Not a role", "It is control_plane or worker.")
                .at(path.attribute("roles").index(index))
        })?);
    }
    let server = (model.address, model.port, model.user, model.host_key);
    Ok(MachineSettings {
        ssh: address(server, user, path)?,
        address: cluster_address,
        roles,
        zone: known(model.zone)?,
    })
}

/// Address, port, user, host key.
type Server = (Attr<String>, Attr<u16>, Attr<String>, Attr<String>);

fn address((host, port, own, key): Server, user: &str, path: &Path) -> Result<SshAddress, Missing> {
    let host_key = known(key)?.map(|key| key.parse::<HostKey>()).transpose();
    let host_key = host_key.map_err(|error| {
        Diagnostic::error("Not a host key", error.to_string()).at(path.attribute("host_key"))
    })?;
    Ok(SshAddress {
        host: known(host)?.unwrap_or_default(),
        port: known(port)?.unwrap_or(SSH_PORT),
        user: known(own)?.unwrap_or_else(|| user.to_owned()),
        host_key,
    })
}

pub(super) fn identities(ssh: SshModel, path: &Path) -> Result<Identities, Missing> {
    let file = known(ssh.private_key_file)?;
    let (attribute, key) = match (known(ssh.private_key)?, file) {
        (Some(_), Some(_)) => {
            let detail = "Give `private_key` or `private_key_file`.";
            return Err(Diagnostic::error("Two private keys", detail)
                .at(path.attribute("private_key_file"))
                .into());
        }
        (Some(key), None) => ("private_key", Some(key)),
        (None, Some(file)) => {
            let key = std::fs::read_to_string(&file).map_err(|error| {
                Diagnostic::error("The private key cannot be read", format!("{file}: {error}"))
                    .at(path.attribute("private_key_file"))
            })?;
            ("private_key_file", Some(key))
        }
        (None, None) => ("private_key", None),
    };
    let asks_agent = known(ssh.agent)?.unwrap_or(key.is_none());
    let socket = std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from);
    let identities = Identities::of_agent(socket.filter(|_| asks_agent));
    let passphrase = known(ssh.passphrase)?.map(Secret::new);
    let Some(key) = key.map(Secret::new) else {
        return Ok(identities);
    };
    identities
        .with_key(&key, passphrase.as_ref())
        .map_err(|error| {
            Diagnostic::error("The private key cannot be used", error.to_string())
                .at(path.attribute(attribute))
                .into()
        })
}

fn missing(summary: &str, path: &Path) -> Missing {
    Diagnostic::error(summary, "It is null.")
        .at(path.clone())
        .into()
}
