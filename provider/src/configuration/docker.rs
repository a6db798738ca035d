//! `docker = { … }`: machines are containers of a Docker Engine.

use std::path::PathBuf;
use std::sync::Arc;

use coe_engine::model::Secret;
use coe_engine::platform::Platform;
use coe_engine::platform::docker::{Docker, DockerSettings};
use terraform_framework::{Attr, Diagnostic, Diagnostics, Model, Path};

use super::NotKnown;

/// A Docker Engine.
#[derive(Model, Clone, Default)]
pub struct DockerModel {
    /// Address of the engine: `unix:///var/run/docker.sock`, `tcp://engine:2376`. Default: the environment
    /// variable `DOCKER_HOST`, or else the local socket.
    #[attribute(optional)]
    pub host: Attr<String>,
    /// Whether a `tcp` address is spoken to over TLS. Default: whether `DOCKER_TLS_VERIFY` is set or certificates are
    /// given. `false` comes before the environment.
    #[attribute(optional)]
    pub tls_verify: Attr<bool>,
    /// Folder of `ca.pem`, and of `cert.pem` and `key.pem` where the engine asks clients for a certificate. Default: the environment variable `DOCKER_CERT_PATH`, or
    /// else `~/.docker`.
    #[attribute(optional)]
    pub cert_path: Attr<String>,
    /// The CA that signed the engine's certificate, PEM; instead of `cert_path`.
    #[attribute(optional)]
    pub ca_certificate: Attr<String>,
    /// The client's certificate, PEM; instead of `cert_path`.
    #[attribute(optional)]
    pub client_certificate: Attr<String>,
    /// The client's key, PEM; instead of `cert_path`.
    #[attribute(optional, sensitive)]
    pub client_key: Attr<String>,
}

impl DockerModel {
    /// The engine that is named here and in the environment. Reaches out to nothing.
    pub(crate) fn platform(self) -> Result<Result<Arc<dyn Platform>, NotKnown>, Diagnostics> {
        let settings = match self.settings() {
            Ok(settings) => settings,
            Err(not_known) => return Ok(Err(not_known)),
        };
        if settings.tls_verify == Some(false) && settings.has_certificates() {
            return Err(Diagnostic::error(
                "Certificates without TLS",
                "`tls_verify` is false, and certificates are given, which mean TLS. Leave one of the two out.",
            )
            .at(Path::attribute_name("docker").attribute("tls_verify"))
            .into());
        }
        let settings = settings.or_environment(|name| std::env::var(name).ok());
        let docker = Docker::connect(settings).map_err(|invalid| {
            Diagnostic::error(
                "The address of the Docker Engine is not understood",
                invalid.to_string(),
            )
            .at(Path::attribute_name("docker").attribute("host"))
        })?;
        Ok(Ok(Arc::new(docker)))
    }

    fn settings(self) -> Result<DockerSettings, NotKnown> {
        Ok(DockerSettings {
            host: super::known(self.host)?,
            tls_verify: super::known(self.tls_verify)?,
            cert_path: super::known(self.cert_path)?.map(PathBuf::from),
            ca_certificate: super::known(self.ca_certificate)?,
            client_certificate: super::known(self.client_certificate)?,
            client_key: super::known(self.client_key)?.map(Secret::new),
        })
    }
}
