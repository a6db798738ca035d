//! The simulated platform: the contract of every platform, what this one promises beyond it, and the
//! COE that is rehearsed on it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unused_async,
    missing_docs
)]

mod faults;
#[path = "../platform_contract/mod.rs"]
mod platform_contract;
mod processes;
mod quota;
mod rehearsal;
mod scope;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use coe_engine::model::{ImageName, Owner};
use coe_engine::platform::simulated::{Quota, Simulated, SimulatedSettings};
use coe_engine::platform::{MachineRequest, Platform};
use tempfile::TempDir;

use platform_contract::{Foreign, Harness, MakesObjects};

struct SimulatedHarness {
    dir: TempDir,
}

impl SimulatedHarness {
    async fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn settings(&self) -> SimulatedSettings {
        let quota = Quota {
            cpus: Some(8),
            memory: Some(16),
            ..Quota::default()
        };
        SimulatedSettings {
            quota,
            ..SimulatedSettings::in_folder(self.dir.path())
        }
    }

    fn object(&self, kind: Foreign, name: &str) -> PathBuf {
        let (folder, file) = match kind {
            Foreign::Machine => ("machines", "machine.json"),
            Foreign::Network => ("networks", "network.json"),
            Foreign::Volume => ("volumes", "volume.json"),
        };
        self.dir.path().join(folder).join(name).join(file)
    }
}

/// A subnet outside of the pool that the platform chooses from.
const FOREIGN: &str = r#"{"subnet": "192.168.7.0/24", "whose": "somebody else's"}"#;

#[async_trait]
impl Harness for SimulatedHarness {
    fn platform(&self) -> Arc<dyn Platform> {
        Arc::new(Simulated::new(self.settings()))
    }

    fn image(&self) -> ImageName {
        ImageName("contract/node:1.0".to_owned())
    }

    fn command(&self) -> Vec<String> {
        vec!["serve".to_owned()]
    }

    async fn remove_foreign(&self, kind: Foreign, name: &str) {
        _ = fs::remove_dir_all(self.object(kind, name).parent().unwrap());
    }
}

#[async_trait]
impl MakesObjects for SimulatedHarness {
    fn missing_image(&self) -> ImageName {
        ImageName("missing/node:1.0".to_owned())
    }

    fn huge_flavor(&self) -> String {
        "2x17".to_owned()
    }

    async fn make_foreign(&self, kind: Foreign, name: &str) {
        let file = self.object(kind, name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, FOREIGN).unwrap();
    }

    async fn foreign_is_untouched(&self, kind: Foreign, name: &str) -> bool {
        fs::read_to_string(self.object(kind, name)).is_ok_and(|content| content == FOREIGN)
    }

    async fn delete_machine_by_hand(&self, name: &str) {
        fs::remove_dir_all(self.object(Foreign::Machine, name).parent().unwrap()).unwrap();
    }

    async fn half_make_machine(&self, owner: &Owner, request: &MachineRequest) {
        self.platform()
            .ensure_machine(owner, request)
            .await
            .unwrap();
        let file = self.object(Foreign::Machine, request.spec.name.as_str());
        let machine = fs::read_to_string(&file).unwrap();
        fs::write(file, machine.replace("\"running\"", "\"created\"")).unwrap();
    }

    async fn labels(&self, kind: Foreign, name: &str) -> BTreeMap<String, String> {
        let content = fs::read(self.object(kind, name)).unwrap();
        let object: serde_json::Value = serde_json::from_slice(&content).unwrap();
        serde_json::from_value(object["labels"].clone()).unwrap()
    }
}

platform_contract!(SimulatedHarness::new());
