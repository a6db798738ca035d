//! `openstack = { … }`: machines are servers of an OpenStack cloud.

use std::collections::BTreeMap;
use std::sync::Arc;

use coe_engine::model::Secret;
use coe_engine::platform::Platform;
use coe_engine::platform::openstack::{
    CloudAccess, InvalidAccess, NameOrId, OpenStack, OpenStackSettings,
};
use terraform_framework::{Attr, Diagnostic, Diagnostics, Model, Path};

use super::hosts::{Missing, SshModel, bastions, identities, packages};
use super::{NotKnown, known};

/// A project of an OpenStack cloud. What is not said here is read from `clouds.yaml`, if a cloud is named, and from
/// the environment variables that OpenStack's own client reads (`OS_AUTH_URL` and the others).
#[derive(Model, Clone)]
pub struct OpenStackModel {
    /// The name of a cloud in `clouds.yaml`. Default: the environment variable `OS_CLOUD`.
    #[attribute(optional)]
    pub cloud: Attr<String>,
    /// Where Keystone is: `https://cloud:5000/v3`.
    #[attribute(optional)]
    pub auth_url: Attr<String>,
    /// Which region of the cloud.
    #[attribute(optional)]
    pub region: Attr<String>,
    /// The CA that signed the cloud's certificates, PEM, beside those of the system.
    #[attribute(optional)]
    pub ca_certificate: Attr<String>,
    /// The id of an application credential.
    #[attribute(optional)]
    pub application_credential_id: Attr<String>,
    /// Its secret.
    #[attribute(optional, sensitive)]
    pub application_credential_secret: Attr<String>,
    /// The name of a user.
    #[attribute(optional)]
    pub user_name: Attr<String>,
    /// The name of the user's domain. Default: the domain with the id `default`.
    #[attribute(optional)]
    pub user_domain_name: Attr<String>,
    /// The user's password.
    #[attribute(optional, sensitive)]
    pub password: Attr<String>,
    /// The name of the project.
    #[attribute(optional)]
    pub project_name: Attr<String>,
    /// The name of the project's domain. Default: the domain with the id `default`.
    #[attribute(optional)]
    pub project_domain_name: Attr<String>,
    /// A token, instead of what it would be got with.
    #[attribute(optional, sensitive)]
    pub token: Attr<String>,
    /// The image that machines are made from where a cluster names none: a name or an id. It has cloud-init, as the
    /// images of distributions for clouds do.
    #[attribute(optional)]
    pub image: Attr<String>,
    /// The flavor of machines where a cluster names none.
    #[attribute(optional)]
    pub flavor: Attr<String>,
    /// The zone that machines are made in. Default: the cloud chooses.
    #[attribute(optional)]
    pub availability_zone: Attr<String>,
    /// A key pair that the image's own user is given too.
    #[attribute(optional)]
    pub key_pair: Attr<String>,
    /// The network that leads out of the cloud. Clusters' networks get a router to it. Default: they lead nowhere.
    #[attribute(optional)]
    pub external_network: Attr<String>,
    /// How machines are reached: at their addresses in the cluster's network, from here or from the last bastion. The
    /// user (default: `coe`) is made with the machine, and the public part of the private key is what lets in.
    #[attribute(required)]
    pub ssh: Attr<SshModel>,
    /// Which packages bring a program that is missing on a machine, by the program's name. Default: the one of the
    /// distribution, such as `docker.io` for `dockerd`.
    #[attribute(optional)]
    pub packages: Attr<BTreeMap<String, Attr<Vec<Attr<String>>>>>,
}

const USER: &str = "coe";

impl OpenStackModel {
    /// The project that is named here. Reaches out to nothing but files.
    pub(crate) fn platform(self) -> Result<Result<Arc<dyn Platform>, NotKnown>, Diagnostics> {
        match self.settings() {
            Ok(settings) => Ok(Ok(Arc::new(OpenStack::new(settings)))),
            Err(Missing::NotKnown) => Ok(Err(NotKnown)),
            Err(Missing::Wrong(diagnostics)) => Err(diagnostics),
        }
    }

    fn settings(self) -> Result<OpenStackSettings, Missing> {
        let path = Path::attribute_name("openstack");
        let access = self.access()?;
        let invalid = |attribute: &str, error: &InvalidAccess| {
            Diagnostic::error("The cloud cannot be asked", error.to_string())
                .at(path.attribute(attribute))
        };
        let authentication = access
            .authentication()
            .map_err(|error| invalid("application_credential_id", &error))?;
        let Some(auth_url) = access.auth_url else {
            return Err(invalid("auth_url", &InvalidAccess::NoAuthUrl).into());
        };
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
        Ok(OpenStackSettings {
            auth_url,
            authentication,
            region: access.region,
            ca_certificate: access.ca_certificate,
            image: known(self.image)?,
            flavor: known(self.flavor)?,
            availability_zone: known(self.availability_zone)?,
            key_pair: known(self.key_pair)?,
            external_network: known(self.external_network)?,
            bastions: bastions(&ssh, &user, &ssh_path)?,
            identities: identities(ssh, &ssh_path)?,
            user,
            packages: packages(self.packages)?,
        })
    }

    fn access(&self) -> Result<CloudAccess, Missing> {
        let name = |attribute: &Attr<String>| {
            Ok::<_, NotKnown>(known(attribute.clone())?.map(NameOrId::Name))
        };
        let secret = |attribute: &Attr<String>| {
            Ok::<_, NotKnown>(known(attribute.clone())?.map(Secret::new))
        };
        let given = CloudAccess {
            auth_url: known(self.auth_url.clone())?,
            region: known(self.region.clone())?,
            ca_certificate: known(self.ca_certificate.clone())?,
            user: name(&self.user_name)?,
            user_domain: name(&self.user_domain_name)?,
            password: secret(&self.password)?,
            project: name(&self.project_name)?,
            project_domain: name(&self.project_domain_name)?,
            application_credential: known(self.application_credential_id.clone())?
                .map(NameOrId::Id),
            application_credential_secret: secret(&self.application_credential_secret)?,
            token: secret(&self.token)?,
        };
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let cloud = known(self.cloud.clone())?.or_else(|| variable("OS_CLOUD"));
        let invalid = |attribute: &str, error: &InvalidAccess| {
            let path = Path::attribute_name("openstack").attribute(attribute);
            Diagnostic::error("The cloud cannot be asked", error.to_string()).at(path)
        };
        let given = match &cloud {
            Some(cloud) => given
                .or(CloudAccess::of_cloud(cloud, variable)
                    .map_err(|error| invalid("cloud", &error))?),
            None => given,
        };
        let environment = CloudAccess::of_environment(variable)
            .map_err(|error| invalid("ca_certificate", &error))?;
        Ok(given.or(environment))
    }
}
