//! Which platform a command works on: options that say what the provider's configuration says.

use std::path::PathBuf;
use std::sync::Arc;

use coe_engine::engine::Settings;
use coe_engine::platform::Platform;
use terraform_framework::configuration::from_json;
use terraform_framework::{Attr, Diagnostic, Diagnostics};

use crate::configuration::{Choice, DockerModel, ProviderModel, SimulatedModel, journal};

/// As the arguments of the same names in the provider's configuration.
#[derive(Debug, Default, PartialEq)]
pub struct PlatformOptions {
    /// A file with all arguments of the provider's configuration, as JSON. The others are said beside no file.
    pub configuration: Option<PathBuf>,
    /// `docker = { host = … }`.
    pub docker_host: Option<String>,
    /// `simulated = { dir = … }`.
    pub simulated_dir: Option<String>,
    /// `journal_dir`.
    pub journal_dir: Option<String>,
}

impl PlatformOptions {
    /// The platform, by the rules of the provider's configuration. Reaches out to nothing.
    pub(super) fn choose(self) -> Result<(Arc<dyn Platform>, Settings), Diagnostics> {
        match self.model()?.choose()? {
            Choice::Platform(platform, settings) => Ok((platform, settings)),
            // Nothing of it is unknown.
            Choice::Unknown => Err(Diagnostics::new()),
        }
    }

    fn model(self) -> Result<ProviderModel, Diagnostics> {
        if let Some(file) = self.configuration {
            let name = file.display().to_string();
            let text = std::fs::read(&file).map_err(|error| {
                Diagnostic::error(format!("{name} cannot be read"), error.to_string())
            })?;
            return from_json(&text, &name);
        }
        let docker = self.docker_host.map(|host| DockerModel {
            host: Attr::Known(host),
            ..DockerModel::default()
        });
        let simulated = self.simulated_dir.map(|dir| SimulatedModel {
            dir: Attr::Known(dir),
            latency: Attr::Null,
            quota: Attr::Null,
            faults: Attr::Null,
        });
        Ok(ProviderModel {
            cloudstack: Attr::Null,
            hosts: Attr::Null,
            openstack: Attr::Null,
            docker: docker.into(),
            simulated: simulated.into(),
            parallelism: Attr::Null,
            journal_dir: self.journal_dir.into(),
            cleanup_timeout: Attr::Null,
        })
    }
}

/// The folder of journals, by the same rules.
pub(super) fn journal_dir(given: Option<String>) -> Result<PathBuf, Diagnostics> {
    given.map_or_else(journal::default_dir, |folder| Ok(folder.into()))
}
