//! `provider "coe" { … }`: which platform, and how to reach it.

mod cloudstack;
mod docker;
mod hosts;
pub(crate) mod journal;
mod openstack;
mod simulated;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use coe_engine::engine::Settings;
use coe_engine::platform::Platform;
use terraform_framework::validators::{at_least, duration_from};
use terraform_framework::{Attr, Diagnostic, Diagnostics, Model, Path, duration};

pub(crate) use cloudstack::CloudStackModel;
pub(crate) use docker::DockerModel;
pub(crate) use hosts::HostsModel;
pub(crate) use openstack::OpenStackModel;
pub(crate) use simulated::SimulatedModel;

/// Makes and keeps container clusters on any platform with any container orchestration engine (COE).
///
/// One configuration reaches one platform; several platforms are several configurations with an `alias`.
/// Without any argument the platform is the local Docker Engine.
#[derive(Model, Clone)]
pub struct ProviderModel {
    /// Machines are containers of a Docker Engine. The default.
    #[attribute(optional)]
    pub docker: Attr<DockerModel>,
    /// Machines that exist already, and are reached over SSH.
    #[attribute(optional)]
    pub hosts: Attr<HostsModel>,
    /// Machines are servers of an OpenStack cloud.
    #[attribute(optional)]
    pub openstack: Attr<OpenStackModel>,
    /// Machines are instances of a CloudStack cloud.
    #[attribute(optional)]
    pub cloudstack: Attr<CloudStackModel>,
    /// No machines at all: a platform that is kept in a folder, for plan checks in CI and for trying out.
    #[attribute(optional)]
    pub simulated: Attr<SimulatedModel>,
    /// How many steps are carried out at the same time, over all clusters of this configuration: a machine that is
    /// made, a node that joins. Default: 10.
    #[attribute(optional, validate = [at_least(1)])]
    pub parallelism: Attr<i64>,
    /// The folder in which this machine remembers what it is doing to clusters, so that the next apply cleans up
    /// at once after one that was killed, and two at once do not work on one cluster. It holds no secret.
    /// Default: `coe/journal` in `$XDG_STATE_HOME`, which is `~/.local/state` where it is not set.
    #[attribute(optional)]
    pub journal_dir: Attr<String>,
    /// How long the clean-up after a failure or a Ctrl-C may take, such as `"60s"`, which is the default. What it
    /// does not come to stays in state, and the next apply or destroy goes on with it.
    #[attribute(optional, validate = [duration_from(Duration::from_secs(1))])]
    pub cleanup_timeout: Attr<String>,
}

/// What the provider's configuration says, once all of it is known.
pub(crate) enum Choice {
    /// This platform.
    Platform(Arc<dyn Platform>, Settings),
    /// A value is not known before apply: the platform cannot be asked yet.
    Unknown,
}

/// A value that is known only after apply.
pub(crate) struct NotKnown;

fn known<T>(attribute: Attr<T>) -> Result<Option<T>, NotKnown> {
    match attribute {
        Attr::Unknown => Err(NotKnown),
        Attr::Null => Ok(None),
        Attr::Known(value) => Ok(Some(value)),
    }
}

impl ProviderModel {
    /// The platform that the configuration names. Reaches out to nothing.
    pub(crate) fn choose(self) -> Result<Choice, Diagnostics> {
        let parallelism = match self.parallelism {
            Attr::Unknown => return Ok(Choice::Unknown),
            Attr::Null => Settings::default().parallelism,
            Attr::Known(number) => parallelism(number)?,
        };
        let journal_dir = match self.journal_dir {
            Attr::Unknown => return Ok(Choice::Unknown),
            Attr::Null => journal::default_dir()?,
            Attr::Known(folder) => folder.into(),
        };
        let cleanup = match self.cleanup_timeout {
            Attr::Unknown => return Ok(Choice::Unknown),
            Attr::Null => Settings::default().cleanup,
            Attr::Known(text) => duration::parse(&text).map_err(|error| {
                Diagnostic::error("Not a duration", error.to_string())
                    .at(Path::attribute_name("cleanup_timeout"))
            })?,
        };
        let settings = Settings {
            parallelism,
            journal_dir: Some(journal_dir),
            cleanup,
        };
        let named = [
            ("cloudstack", self.cloudstack.is_null()),
            ("docker", self.docker.is_null()),
            ("hosts", self.hosts.is_null()),
            ("openstack", self.openstack.is_null()),
            ("simulated", self.simulated.is_null()),
        ];
        let mut named = named
            .into_iter()
            .filter(|(_, is_null)| !is_null)
            .map(|(name, _)| name);
        if let (Some(first), Some(second)) = (named.next(), named.next()) {
            return Err(two_platforms(first, second).into());
        }
        // One of them is named, or none.
        let platform = if self.cloudstack.is_unknown()
            || self.docker.is_unknown()
            || self.hosts.is_unknown()
            || self.openstack.is_unknown()
            || self.simulated.is_unknown()
        {
            return Ok(Choice::Unknown);
        } else if let Attr::Known(cloudstack) = self.cloudstack {
            cloudstack.platform()?
        } else if let Attr::Known(hosts) = self.hosts {
            hosts.platform()?
        } else if let Attr::Known(openstack) = self.openstack {
            openstack.platform()?
        } else if let Attr::Known(simulated) = self.simulated {
            simulated.platform()?
        } else {
            self.docker.into_known().unwrap_or_default().platform()?
        };
        Ok(match platform {
            Ok(platform) => Choice::Platform(platform, settings),
            Err(NotKnown) => Choice::Unknown,
        })
    }
}

fn two_platforms(first: &str, second: &str) -> Diagnostic {
    Diagnostic::error(
        "Two platforms in one configuration",
        format!(
            "A configuration of this provider reaches one platform, and this one names `{first}` and `{second}`. Leave \
             one of them, and put the other into a second `provider \"coe\"` block with an `alias`."
        ),
    )
    .at(Path::attribute_name(second))
}

fn parallelism(number: i64) -> Result<NonZeroUsize, Diagnostics> {
    usize::try_from(number)
        .ok()
        .and_then(NonZeroUsize::new)
        .ok_or_else(|| {
            Diagnostic::error("Not a number of steps", "It is 1 or more.")
                .at(Path::attribute_name("parallelism"))
                .into()
        })
}
