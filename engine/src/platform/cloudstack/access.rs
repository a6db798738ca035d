//! What is said of a cloud and of who asks there: in a configuration, in a profile of CloudMonkey's, in the environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::model::Secret;

/// Where profiles are below a user's home: as CloudMonkey writes them, and as it did before version 6.
const PROFILES: [&str; 2] = [".cmk/config", ".cloudmonkey/config"];

/// The keys and values of profiles, by their names.
type Profiles = BTreeMap<String, BTreeMap<String, String>>;

/// What one place says of a cloud; what it does not say, another place may.
#[derive(Default)]
pub struct CloudStackAccess {
    /// Where its API is.
    pub api_url: Option<String>,
    /// Who asks.
    pub api_key: Option<Secret<String>>,
    /// How that is shown.
    pub secret_key: Option<Secret<String>>,
    /// CAs that signed the cloud's certificate, PEM.
    pub ca_certificate: Option<String>,
}

/// Why nobody can be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAccess {
    /// Nothing says that.
    #[error(
        "{what} is missing: give `{argument}`, or `profile` (a profile of CloudMonkey's), or set {variable}"
    )]
    Missing {
        /// What.
        what: &'static str,
        /// The argument that would say it.
        argument: &'static str,
        /// The variable that would.
        variable: &'static str,
    },
    /// Everybody on the way could read what is sent.
    #[error(
        "{0:?} is not an https:// address. User data with keys of machines would be readable on the way, and what is \
         signed could be sent again. Give the address of the API over TLS, such as https://cloud.example.org/client/api, \
         and its CA as `ca_file` if the system does not know it"
    )]
    NotOverTls(String),
    /// No file has a profile of that name.
    #[error("no profile is named {name:?} in {looked_in}{known}")]
    NoProfile {
        /// The name.
        name: String,
        /// Where it was looked for.
        looked_in: String,
        /// Those that are there.
        known: String,
    },
    /// A file cannot be read.
    #[error("{file} cannot be used: {reason}")]
    File {
        /// Which.
        file: String,
        /// Why.
        reason: String,
    },
}

impl CloudStackAccess {
    /// What the environment says.
    pub fn of_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, InvalidAccess> {
        let said = |name: &str| variable(name).filter(|value| !value.is_empty());
        let ca_file = said("CLOUDSTACK_CA_FILE");
        Ok(Self {
            api_url: said("CLOUDSTACK_API_URL"),
            api_key: said("CLOUDSTACK_API_KEY").map(Secret::new),
            secret_key: said("CLOUDSTACK_SECRET_KEY").map(Secret::new),
            ca_certificate: ca_file.map(|file| read_ca(&file)).transpose()?,
        })
    }

    /// What a profile of CloudMonkey's says.
    pub fn of_profile(
        name: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, InvalidAccess> {
        let home = variable("HOME").map(PathBuf::from).unwrap_or_default();
        let files = PROFILES.map(|file| home.join(file));
        let mut known = Vec::new();
        for file in &files {
            let Some(mut profiles) = profiles(file)? else {
                continue;
            };
            if let Some(mut profile) = profiles.remove(name) {
                let mut said = |key: &str| profile.remove(key).filter(|value| !value.is_empty());
                return Ok(Self {
                    api_url: said("url"),
                    api_key: said("apikey").map(Secret::new),
                    secret_key: said("secretkey").map(Secret::new),
                    ca_certificate: None,
                });
            }
            let of_clouds = profiles
                .into_iter()
                .filter(|(_, profile)| profile.contains_key("url"));
            known.extend(of_clouds.map(|(name, _)| name));
        }
        let looked_in = files.each_ref().map(|file| file.display().to_string());
        Err(InvalidAccess::NoProfile {
            name: name.to_owned(),
            looked_in: looked_in.join(", "),
            known: if known.is_empty() {
                String::new()
            } else {
                format!("; named are: {}", known.join(", "))
            },
        })
    }

    /// What this says, and `other` where this says nothing. Who asks is taken from one of the two as a whole.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let (api_key, secret_key) = if self.api_key.is_some() {
            (self.api_key, self.secret_key)
        } else {
            (other.api_key, self.secret_key.or(other.secret_key))
        };
        Self {
            api_url: self.api_url.or(other.api_url),
            api_key,
            secret_key,
            ca_certificate: self.ca_certificate.or(other.ca_certificate),
        }
    }

    /// Where the API is, and not what only looks like it.
    pub fn url(&self) -> Result<String, InvalidAccess> {
        let url = self.api_url.as_deref().ok_or(InvalidAccess::Missing {
            what: "the address of the cloud's API",
            argument: "api_url",
            variable: "CLOUDSTACK_API_URL",
        })?;
        let Some(rest) = url.strip_prefix("https://") else {
            return Err(InvalidAccess::NotOverTls(url.to_owned()));
        };
        let url = url.trim_end_matches('/');
        Ok(if rest.trim_end_matches('/').contains('/') {
            url.to_owned()
        } else {
            format!("{url}/client/api")
        })
    }

    /// Who asks, and how that is shown.
    pub fn keys(&self) -> Result<(Secret<String>, Secret<String>), InvalidAccess> {
        let missing = |what, argument, variable| InvalidAccess::Missing {
            what,
            argument,
            variable,
        };
        let api_key = self.api_key.clone();
        let secret_key = self.secret_key.clone();
        Ok((
            api_key.ok_or(missing("the API key", "api_key", "CLOUDSTACK_API_KEY"))?,
            secret_key.ok_or(missing(
                "the secret key",
                "secret_key",
                "CLOUDSTACK_SECRET_KEY",
            ))?,
        ))
    }
}

/// The CAs in a file.
pub fn read_ca(file: &str) -> Result<String, InvalidAccess> {
    let path = PathBuf::from(file);
    std::fs::read_to_string(&path).map_err(|error| unusable(&path, &error))
}

/// The sections of a file of CloudMonkey's; `None`: there is no such file. What a line says is never told: it may be a
/// secret.
fn profiles(file: &Path) -> Result<Option<Profiles>, InvalidAccess> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(file, &error)),
    };
    let mut profiles = Profiles::new();
    let mut section = String::new();
    for line in text.lines().map(str::trim) {
        let name = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Some(name) = name {
            name.trim().clone_into(&mut section);
        } else if line.starts_with(['#', ';']) {
        } else if let Some((key, value)) = line.split_once('=') {
            let profile = profiles.entry(section.clone()).or_default();
            profile.insert(key.trim().to_lowercase(), value.trim().to_owned());
        }
    }
    Ok(Some(profiles))
}

fn unusable(file: &Path, reason: &dyn std::fmt::Display) -> InvalidAccess {
    InvalidAccess::File {
        file: file.display().to_string(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment<'a>(
        variables: &'a [(&'a str, &'a str)],
    ) -> impl Fn(&str) -> Option<String> + 'a {
        |name| {
            let found = variables.iter().find(|(of, _)| *of == name)?;
            Some(found.1.to_owned())
        }
    }

    #[test]
    fn a_profile_is_read() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".cloudmonkey")).unwrap();
        let text = "[core]\nprofile = lab\n\n# mine\n[lab]\nurl = https://c/client/api\napikey = a\nsecretkey = s=1\n";
        std::fs::write(home.path().join(".cloudmonkey/config"), text).unwrap();
        let variables = [("HOME", home.path().to_str().unwrap())];
        let access = CloudStackAccess::of_profile("lab", environment(&variables)).unwrap();
        assert_eq!(access.url().unwrap(), "https://c/client/api");
        let (api_key, secret_key) = access.keys().ok().unwrap();
        assert_eq!(
            (api_key.expose().as_str(), secret_key.expose().as_str()),
            ("a", "s=1")
        );
        let error = CloudStackAccess::of_profile("lap", environment(&variables)).err();
        let error = error.unwrap().to_string();
        assert!(error.ends_with("; named are: lab"), "{error}");
    }

    #[test]
    fn who_asks_comes_from_one_place() {
        let variables = [
            ("CLOUDSTACK_API_URL", "https://cloud.example.org"),
            ("CLOUDSTACK_API_KEY", "of-environment"),
            ("CLOUDSTACK_SECRET_KEY", "of-environment"),
        ];
        let of_environment = || CloudStackAccess::of_environment(environment(&variables)).unwrap();
        let given = CloudStackAccess {
            api_key: Some(Secret::new("given".to_owned())),
            ..CloudStackAccess::default()
        };
        let both = given.or(of_environment());
        let missing = both.keys().err().unwrap().to_string();
        assert!(missing.contains("the secret key is missing"), "{missing}");
        assert!(of_environment().keys().is_ok());
        assert_eq!(
            of_environment().url().unwrap(),
            "https://cloud.example.org/client/api"
        );
    }

    #[test]
    fn what_goes_without_tls_is_refused_with_what_helps() {
        let access = CloudStackAccess {
            api_url: Some("http://cloud:8080/client/api".to_owned()),
            ..CloudStackAccess::default()
        };
        let error = access.url().err().unwrap().to_string();
        assert!(error.contains("not an https://"), "{error}");
        assert!(error.contains("`ca_file`"), "{error}");
    }
}
