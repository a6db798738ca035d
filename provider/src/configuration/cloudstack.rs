//! `cloudstack = { … }`: machines are instances of a CloudStack cloud.

use std::collections::BTreeMap;
use std::sync::Arc;

use coe_engine::model::Secret;
use coe_engine::platform::Platform;
use coe_engine::platform::cloudstack::{
    CloudStack, CloudStackAccess, CloudStackSettings, InvalidAccess, read_ca,
};
use terraform_framework::validators::{at_least, cidr, each};
use terraform_framework::{Attr, Diagnostic, Diagnostics, Model, Path};

use super::hosts::{Missing, SshModel, bastions, identities, packages};
use super::{NotKnown, known};

/// An account or a project of a CloudStack cloud. What is not said here is read from a profile of CloudMonkey's, if one
/// is named, and from the environment variables `CLOUDSTACK_API_URL`, `CLOUDSTACK_API_KEY`, `CLOUDSTACK_SECRET_KEY` and
/// `CLOUDSTACK_CA_FILE`.
#[derive(Model, Clone)]
pub struct CloudStackModel {
    /// Where the API is, over TLS: `https://cloud.example.org/client/api`.
    #[attribute(optional)]
    pub api_url: Attr<String>,
    /// The API key of a user.
    #[attribute(optional)]
    pub api_key: Attr<String>,
    /// Its secret key.
    #[attribute(optional, sensitive)]
    pub secret_key: Attr<String>,
    /// The name of a profile in `~/.cmk/config` or `~/.cloudmonkey/config`.
    #[attribute(optional)]
    pub profile: Attr<String>,
    /// A file with the CA that signed the cloud's certificate, PEM, beside those of the system.
    #[attribute(optional)]
    pub ca_file: Attr<String>,
    /// The zone that machines are made in: a name or an id. Default: the only one.
    #[attribute(optional)]
    pub zone: Attr<String>,
    /// The project that everything is made in: a name or an id. Default: none, what is made is the account's.
    #[attribute(optional)]
    pub project: Attr<String>,
    /// The offering of clusters' networks: a name or an id. It has source NAT, port forwarding, firewall, DHCP and user
    /// data; a load balancer is used where it has one. Default: the cloud's default offering with source NAT.
    #[attribute(optional)]
    pub network_offering: Attr<String>,
    /// The template that machines are made from where a cluster names none: a name or an id. It has cloud-init, and takes
    /// SSH keys.
    #[attribute(optional)]
    pub template: Attr<String>,
    /// The service offering of machines where a cluster names no flavor.
    #[attribute(optional)]
    pub service_offering: Attr<String>,
    /// How large the disk of a machine is, in GiB. Default: as large as the template's.
    #[attribute(optional, validate = [at_least(1)])]
    pub root_disk_size: Attr<i64>,
    /// Affinity groups that machines are in, by name: one of the type `host anti-affinity` keeps machines on hosts of
    /// their own.
    #[attribute(optional)]
    pub affinity_groups: Attr<Vec<Attr<String>>>,
    /// A key pair that the template's own user is given too.
    #[attribute(optional)]
    pub key_pair: Attr<String>,
    /// From where machines and the API of clusters are reached, as networks. Default: from everywhere, `0.0.0.0/0`.
    #[attribute(optional, validate = [each(cidr())])]
    pub allowed_cidrs: Attr<Vec<Attr<String>>>,
    /// How machines are reached: at a port of the public address of their network, from here or from the last bastion.
    /// The user (default: `coe`) is made with the machine, and the public part of the private key is what lets in.
    #[attribute(required)]
    pub ssh: Attr<SshModel>,
    /// Which packages bring a program that is missing on a machine, by the program's name. Default: the one of the
    /// distribution, such as `docker.io` for `dockerd`.
    #[attribute(optional)]
    pub packages: Attr<BTreeMap<String, Attr<Vec<Attr<String>>>>>,
}

const USER: &str = "coe";
const EVERYWHERE: &str = "0.0.0.0/0";

impl CloudStackModel {
    /// The account that is named here. Reaches out to nothing but files.
    pub(crate) fn platform(self) -> Result<Result<Arc<dyn Platform>, NotKnown>, Diagnostics> {
        match self.settings() {
            Ok(settings) => Ok(Ok(Arc::new(CloudStack::new(settings)))),
            Err(Missing::NotKnown) => Ok(Err(NotKnown)),
            Err(Missing::Wrong(diagnostics)) => Err(diagnostics),
        }
    }

    fn settings(self) -> Result<CloudStackSettings, Missing> {
        let path = Path::attribute_name("cloudstack");
        let access = self.access()?;
        let api_url = access.url().map_err(|error| invalid("api_url", &error))?;
        let (api_key, secret_key) = access.keys().map_err(|error| {
            let attribute = match &error {
                InvalidAccess::Missing { argument, .. } => argument,
                _ => "api_key",
            };
            invalid(attribute, &error)
        })?;
        let ssh = known(self.ssh)?.unwrap_or_default();
        let ssh_path = path.attribute("ssh");
        let user = known(ssh.user.clone())?.unwrap_or_else(|| USER.to_owned());
        if ssh.private_key.is_null() && ssh.private_key_file.is_null() {
            let detail = "Machines are told to let the public part of a private key in. Give `private_key` or \
                          `private_key_file`.";
            return Err(Diagnostic::error("No private key", detail)
                .at(ssh_path.attribute("private_key"))
                .into());
        }
        let mut allowed_cidrs = texts(self.allowed_cidrs)?;
        if allowed_cidrs.is_empty() {
            allowed_cidrs.push(EVERYWHERE.to_owned());
        }
        let root_disk_size = known(self.root_disk_size)?;
        Ok(CloudStackSettings {
            api_url,
            api_key,
            secret_key,
            ca_certificate: access.ca_certificate,
            zone: known(self.zone)?,
            project: known(self.project)?,
            network_offering: known(self.network_offering)?,
            template: known(self.template)?,
            service_offering: known(self.service_offering)?,
            root_disk_size: root_disk_size.and_then(|size| u32::try_from(size).ok()),
            affinity_groups: texts(self.affinity_groups)?,
            key_pair: known(self.key_pair)?,
            allowed_cidrs,
            bastions: bastions(&ssh, &user, &ssh_path)?,
            identities: identities(ssh, &ssh_path)?,
            user,
            packages: packages(self.packages)?,
        })
    }

    fn access(&self) -> Result<CloudStackAccess, Missing> {
        let secret = |attribute: &Attr<String>| {
            Ok::<_, NotKnown>(known(attribute.clone())?.map(Secret::new))
        };
        let ca_file = known(self.ca_file.clone())?;
        let ca_certificate = ca_file.map(|file| read_ca(&file)).transpose();
        let given = CloudStackAccess {
            api_url: known(self.api_url.clone())?,
            api_key: secret(&self.api_key)?,
            secret_key: secret(&self.secret_key)?,
            ca_certificate: ca_certificate.map_err(|error| invalid("ca_file", &error))?,
        };
        let variable = |name: &str| std::env::var(name).ok();
        let given = match known(self.profile.clone())? {
            Some(profile) => given.or(CloudStackAccess::of_profile(&profile, variable)
                .map_err(|error| invalid("profile", &error))?),
            None => given,
        };
        let environment = CloudStackAccess::of_environment(variable)
            .map_err(|error| invalid("ca_file", &error))?;
        Ok(given.or(environment))
    }
}

fn invalid(attribute: &str, error: &InvalidAccess) -> Diagnostic {
    let path = Path::attribute_name("cloudstack").attribute(attribute);
    Diagnostic::error("The cloud cannot be asked", error.to_string()).at(path)
}

fn texts(attribute: Attr<Vec<Attr<String>>>) -> Result<Vec<String>, NotKnown> {
    let texts = known(attribute)?.unwrap_or_default();
    let texts = texts
        .into_iter()
        .map(known)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(texts.into_iter().flatten().collect())
}
