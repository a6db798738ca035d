//! Who we are: a token of Keystone's, and the catalogue that comes with it.

use std::collections::BTreeMap;

use http::{Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Client, Failure, Service};
use crate::model::Secret;
use crate::platform::openstack::settings::{Authentication, NameOrId};
use crate::platform::{PlatformError, Retry};

/// A token that ends so soon is as good as ended.
const TOO_SHORT: SignedDuration = SignedDuration::from_mins(1);

/// A token, and where services are for whoever has it.
pub(super) struct Session {
    pub(super) token: Secret<String>,
    pub(super) project: String,
    ends: Timestamp,
    endpoints: BTreeMap<Service, String>,
}

#[derive(Deserialize)]
struct Answer {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    expires_at: Timestamp,
    project: Option<Project>,
    #[serde(default)]
    catalog: Vec<CatalogEntry>,
}

#[derive(Deserialize)]
struct Project {
    id: String,
}

#[derive(Deserialize)]
struct CatalogEntry {
    #[serde(rename = "type")]
    kind: String,
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    interface: String,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    region_id: Option<String>,
    url: String,
}

impl Session {
    pub(super) fn lives(&self) -> bool {
        self.ends > Timestamp::now() + TOO_SHORT
    }

    pub(super) fn url(&self, service: Service, path: &str) -> Option<String> {
        Some(format!("{}{path}", self.endpoints.get(&service)?))
    }
}

impl Client {
    pub(super) async fn log_in(&self) -> Result<Session, PlatformError> {
        const WHAT: &str = "log in to the cloud";
        let refused = |reason: String, help: Option<String>| PlatformError::Refused {
            what: WHAT.to_owned(),
            reason,
            help,
            retry: Retry::Never,
        };
        let url = format!(
            "{}/auth/tokens",
            with_version(&self.settings.auth_url, "/v3")
        );
        let request = Request::builder()
            .method(Method::POST)
            .uri(url)
            .header("Content-Type", "application/json")
            .header("Accept", "application/json");
        let body = Zeroizing::new(
            asked(&self.settings.authentication)
                .to_string()
                .into_bytes(),
        );
        let answer = self.raw(WHAT, request, &body).await?;
        if answer.status != StatusCode::CREATED {
            return Err(Failure::answered(WHAT, &answer).into());
        }
        let token = answer.headers.get("X-Subject-Token");
        let token = token.and_then(|token| token.to_str().ok());
        let Some(token) = token.map(|token| Secret::new(token.to_owned())) else {
            return Err(refused("the answer has no token".to_owned(), None));
        };
        let answer: Answer = serde_json::from_slice(&answer.body)
            .map_err(|error| refused(format!("the answer is not understood: {error}"), None))?;
        let Some(project) = answer.token.project else {
            let help = "Name the project that clusters are to be made in.".to_owned();
            return Err(refused("the token is of no project".to_owned(), Some(help)));
        };
        let region = self.region(&answer.token.catalog)?;
        Ok(Session {
            token,
            project: project.id,
            ends: answer.token.expires_at,
            endpoints: endpoints(&answer.token.catalog, region.as_deref()),
        })
    }

    /// The region that is meant; an error where none of its name is there.
    fn region(&self, catalog: &[CatalogEntry]) -> Result<Option<String>, PlatformError> {
        let mut regions: Vec<&str> = catalog
            .iter()
            .flat_map(|entry| &entry.endpoints)
            .filter_map(Endpoint::region)
            .collect();
        regions.sort_unstable();
        regions.dedup();
        let refused = |reason: String| PlatformError::Refused {
            what: "find the cloud's services".to_owned(),
            reason,
            help: Some(format!("Its regions are: {}.", regions.join(", "))),
            retry: Retry::Never,
        };
        match (&self.settings.region, regions.as_slice()) {
            (Some(named), _) if regions.contains(&named.as_str()) => Ok(Some(named.clone())),
            (Some(named), _) => Err(refused(format!("the catalogue has no region {named:?}"))),
            (None, [] | [_]) => Ok(None),
            (None, _) => Err(refused(
                "the cloud has several regions, and none is named".to_owned(),
            )),
        }
    }
}

impl Endpoint {
    fn region(&self) -> Option<&str> {
        self.region_id.as_deref().or(self.region.as_deref())
    }
}

fn endpoints(catalog: &[CatalogEntry], region: Option<&str>) -> BTreeMap<Service, String> {
    let of_service = |service: Service| {
        let endpoint = catalog
            .iter()
            .filter(|entry| entry.kind == service.kind())
            .flat_map(|entry| &entry.endpoints)
            .find(|endpoint| {
                endpoint.interface == "public"
                    && region.is_none_or(|region| endpoint.region() == Some(region))
            })?;
        Some((service, with_version(&endpoint.url, service.version())))
    };
    Service::ALL.into_iter().filter_map(of_service).collect()
}

/// The address of an API, whose version it may name or not.
fn with_version(url: &str, version: &str) -> String {
    let url = url.trim_end_matches('/');
    let last = url.rsplit('/').next().unwrap_or_default();
    let mut characters = last.chars();
    let names_version = characters.next() == Some('v')
        && characters
            .next()
            .is_some_and(|character| character.is_ascii_digit());
    // Nova's of old ends with the project.
    if names_version || url.contains("/v2/") || url.contains("/v2.1/") {
        url.to_owned()
    } else {
        format!("{url}{version}")
    }
}

/// What Keystone is asked.
fn asked(authentication: &Authentication) -> Value {
    match authentication {
        Authentication::Password {
            user,
            user_domain,
            password,
            project,
            project_domain,
        } => {
            let mut user = told(user, user_domain.as_ref());
            user["password"] = Value::from(password.expose().as_str());
            json!({ "auth": {
                "identity": { "methods": ["password"], "password": { "user": user } },
                "scope": { "project": told(project, project_domain.as_ref()) },
            } })
        }
        Authentication::ApplicationCredential {
            credential,
            user,
            user_domain,
            secret,
        } => {
            let mut credential = match credential {
                NameOrId::Id(id) => json!({ "id": id }),
                NameOrId::Name(name) => json!({ "name": name }),
            };
            if let Some(user) = user {
                credential["user"] = told(user, user_domain.as_ref());
            }
            credential["secret"] = Value::from(secret.expose().as_str());
            json!({ "auth": { "identity": {
                "methods": ["application_credential"],
                "application_credential": credential,
            } } })
        }
        Authentication::Token {
            token,
            project,
            project_domain,
        } => {
            let mut asked = json!({ "auth": { "identity": {
                "methods": ["token"],
                "token": { "id": token.expose() },
            } } });
            if let Some(project) = project {
                asked["auth"]["scope"] =
                    json!({ "project": told(project, project_domain.as_ref()) });
            }
            asked
        }
    }
}

fn told(what: &NameOrId, domain: Option<&NameOrId>) -> Value {
    match (what, domain) {
        (NameOrId::Id(id), _) => json!({ "id": id }),
        (NameOrId::Name(name), Some(NameOrId::Name(domain))) => {
            json!({ "name": name, "domain": { "name": domain } })
        }
        (NameOrId::Name(name), Some(NameOrId::Id(domain))) => {
            json!({ "name": name, "domain": { "id": domain } })
        }
        (NameOrId::Name(name), None) => json!({ "name": name, "domain": { "id": "default" } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_version_once() {
        for (url, expected) in [
            ("http://c:5000", "http://c:5000/v3"),
            ("http://c:5000/", "http://c:5000/v3"),
            ("http://c:5000/v3", "http://c:5000/v3"),
            ("https://c/identity/v3/", "https://c/identity/v3"),
            ("https://c/compute/v2.1/abc", "https://c/compute/v2.1/abc"),
            ("https://c/volumes", "https://c/volumes/v3"),
        ] {
            assert_eq!(with_version(url, "/v3"), expected);
        }
    }

    #[test]
    fn keystone_is_asked_as_it_understands() {
        let asked = asked(&Authentication::ApplicationCredential {
            credential: NameOrId::Id("a".to_owned()),
            user: None,
            user_domain: None,
            secret: Secret::new("s".to_owned()),
        });
        expect_test::expect![[
            r#"{"auth":{"identity":{"application_credential":{"id":"a","secret":"s"},"methods":["application_credential"]}}}"#
        ]]
        .assert_eq(&asked.to_string());
    }
}
