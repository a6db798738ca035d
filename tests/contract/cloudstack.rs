//! On instances of the cloud that `tests/cloudstack` stands in for, each test in one of its own.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use async_trait::async_trait;
use coe_engine::model::{ImageName, Secret};
use coe_engine::platform::Platform;
use coe_engine::platform::cloudstack::{CloudStack, CloudStackSettings};
use coe_engine::transport::ssh::Identities;
use coe_tests::cloudstack::Cloud;
use serde_json::json;

use crate::platform_contract;
use crate::platform_contract::Harness;

struct CloudStackHarness {
    cloudstack: CloudStack,
    /// It goes with all that is in it.
    _cloud: Cloud,
}

impl CloudStackHarness {
    async fn new() -> Self {
        let open = || Self::of(Cloud::start());
        tokio::task::spawn_blocking(open).await.unwrap()
    }

    /// A cloud as it was before user data were registered.
    async fn older() -> Self {
        let open = || {
            let cloud = Cloud::start();
            let refused = |command: &str| {
                json!({
                    "command": command, "kind": "fail", "times": 1_000_000, "code": 432,
                    "text": format!("The given command {command} does not exist"),
                })
            };
            let commands = ["listUserData", "registerUserData", "deleteUserData"];
            cloud.set(&json!({ "faults": commands.map(refused) }));
            Self::of(cloud)
        };
        tokio::task::spawn_blocking(open).await.unwrap()
    }

    fn of(cloud: Cloud) -> Self {
        let ca = std::fs::read_to_string(cloud.ca_file()).unwrap();
        Self {
            cloudstack: CloudStack::new(CloudStackSettings {
                api_url: cloud.url().to_owned(),
                api_key: Secret::new(cloud.api_key().to_owned()),
                secret_key: Secret::new(cloud.secret_key().to_owned()),
                ca_certificate: Some(ca),
                zone: None,
                project: None,
                network_offering: None,
                template: Some("debian-12".to_owned()),
                service_offering: Some("small".to_owned()),
                root_disk_size: None,
                affinity_groups: Vec::new(),
                key_pair: None,
                allowed_cidrs: vec!["0.0.0.0/0".to_owned()],
                user: "debian".to_owned(),
                identities: Identities::of_agent(None)
                    .with_key(&Secret::new(new_key()), None)
                    .unwrap(),
                bastions: Vec::new(),
                packages: BTreeMap::new(),
            }),
            _cloud: cloud,
        }
    }
}

/// A private key of which nobody else knows.
fn new_key() -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&file)
        .status();
    assert!(made.unwrap().success());
    std::fs::read_to_string(file).unwrap()
}

#[async_trait]
impl Harness for CloudStackHarness {
    const PUBLISHES_PORTS: bool = false;

    fn platform(&self) -> Arc<dyn Platform> {
        Arc::new(self.cloudstack.clone())
    }

    fn image(&self) -> ImageName {
        ImageName("debian-12".to_owned())
    }

    fn command(&self) -> Vec<String> {
        ["sleep", "infinity"].map(str::to_owned).to_vec()
    }
}

platform_contract!(CloudStackHarness::new(), of clouds whose machines keep their volumes);

mod of_an_older_cloud {
    use super::CloudStackHarness;
    use crate::platform_contract;

    platform_contract!(@each CloudStackHarness::older();
        observe_tells_what_was_made
        a_record_is_replaced_as_a_whole
        one_operation_has_a_cluster_at_a_time
        a_claim_goes_with_the_record
        deleting_everything_leaves_nothing
    );
}
