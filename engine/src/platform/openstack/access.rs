//! What is said of a cloud and of who asks there: in a configuration, in `clouds.yaml`, in the environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::settings::{Authentication, NameOrId};
use crate::model::Secret;

/// What one place says of a cloud; what it does not say, another place may.
#[derive(Default)]
pub struct CloudAccess {
    /// Where Keystone is.
    pub auth_url: Option<String>,
    /// Which region.
    pub region: Option<String>,
    /// CAs that signed the cloud's certificates, PEM.
    pub ca_certificate: Option<String>,
    /// The user.
    pub user: Option<NameOrId>,
    /// The user's domain.
    pub user_domain: Option<NameOrId>,
    /// The user's password.
    pub password: Option<Secret<String>>,
    /// The project.
    pub project: Option<NameOrId>,
    /// The project's domain.
    pub project_domain: Option<NameOrId>,
    /// An application credential.
    pub application_credential: Option<NameOrId>,
    /// Its secret.
    pub application_credential_secret: Option<Secret<String>>,
    /// A token.
    pub token: Option<Secret<String>>,
}

/// Why nobody can be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAccess {
    /// Nothing says where the cloud is.
    #[error(
        "nothing says where the cloud is: give `auth_url`, or `cloud` (a name in clouds.yaml), or set OS_AUTH_URL or OS_CLOUD"
    )]
    NoAuthUrl,
    /// Nothing says who asks.
    #[error(
        "nothing says who asks: give an application credential (id and secret), a user with password and project, or a \
         token; as arguments, in clouds.yaml, or as OS_* variables. Missing is: {0}"
    )]
    NoCredentials(&'static str),
    /// No file has a cloud of that name.
    #[error("no cloud is named {name:?} in {looked_in}{known}")]
    NoCloud {
        /// The name.
        name: String,
        /// Where it was looked for.
        looked_in: String,
        /// Those that are there.
        known: String,
    },
    /// A file cannot be read, or is not what it should be.
    #[error("{file} cannot be used: {reason}")]
    File {
        /// Which.
        file: String,
        /// Why.
        reason: String,
    },
}

#[derive(Deserialize)]
struct CloudsFile {
    #[serde(default)]
    clouds: BTreeMap<String, Cloud>,
}

#[derive(Default, Deserialize)]
struct Cloud {
    #[serde(default)]
    auth: CloudAuth,
    region_name: Option<String>,
    cacert: Option<String>,
}

#[derive(Default, Deserialize)]
struct CloudAuth {
    auth_url: Option<String>,
    username: Option<String>,
    user_id: Option<String>,
    user_domain_name: Option<String>,
    user_domain_id: Option<String>,
    password: Option<String>,
    project_name: Option<String>,
    project_id: Option<String>,
    project_domain_name: Option<String>,
    project_domain_id: Option<String>,
    application_credential_id: Option<String>,
    application_credential_name: Option<String>,
    application_credential_secret: Option<String>,
    token: Option<String>,
}

/// Of an id and a name the id.
fn either(id: Option<String>, name: Option<String>) -> Option<NameOrId> {
    id.map(NameOrId::Id).or(name.map(NameOrId::Name))
}

impl CloudAccess {
    /// What the environment says.
    pub fn of_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, InvalidAccess> {
        let said = |name: &str| variable(name).filter(|value| !value.is_empty());
        let default_domain = || either(said("OS_DEFAULT_DOMAIN_ID"), said("OS_DEFAULT_DOMAIN"));
        let ca_certificate = said("OS_CACERT").map(|file| read(&file)).transpose()?;
        Ok(Self {
            auth_url: said("OS_AUTH_URL"),
            region: said("OS_REGION_NAME"),
            ca_certificate,
            user: either(said("OS_USER_ID"), said("OS_USERNAME")),
            user_domain: either(said("OS_USER_DOMAIN_ID"), said("OS_USER_DOMAIN_NAME"))
                .or_else(default_domain),
            password: said("OS_PASSWORD").map(Secret::new),
            project: either(said("OS_PROJECT_ID"), said("OS_PROJECT_NAME"))
                .or_else(|| either(said("OS_TENANT_ID"), said("OS_TENANT_NAME"))),
            project_domain: either(said("OS_PROJECT_DOMAIN_ID"), said("OS_PROJECT_DOMAIN_NAME"))
                .or_else(default_domain),
            application_credential: either(
                said("OS_APPLICATION_CREDENTIAL_ID"),
                said("OS_APPLICATION_CREDENTIAL_NAME"),
            ),
            application_credential_secret: said("OS_APPLICATION_CREDENTIAL_SECRET")
                .map(Secret::new),
            token: said("OS_TOKEN").map(Secret::new),
        })
    }

    /// What `clouds.yaml` and `secure.yaml` say of a cloud, in the folders where they are looked for.
    pub fn of_cloud(
        name: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, InvalidAccess> {
        let candidates = files(variable);
        let mut looked_in = Vec::new();
        let mut known = Vec::new();
        for file in candidates {
            looked_in.push(file.display().to_string());
            let Some(mut clouds) = clouds(&file)? else {
                continue;
            };
            let Some(cloud) = clouds.remove(name) else {
                known.extend(clouds.into_keys());
                continue;
            };
            let mut access = cloud.access()?;
            let secure = file.with_file_name("secure.yaml");
            let mut secure = clouds_or_none(&secure)?;
            if let Some(secure) = secure.remove(name) {
                access = access.or(secure.access()?);
            }
            return Ok(access);
        }
        known.sort();
        Err(InvalidAccess::NoCloud {
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
        let has_credential = self.application_credential.is_some() || self.token.is_some();
        let (user, password, credential, secret, token) = if has_credential {
            let secret = self
                .application_credential_secret
                .or(other.application_credential_secret);
            (
                self.user,
                None,
                self.application_credential,
                secret,
                self.token,
            )
        } else if self.user.is_some() || self.password.is_some() {
            let password = self.password.or(other.password);
            (self.user.or(other.user), password, None, None, None)
        } else {
            (
                other.user,
                other.password,
                other.application_credential,
                self.application_credential_secret
                    .or(other.application_credential_secret),
                other.token,
            )
        };
        Self {
            auth_url: self.auth_url.or(other.auth_url),
            region: self.region.or(other.region),
            ca_certificate: self.ca_certificate.or(other.ca_certificate),
            user,
            user_domain: self.user_domain.or(other.user_domain),
            password,
            project: self.project.or(other.project),
            project_domain: self.project_domain.or(other.project_domain),
            application_credential: credential,
            application_credential_secret: secret,
            token,
        }
    }

    /// Who asks, in the form that Keystone is asked in.
    pub fn authentication(&self) -> Result<Authentication, InvalidAccess> {
        let missing = InvalidAccess::NoCredentials;
        if let Some(credential) = &self.application_credential {
            let secret = self.application_credential_secret.clone();
            if matches!(credential, NameOrId::Name(_)) && self.user.is_none() {
                return Err(missing(
                    "whose application credential it is (its id would tell)",
                ));
            }
            return Ok(Authentication::ApplicationCredential {
                credential: credential.clone(),
                user: match credential {
                    NameOrId::Id(_) => None,
                    NameOrId::Name(_) => self.user.clone(),
                },
                user_domain: self.user_domain.clone(),
                secret: secret.ok_or(missing("the application credential's secret"))?,
            });
        }
        if let Some(token) = &self.token {
            return Ok(Authentication::Token {
                token: token.clone(),
                project: self.project.clone(),
                project_domain: self.project_domain.clone(),
            });
        }
        Ok(Authentication::Password {
            user: self.user.clone().ok_or(missing("the user"))?,
            user_domain: self.user_domain.clone(),
            password: self.password.clone().ok_or(missing("the password"))?,
            project: self.project.clone().ok_or(missing("the project"))?,
            project_domain: self.project_domain.clone(),
        })
    }
}

impl Cloud {
    fn access(self) -> Result<CloudAccess, InvalidAccess> {
        let auth = self.auth;
        Ok(CloudAccess {
            auth_url: auth.auth_url,
            region: self.region_name,
            ca_certificate: self.cacert.map(|file| read(&file)).transpose()?,
            user: either(auth.user_id, auth.username),
            user_domain: either(auth.user_domain_id, auth.user_domain_name),
            password: auth.password.map(Secret::new),
            project: either(auth.project_id, auth.project_name),
            project_domain: either(auth.project_domain_id, auth.project_domain_name),
            application_credential: either(
                auth.application_credential_id,
                auth.application_credential_name,
            ),
            application_credential_secret: auth.application_credential_secret.map(Secret::new),
            token: auth.token.map(Secret::new),
        })
    }
}

/// Where `clouds.yaml` may be, the first that has the cloud counts.
fn files(variable: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let named = variable("OS_CLIENT_CONFIG_FILE").map(PathBuf::from);
    let configuration = variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".config")));
    named
        .into_iter()
        .chain([PathBuf::from("clouds.yaml")])
        .chain(configuration.map(|folder| folder.join("openstack/clouds.yaml")))
        .chain([PathBuf::from("/etc/openstack/clouds.yaml")])
        .collect()
}

fn clouds_or_none(file: &std::path::Path) -> Result<BTreeMap<String, Cloud>, InvalidAccess> {
    Ok(clouds(file)?.unwrap_or_default())
}

/// `None`: there is no such file.
fn clouds(file: &std::path::Path) -> Result<Option<BTreeMap<String, Cloud>>, InvalidAccess> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(file, &error)),
    };
    // What the parser says may quote a secret of the file.
    let parsed: Result<CloudsFile, _> = serde_saphyr::from_str(&text);
    let parsed = parsed.map_err(|_| unusable(file, &"it is not YAML with a mapping `clouds`"))?;
    Ok(Some(parsed.clouds))
}

fn read(file: &str) -> Result<String, InvalidAccess> {
    let path = PathBuf::from(file);
    std::fs::read_to_string(&path).map_err(|error| unusable(&path, &error))
}

fn unusable(file: &std::path::Path, reason: &dyn std::fmt::Display) -> InvalidAccess {
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
    fn a_cloud_is_read_with_what_is_secure() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clouds.yaml");
        let text = "clouds:\n  lab:\n    region_name: one\n    auth:\n      auth_url: http://c:5000\n      username: u\n      project_name: p\n";
        std::fs::write(&file, text).unwrap();
        let secure = "clouds:\n  lab:\n    auth:\n      password: s\n";
        std::fs::write(folder.path().join("secure.yaml"), secure).unwrap();
        let variables = [("OS_CLIENT_CONFIG_FILE", file.to_str().unwrap())];
        let access = CloudAccess::of_cloud("lab", environment(&variables)).unwrap();
        assert_eq!(access.region.as_deref(), Some("one"));
        let Ok(Authentication::Password { password, .. }) = access.authentication() else {
            panic!("no password");
        };
        assert_eq!(password.expose(), "s");
        let error = CloudAccess::of_cloud("lap", environment(&variables)).err();
        let error = error.unwrap().to_string();
        assert!(error.ends_with("; named are: lab"), "{error}");
    }

    #[test]
    fn who_asks_comes_from_one_place() {
        let variables = [
            ("OS_USERNAME", "of-environment"),
            ("OS_PASSWORD", "of-environment"),
            ("OS_AUTH_URL", "http://c:5000"),
            ("OS_PROJECT_NAME", "p"),
        ];
        let given = CloudAccess {
            application_credential: Some(NameOrId::Id("a".to_owned())),
            application_credential_secret: Some(Secret::new("s".to_owned())),
            ..CloudAccess::default()
        };
        let access = given.or(CloudAccess::of_environment(environment(&variables)).unwrap());
        assert_eq!(access.auth_url.as_deref(), Some("http://c:5000"));
        let asked = access.authentication().ok();
        assert!(matches!(
            asked,
            Some(Authentication::ApplicationCredential { user: None, .. })
        ));
        let nothing = CloudAccess::default().authentication().err();
        assert_eq!(nothing, Some(InvalidAccess::NoCredentials("the user")));
    }
}
