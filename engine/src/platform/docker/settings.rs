//! Which engine to speak to, and how, by the rules of the docker CLI.

use std::path::PathBuf;

use crate::model::Secret;

/// Where the docker CLI looks when nothing else is said.
const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// Which engine to speak to. What is not set takes the docker CLI's default; contexts of the CLI are
/// not read.
#[derive(Clone, Default)]
pub struct DockerSettings {
    /// As `DOCKER_HOST`: `unix:///var/run/docker.sock`, `tcp://engine:2376`.
    pub host: Option<String>,
    /// As `DOCKER_TLS_VERIFY`: whether a tcp connection is a TLS connection. `None`: it is where
    /// certificates are given.
    pub tls_verify: Option<bool>,
    /// As `DOCKER_CERT_PATH`: the folder of `ca.pem`, `cert.pem` and `key.pem`, for those that are not
    /// given as text. Default `~/.docker`. Without the last two the client has no certificate.
    pub cert_path: Option<PathBuf>,
    /// The CA that signed the engine's certificate, PEM.
    pub ca_certificate: Option<String>,
    /// The client's certificate, PEM.
    pub client_certificate: Option<String>,
    /// The client's key, PEM.
    pub client_key: Option<Secret<String>>,
}

impl DockerSettings {
    /// What is not set is taken from the docker CLI's environment variables, through `variable`.
    #[must_use]
    pub fn or_environment(mut self, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if self.host.is_none() {
            self.host = set("DOCKER_HOST");
            // As with the CLI's --host: the TLS switch of the environment goes with the environment's
            // host, or with one that is given and says nothing of TLS.
        }
        self.tls_verify = self
            .tls_verify
            .or_else(|| set("DOCKER_TLS_VERIFY").map(|_| true));
        self.cert_path = self
            .cert_path
            .or_else(|| set("DOCKER_CERT_PATH").map(PathBuf::from))
            .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".docker")));
        self
    }
}

/// The engine's address, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EngineAddress {
    /// The path of a socket of this machine.
    Unix(String),
    /// `host:port` without TLS.
    Tcp(String),
    /// `host:port` with TLS.
    Tls(String),
}

impl std::fmt::Display for EngineAddress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix://{path}"),
            Self::Tcp(address) | Self::Tls(address) => write!(formatter, "tcp://{address}"),
        }
    }
}

/// Why the engine's address was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDockerHost {
    /// `ssh://`.
    #[error(
        "{0:?}: an engine cannot be reached over ssh from here; forward its socket with \
         `ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock <host>` and use unix:///tmp/docker.sock"
    )]
    Ssh(String),
    /// `npipe://`.
    #[error("{0:?}: named pipes are for Windows; use unix:// or tcp://")]
    NamedPipe(String),
    /// Anything else.
    #[error(
        "{0:?} is not the address of a Docker Engine: unix:///var/run/docker.sock or \
         tcp://engine:2376"
    )]
    Unknown(String),
}

impl DockerSettings {
    pub(super) fn uses_tls(&self) -> bool {
        self.tls_verify.unwrap_or_else(|| self.has_certificates())
    }

    /// Whether certificates are given as text.
    pub fn has_certificates(&self) -> bool {
        self.ca_certificate.is_some()
            || self.client_certificate.is_some()
            || self.client_key.is_some()
    }

    pub(super) fn address(&self) -> Result<EngineAddress, InvalidDockerHost> {
        let host = self.host.as_deref().unwrap_or(DEFAULT_HOST);
        let unknown = || InvalidDockerHost::Unknown(host.to_owned());
        let (scheme, rest) = host.split_once("://").ok_or_else(unknown)?;
        if rest.is_empty() {
            return Err(unknown());
        }
        match scheme {
            "unix" if rest.starts_with('/') => Ok(EngineAddress::Unix(rest.to_owned())),
            "tcp" | "http" | "https" => {
                let tls = scheme == "https" || self.uses_tls();
                let address = with_port(rest.trim_end_matches('/'), tls).ok_or_else(unknown)?;
                Ok(if tls {
                    EngineAddress::Tls(address)
                } else {
                    EngineAddress::Tcp(address)
                })
            }
            "ssh" => Err(InvalidDockerHost::Ssh(host.to_owned())),
            "npipe" => Err(InvalidDockerHost::NamedPipe(host.to_owned())),
            _ => Err(unknown()),
        }
    }
}

/// `engine` → `engine:2376`, the CLI's default ports; `None` for what has a path or a bad port.
fn with_port(address: &str, tls: bool) -> Option<String> {
    if address.is_empty() || address.contains('/') {
        return None;
    }
    let after_brackets = address.rsplit_once(']').map_or(address, |(_, rest)| rest);
    match after_brackets.rsplit_once(':') {
        Some((_, port)) => port.parse::<u16>().ok().map(|_| address.to_owned()),
        None => Some(format!("{address}:{}", if tls { 2376 } else { 2375 })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str, tls_verify: bool) -> Result<EngineAddress, InvalidDockerHost> {
        DockerSettings {
            host: Some(host.to_owned()),
            tls_verify: Some(tls_verify),
            ..DockerSettings::default()
        }
        .address()
    }

    #[test]
    fn nothing_said_is_the_socket_of_this_machine() {
        let address = DockerSettings::default().address();
        assert_eq!(
            address,
            Ok(EngineAddress::Unix("/var/run/docker.sock".to_owned()))
        );
    }

    #[test]
    fn addresses_are_read_as_the_docker_cli_reads_them() {
        let tcp = |text: &str| Ok(EngineAddress::Tcp(text.to_owned()));
        let tls = |text: &str| Ok(EngineAddress::Tls(text.to_owned()));
        assert_eq!(address("tcp://engine:1234", false), tcp("engine:1234"));
        assert_eq!(address("tcp://engine", false), tcp("engine:2375"));
        assert_eq!(address("tcp://engine", true), tls("engine:2376"));
        assert_eq!(address("tcp://[::1]", true), tls("[::1]:2376"));
        assert_eq!(address("tcp://[::1]:99", false), tcp("[::1]:99"));
        assert_eq!(address("https://engine:1", false), tls("engine:1"));
        assert_eq!(
            address("unix:///run/x.sock", true),
            Ok(EngineAddress::Unix("/run/x.sock".to_owned()))
        );
    }

    #[test]
    fn what_cannot_be_reached_is_refused_in_words() {
        let refused = |host: &str| address(host, false).unwrap_err();
        assert!(
            refused("ssh://root@engine")
                .to_string()
                .contains("forward its socket")
        );
        assert!(matches!(
            refused("npipe:////./pipe/docker"),
            InvalidDockerHost::NamedPipe(_)
        ));
        for host in [
            "engine:2375",
            "unix://",
            "unix://relative",
            "tcp://engine:x",
            "fd://",
            "",
        ] {
            assert!(
                matches!(refused(host), InvalidDockerHost::Unknown(_)),
                "{host}"
            );
        }
    }

    #[test]
    fn settings_come_before_the_environment() {
        let variable = |name: &str| match name {
            "DOCKER_HOST" => Some("tcp://environment".to_owned()),
            "DOCKER_TLS_VERIFY" => Some("1".to_owned()),
            "HOME" => Some("/home/somebody".to_owned()),
            _ => None,
        };
        let given = DockerSettings {
            host: Some("tcp://given".to_owned()),
            ..Default::default()
        };
        let given = given.or_environment(variable);
        assert_eq!(
            given.address(),
            Ok(EngineAddress::Tls("given:2376".to_owned()))
        );
        assert_eq!(
            given.cert_path,
            Some(PathBuf::from("/home/somebody/.docker"))
        );
        let without_tls = DockerSettings {
            tls_verify: Some(false),
            ..Default::default()
        };
        assert_eq!(
            without_tls.or_environment(variable).address(),
            Ok(EngineAddress::Tcp("environment:2375".to_owned()))
        );
        let none = DockerSettings::default().or_environment(variable);
        assert_eq!(
            none.address(),
            Ok(EngineAddress::Tls("environment:2376".to_owned()))
        );
    }
}
