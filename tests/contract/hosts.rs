//! On machines that exist: containers of the local engine that boot systemd and sshd.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use coe_engine::model::{ImageName, Secret};
use coe_engine::platform::Platform;
use coe_engine::platform::hosts::{Hosts, HostsSettings, MachineSettings};
use coe_engine::transport::ssh::{Identities, SshAddress};
use coe_tests::machines::Machines;

use crate::platform_contract;
use crate::platform_contract::Harness;

/// As many as a test makes at most.
const NAMES: [&str; 2] = ["alpha", "beta"];

struct HostsHarness {
    hosts: Hosts,
    /// They go with it.
    _machines: Machines,
}

impl HostsHarness {
    async fn new() -> Self {
        let machines = tokio::task::spawn_blocking(|| Machines::boot(&NAMES));
        let machines = machines.await.unwrap();
        let settings = NAMES.map(|name| {
            let address = machines.address(name);
            let settings = MachineSettings {
                ssh: SshAddress {
                    host: address.clone(),
                    port: 22,
                    user: "admin".to_owned(),
                    host_key: Some(machines.host_key(name).parse().unwrap()),
                },
                address: address.parse().unwrap(),
                roles: BTreeSet::new(),
                zone: None,
            };
            (name.parse().unwrap(), settings)
        });
        let key = Secret::new(machines.private_key());
        Self {
            hosts: Hosts::new(HostsSettings {
                machines: settings.into(),
                identities: Identities::of_agent(None).with_key(&key, None).unwrap(),
                bastions: Vec::new(),
                packages: BTreeMap::new(),
            }),
            _machines: machines,
        }
    }
}

#[async_trait]
impl Harness for HostsHarness {
    const PUBLISHES_PORTS: bool = false;

    fn platform(&self) -> Arc<dyn Platform> {
        Arc::new(self.hosts.clone())
    }

    fn image(&self) -> ImageName {
        ImageName(String::new())
    }

    fn image_of_users(&self) -> Option<ImageName> {
        None
    }

    fn command(&self) -> Vec<String> {
        ["sleep", "infinity"].map(str::to_owned).to_vec()
    }
}

platform_contract!(HostsHarness::new(), of every platform);
