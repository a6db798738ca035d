//! The platform contract on a real OpenStack.
//!
//! Needs one whose servers boot: `. $(tests/testbeds/openstack up)` starts it and tells its `OS_*` variables. Then
//! `cargo test --workspace --test openstack -- --ignored --test-threads 2`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[allow(
    unused_imports,
    dead_code,
    unused_macros,
    reason = "the suite also serves platforms that have more"
)]
mod platform_contract;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use async_trait::async_trait;
use coe_engine::model::{ImageName, Owner, Secret};
use coe_engine::platform::openstack::{CloudAccess, OpenStack, OpenStackSettings};
use coe_engine::platform::{MachineRequest, Platform};
use coe_engine::transport::ssh::Identities;
use serde_json::{Value, json};

use platform_contract::{Foreign, Harness, MakesObjects};

struct OpenStackHarness {
    openstack: OpenStack,
    hands: Hands,
}

/// Somebody who works in the project without this program.
struct Hands {
    token: String,
    compute: String,
    network: String,
}

fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: . $(tests/testbeds/openstack up)"))
}

/// Calls with curl: headers and body of the answer.
fn curl(method: &str, url: &str, token: Option<&str>, body: Option<&Value>) -> (String, Value) {
    let mut curl = Command::new("curl");
    curl.args(["-s", "-i", "-X", method, url]);
    curl.args(["-H", "Content-Type: application/json"]);
    curl.args(["-H", "OpenStack-API-Version: compute 2.52"]);
    if let Some(token) = token {
        curl.args(["-H", &format!("X-Auth-Token: {token}")]);
    }
    if let Some(body) = body {
        curl.args(["-d", &body.to_string()]);
    }
    let output = curl.output().expect("curl starts");
    let text = String::from_utf8(output.stdout).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    (
        head.to_owned(),
        serde_json::from_str(body).unwrap_or(Value::Null),
    )
}

impl Hands {
    fn new() -> Self {
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
        let (head, answer) = curl("POST", &url, None, Some(&body));
        let token = head
            .lines()
            .find_map(|line| {
                line.to_lowercase()
                    .starts_with("x-subject-token:")
                    .then(|| line[16..].trim())
            })
            .expect("a token");
        let url = |kind: &str| {
            let catalog = answer["token"]["catalog"].as_array().unwrap();
            let service = catalog
                .iter()
                .find(|service| service["type"] == kind)
                .unwrap();
            let endpoints = service["endpoints"].as_array().unwrap();
            let public = endpoints
                .iter()
                .find(|endpoint| endpoint["interface"] == "public");
            public.unwrap()["url"]
                .as_str()
                .unwrap()
                .trim_end_matches('/')
                .to_owned()
        };
        Self {
            token: token.to_owned(),
            compute: url("compute"),
            network: format!("{}/v2.0", url("network")),
        }
    }

    fn ask(&self, method: &str, url: &str, body: Option<&Value>) -> Value {
        curl(method, url, Some(&self.token), body).1
    }

    fn server(&self, name: &str) -> Option<Value> {
        let url = format!("{}/servers/detail?name=%5E{name}%24", self.compute);
        let mut answer = self.ask("GET", &url, None);
        answer["servers"].as_array_mut().unwrap().pop()
    }

    fn network_named(&self, name: &str) -> Option<Value> {
        let url = format!("{}/networks?name={name}", self.network);
        let mut answer = self.ask("GET", &url, None);
        answer["networks"].as_array_mut().unwrap().pop()
    }

    fn flavor_and_image(&self) -> (String, String) {
        let flavors = self.ask("GET", &format!("{}/flavors", self.compute), None);
        let flavors = flavors["flavors"].as_array().unwrap().clone();
        let wanted = variable("COE_TEST_OPENSTACK_FLAVOR");
        let flavor = flavors
            .iter()
            .find(|flavor| flavor["name"] == wanted.as_str())
            .unwrap();
        let port = self.compute.replace(":8774/v2.1", ":9292/v2");
        let image = variable("COE_TEST_OPENSTACK_IMAGE");
        let images = self.ask("GET", &format!("{port}/images?name={image}"), None);
        (
            flavor["id"].as_str().unwrap().to_owned(),
            images["images"][0]["id"].as_str().unwrap().to_owned(),
        )
    }

    /// Makes a server in no network.
    fn make_server(&self, name: &str, more: &Value) {
        let (flavor, image) = self.flavor_and_image();
        let mut server = json!({
            "name": name, "flavorRef": flavor, "imageRef": image, "networks": "none",
        });
        server
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let url = format!("{}/servers", self.compute);
        let made = self.ask("POST", &url, Some(&json!({ "server": server })));
        assert!(made["server"]["id"].is_string(), "{made}");
    }
}

impl OpenStackHarness {
    fn new() -> Self {
        let keys = tempfile::tempdir().unwrap();
        let key = keys.path().join("key");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&key)
            .status();
        assert!(made.expect("ssh-keygen starts").success());
        let key = Secret::new(std::fs::read_to_string(&key).unwrap());
        let access = CloudAccess::of_environment(|name| std::env::var(name).ok()).unwrap();
        let settings = OpenStackSettings {
            auth_url: variable("OS_AUTH_URL"),
            authentication: access.authentication().unwrap(),
            region: access.region.clone(),
            ca_certificate: None,
            image: None,
            flavor: Some(variable("COE_TEST_OPENSTACK_FLAVOR")),
            availability_zone: None,
            key_pair: None,
            external_network: None,
            user: "coe".to_owned(),
            identities: Identities::of_agent(None).with_key(&key, None).unwrap(),
            bastions: Vec::new(),
            packages: BTreeMap::new(),
        };
        Self {
            openstack: OpenStack::new(settings),
            hands: Hands::new(),
        }
    }
}

#[async_trait]
impl Harness for OpenStackHarness {
    const PUBLISHES_PORTS: bool = false;

    fn platform(&self) -> Arc<dyn Platform> {
        Arc::new(self.openstack.clone())
    }

    fn image(&self) -> ImageName {
        ImageName(variable("COE_TEST_OPENSTACK_IMAGE"))
    }

    fn command(&self) -> Vec<String> {
        ["sleep", "infinity"].map(str::to_owned).to_vec()
    }

    async fn remove_foreign(&self, kind: Foreign, name: &str) {
        match kind {
            Foreign::Machine => self.delete_machine_by_hand(name).await,
            Foreign::Network => {
                if let Some(network) = self.hands.network_named(name) {
                    let id = network["id"].as_str().unwrap();
                    let url = format!("{}/networks/{id}", self.hands.network);
                    self.hands.ask("DELETE", &url, None);
                }
            }
            Foreign::Volume => {}
        }
    }
}

#[async_trait]
impl MakesObjects for OpenStackHarness {
    fn missing_image(&self) -> ImageName {
        ImageName("nobody-has-this:1".to_owned())
    }

    fn huge_flavor(&self) -> String {
        "larger-than-any".to_owned()
    }

    async fn make_foreign(&self, kind: Foreign, name: &str) {
        match kind {
            Foreign::Machine => self.hands.make_server(name, &json!({})),
            Foreign::Network => {
                let url = format!("{}/networks", self.hands.network);
                let made =
                    self.hands
                        .ask("POST", &url, Some(&json!({ "network": { "name": name } })));
                let third = name
                    .bytes()
                    .fold(0_u8, |sum, byte| sum.rotate_left(1) ^ byte);
                let subnet = json!({ "subnet": {
                    "network_id": made["network"]["id"],
                    "ip_version": 4,
                    "cidr": format!("10.90.{third}.0/24"),
                } });
                let url = format!("{}/subnets", self.hands.network);
                let made = self.hands.ask("POST", &url, Some(&subnet));
                assert!(made["subnet"]["id"].is_string(), "{made}");
            }
            Foreign::Volume => panic!("there are no volumes"),
        }
    }

    async fn foreign_is_untouched(&self, kind: Foreign, name: &str) -> bool {
        match kind {
            Foreign::Machine => {
                let server = self.hands.server(name);
                server.is_some_and(|server| server["metadata"] == json!({}))
            }
            Foreign::Network => {
                let network = self.hands.network_named(name);
                network.is_some_and(|network| network["description"] == "")
            }
            Foreign::Volume => false,
        }
    }

    async fn delete_machine_by_hand(&self, name: &str) {
        let Some(server) = self.hands.server(name) else {
            return;
        };
        let url = format!(
            "{}/servers/{}",
            self.hands.compute,
            server["id"].as_str().unwrap()
        );
        self.hands.ask("DELETE", &url, None);
        while self.hands.server(name).is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    }

    async fn half_make_machine(&self, owner: &Owner, request: &MachineRequest) {
        // A server of the same labels that no process has made a node.
        self.openstack.ensure_machine(owner, request).await.unwrap();
        let name = request.spec.name.as_str();
        let server = self.hands.server(name).unwrap();
        let mut metadata = server["metadata"].clone();
        metadata
            .as_object_mut()
            .unwrap()
            .remove("io.coe.node.ready");
        let tags = server["tags"].clone();
        self.delete_machine_by_hand(name).await;
        self.hands
            .make_server(name, &json!({ "metadata": metadata, "tags": tags }));
    }

    async fn labels(&self, kind: Foreign, name: &str) -> BTreeMap<String, String> {
        match kind {
            Foreign::Machine => {
                let server = self.hands.server(name).unwrap();
                serde_json::from_value(server["metadata"].clone()).unwrap()
            }
            // Its owner is in its description: the platform's own spelling.
            Foreign::Network => {
                let network = self.hands.network_named(name).unwrap();
                let description = network["description"].as_str().unwrap().to_owned();
                let parts: Vec<&str> = description.split(' ').collect();
                let [_, cluster, operation, deadline, cluster_name, ..] = parts.as_slice() else {
                    panic!("{description}");
                };
                [
                    (Owner::CLUSTER_ID, cluster),
                    (Owner::OPERATION_ID, operation),
                    (Owner::OPERATION_DEADLINE, deadline),
                    (Owner::CLUSTER_NAME, cluster_name),
                ]
                .into_iter()
                .map(|(key, value)| (key.to_owned(), (*value).to_owned()))
                .collect()
            }
            Foreign::Volume => BTreeMap::new(),
        }
    }
}

/// The rows of the contract that are of a platform without volumes of its own, without ports of a host, and whose images
/// are disks.
macro_rules! contract {
    ($($test:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs an OpenStack: . $(tests/testbeds/openstack up)"]
            async fn $test() {
                platform_contract::run(OpenStackHarness::new(), platform_contract::$test).await;
            }
        )*
    };
}

contract! {
    ensured_twice_is_one_object
    observe_tells_what_was_made
    observe_finds_by_all_id_and_name
    a_record_is_replaced_as_a_whole
    one_operation_has_a_cluster_at_a_time
    of_many_claims_at_once_one_is_given
    a_claim_goes_with_the_record
    deleting_what_is_absent_succeeds
    deleting_leaves_other_clusters_alone
    deleting_everything_leaves_nothing
    a_foreign_machine_is_named_and_not_touched
    a_foreign_network_is_named_and_not_touched
    the_same_name_in_another_cluster_is_foreign
    a_half_made_machine_is_made_anew
    a_call_that_was_dropped_converges
    boot_files_are_there
    files_that_are_put_are_read_back
    a_command_reads_its_input
    stop_and_start_keep_address_port_and_data
    ensure_starts_a_stopped_machine
    a_missing_image_is_named
    clusters_made_at_once_get_subnets_of_their_own
    a_given_subnet_is_used
    an_overlapping_subnet_is_refused
    an_existing_network_is_used_and_not_deleted
    an_absent_network_is_refused
    a_good_request_has_no_finding
    a_cluster_is_no_conflict_with_itself
    check_finds_malformed_flavors
    check_finds_flavors_that_are_too_large
    check_finds_overlapping_subnets
    check_finds_absent_networks
    check_tells_all_at_once
}
