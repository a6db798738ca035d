//! The project of an OpenStack that the `OS_*` variables name, in the hands of somebody who uses curl.

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::await_condition;

/// A project.
pub struct Cloud {
    keys: TempDir,
    token: String,
    catalog: Value,
}

fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: . $(tests/testbeds/openstack up)"))
}

/// Headers and body of an answer.
fn curl(method: &str, url: &str, token: &str, body: Option<&Value>) -> (String, Value) {
    let mut curl = Command::new("curl");
    curl.args(["-s", "-i", "-X", method, url])
        .args(["-H", "Content-Type: application/json"])
        .args(["-H", "OpenStack-API-Version: compute 2.52"])
        .args(["-H", &format!("X-Auth-Token: {token}")]);
    if let Some(body) = body {
        curl.args(["-d", &body.to_string()]);
    }
    let output = curl.output().expect("curl starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    (head.to_owned(), body)
}

impl Cloud {
    /// The project, and a key to log in on its servers with.
    ///
    /// # Panics
    /// When there is none.
    pub fn of_environment() -> Self {
        let body = json!({ "auth": {
            "identity": { "methods": ["password"], "password": { "user": {
                "name": variable("OS_USERNAME"),
                "domain": { "id": "default" },
                "password": variable("OS_PASSWORD"),
            } } },
            "scope": { "project": {
                "name": variable("OS_PROJECT_NAME"),
                "domain": { "id": "default" },
            } },
        } });
        let url = format!("{}/auth/tokens", variable("OS_AUTH_URL"));
        let (head, answer) = curl("POST", &url, "", Some(&body));
        let token = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.to_lowercase() == "x-subject-token").then(|| value.trim().to_owned())
        });
        let keys = tempfile::tempdir().expect("a folder");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(keys.path().join("key"))
            .status();
        assert!(made.expect("ssh-keygen starts").success());
        Self {
            keys,
            token: token.unwrap_or_else(|| panic!("no token: {head} {answer}")),
            catalog: answer["token"]["catalog"].clone(),
        }
    }

    /// The provider's configuration that names it; `arguments` are more of `openstack`.
    pub fn provider(&self, arguments: &str) -> String {
        format!(
            "provider \"coe\" {{\n  openstack = {{\n    image  = \"{}\"\n    flavor = \"{}\"\n    ssh    = {{ \
             private_key_file = \"{}\" }}\n    {arguments}\n  }}\n}}\n",
            variable("COE_TEST_OPENSTACK_IMAGE"),
            variable("COE_TEST_OPENSTACK_FLAVOR"),
            self.keys.path().join("key").display()
        )
    }

    fn url(&self, kind: &str, version: &str) -> String {
        let entries = self.catalog.as_array().into_iter().flatten();
        let url = entries
            .filter(|entry| entry["type"] == kind)
            .flat_map(|entry| entry["endpoints"].as_array().into_iter().flatten())
            .find(|endpoint| endpoint["interface"] == "public")
            .and_then(|endpoint| endpoint["url"].as_str())
            .unwrap_or_else(|| panic!("the catalogue has no {kind}"));
        format!("{}{version}", url.trim_end_matches('/'))
    }

    fn ask(&self, method: &str, url: &str, body: Option<&Value>) -> Value {
        curl(method, url, &self.token, body).1
    }

    /// Names of all that belongs to a cluster of that name, by kind.
    pub fn objects_of(&self, cluster: &str) -> Vec<String> {
        let network = self.url("network", "/v2.0");
        let (compute, image) = (self.url("compute", ""), self.url("image", "/v2"));
        let lists = [
            (format!("{compute}/servers?limit=1000"), "servers"),
            (format!("{network}/networks"), "networks"),
            (format!("{network}/subnets"), "subnets"),
            (format!("{network}/routers"), "routers"),
            (format!("{network}/ports"), "ports"),
            (format!("{network}/security-groups"), "security_groups"),
            (
                format!("{image}/images?os_hidden=true&limit=1000"),
                "images",
            ),
        ];
        let mut objects = Vec::new();
        for (url, kind) in lists {
            let answer = self.ask("GET", &url, None);
            let found = answer[kind]
                .as_array()
                .unwrap_or_else(|| panic!("{answer}"));
            let names = found.iter().filter_map(|object| object["name"].as_str());
            let own = names.filter(|name| name.starts_with(cluster));
            objects.extend(own.map(|name| format!("{kind} {name}")));
        }
        objects
    }

    fn server(&self, name: &str) -> Option<Value> {
        let url = format!(
            "{}/servers/detail?name=%5E{name}%24",
            self.url("compute", "")
        );
        self.ask("GET", &url, None)["servers"].get(0).cloned()
    }

    /// The cloud's id of a server.
    ///
    /// # Panics
    /// When there is no such server.
    pub fn id_of(&self, name: &str) -> String {
        let server = self
            .server(name)
            .unwrap_or_else(|| panic!("no server {name}"));
        server["id"].as_str().expect("an id").to_owned()
    }

    /// Deletes a server by hand.
    pub fn delete_server(&self, name: &str) {
        let url = format!("{}/servers/{}", self.url("compute", ""), self.id_of(name));
        self.ask("DELETE", &url, None);
        await_condition("the server is gone", || self.server(name).is_none());
    }

    /// Whether there is such a server.
    pub fn has_server(&self, name: &str) -> bool {
        self.server(name).is_some()
    }

    /// Makes a network that is nobody's here.
    pub fn make_network(&self, name: &str) {
        let url = format!("{}/networks", self.url("network", "/v2.0"));
        let made = self.ask("POST", &url, Some(&json!({ "network": { "name": name } })));
        assert!(made["network"]["id"].is_string(), "{made}");
    }

    /// Deletes a network by hand.
    pub fn delete_network(&self, name: &str) {
        let url = format!("{}/networks", self.url("network", "/v2.0"));
        let found = self.ask("GET", &format!("{url}?name={name}"), None);
        if let Some(id) = found["networks"][0]["id"].as_str() {
            self.ask("DELETE", &format!("{url}/{id}"), None);
        }
    }
}
