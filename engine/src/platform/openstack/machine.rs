//! The machine of a node: a port with its address, a server in it, and the node's service on that.
//!
//! Guarantees: asked twice, there is one. What fails for good leaves nothing; what was cut off is made anew.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Call, Client, Service};
use super::labels::{self, HOST_KEY, NETWORK_ID, NODE_ADDRESS, READY};
use super::server::{ListedServer, Until};
use super::user_data::NewHostKey;
use super::{NAME, OpenStack};
use crate::model::{ClusterId, Machine, MachineState, NodeName, Owner};
use crate::platform::ssh_node::{NodeService, SshMachine};
use crate::platform::{MachineRequest, PlatformError, Retry};

/// How long the first attempt to log in on a machine that boots may take; each later one takes longer.
const FIRST_ATTEMPT: Duration = Duration::from_secs(2);
const LONGEST_ATTEMPT: Duration = Duration::from_secs(15);
/// How long after one attempt the next one is made.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);
/// How long a machine that the cloud says runs may take until it lets us in.
const REACHED_WITHIN: Duration = Duration::from_mins(10);

const HOST_KEY_SCRIPT: &str = include_str!("scripts/host_key.sh");

impl OpenStack {
    /// See `Platform::ensure_machine`.
    pub(super) async fn machine_for(
        &self,
        owner: &Owner,
        request: &MachineRequest,
    ) -> Result<Machine, PlatformError> {
        let node = &request.spec.name;
        let named = self.servers_named(node).await?;
        if named.iter().any(|server| !server.is_of(owner.cluster)) {
            return Err(PlatformError::Foreign {
                kind: "server",
                name: node.to_string(),
            });
        }
        let mut there = None;
        for server in named {
            match server.state() {
                MachineState::Running | MachineState::Stopped if there.is_none() => {
                    there = Some(server);
                }
                _ => {
                    self.remove_server(owner.cluster, &server.id, node.as_str())
                        .await?;
                }
            }
        }
        if let Some(server) = there {
            return self.start_listed(&server).await;
        }
        let made = self.make_machine(owner, request).await;
        if let Err(error) = &made
            && error.retry() == Retry::Never
        {
            self.remove_machine(owner.cluster, node).await?;
        }
        made
    }

    async fn start_listed(&self, server: &ListedServer) -> Result<Machine, PlatformError> {
        let mut machine = server.machine()?;
        self.learn_from(server, &machine)?;
        if machine.state == MachineState::Stopped {
            self.start_server(&machine).await?;
            machine.state = MachineState::Running;
        }
        Ok(machine)
    }

    async fn make_machine(
        &self,
        owner: &Owner,
        request: &MachineRequest,
    ) -> Result<Machine, PlatformError> {
        let node = &request.spec.name;
        let (image, flavor, group) = tokio::try_join!(
            self.image_for(&request.spec.image),
            self.flavor_for(request.spec.flavor.as_ref()),
            self.security_group(owner),
        )?;
        let port = self.port_for(owner, request, &group).await?;
        let host_key = NewHostKey::new()?;
        let mut metadata = labels::of_node(owner, &request.spec)?;
        metadata.insert(NODE_ADDRESS.to_owned(), request.address.to_string());
        metadata.insert(NETWORK_ID.to_owned(), request.network.id.clone());
        metadata.insert(HOST_KEY.to_owned(), host_key.public.clone());
        let settings = &self.shared.settings;
        let mut body = json!({
            "name": node.as_str(),
            "imageRef": image.id,
            "flavorRef": flavor.id,
            "networks": [{ "port": port.object.id }],
            "metadata": metadata,
            "tags": [labels::TAG, labels::tag(owner.cluster)],
            "config_drive": true,
            "user_data": self.user_data(&host_key),
        });
        if let Some(zone) = &settings.availability_zone {
            body["availability_zone"] = Value::from(zone.as_str());
        }
        if let Some(key_pair) = &settings.key_pair {
            body["key_name"] = Value::from(key_pair.as_str());
        }
        let id = self.make_server(owner.cluster, node.as_str(), body).await?;
        let machine = Machine {
            id,
            spec: request.spec.clone(),
            address: request.address,
            state: MachineState::Running,
            published: std::collections::BTreeMap::new(),
            owner: owner.clone(),
        };
        let address = machine.address.to_string();
        self.learn_host(&machine.id, &address, &host_key.public)?;
        // It lets us in about when the cloud says that it runs; what the cloud says of one that never will ends the wait.
        let (own_key, (), ()) = tokio::try_join!(
            self.make_node(owner, request, &machine),
            self.open_ports(&group, request),
            self.wait_for(owner.cluster, &machine.id, node.as_str(), Until::Active),
        )?;
        self.mark_ready(&machine, &own_key).await?;
        self.forget_host(&machine.id);
        self.learn_host(&machine.id, &address, &own_key)?;
        Ok(machine)
    }

    /// What is asked of the node from outside: the API of its cluster, and what the user publishes.
    async fn open_ports(&self, group: &str, request: &MachineRequest) -> Result<(), PlatformError> {
        for port in &request.spec.ports {
            let protocol = match port.protocol {
                crate::model::Protocol::Tcp => "tcp",
                crate::model::Protocol::Udp => "udp",
            };
            let rule = json!({
                "protocol": protocol,
                "port_range_min": port.node_port,
                "port_range_max": port.node_port,
            });
            self.open(group, &rule).await?;
        }
        Ok(())
    }

    /// Makes a server the node; the public part of the host key that it has from then on. The one that its user data
    /// brought may be read by whatever on the machine can read those.
    async fn make_node(
        &self,
        owner: &Owner,
        request: &MachineRequest,
        machine: &Machine,
    ) -> Result<String, PlatformError> {
        let node = &request.spec.name;
        self.wait_until_reached(machine).await?;
        let on = SshMachine::new(NAME, node.clone(), self.host_of(machine).await?);
        let service = NodeService::of(request, &self.shared.packages);
        let problems = service.preflight_of_new(&on).await?;
        if !problems.is_empty() {
            return Err(PlatformError::Refused {
                what: format!("make server {node} a node"),
                reason: problems.join("; "),
                help: Some("Take another image or a larger flavor.".to_owned()),
                retry: Retry::Never,
            });
        }
        service.take_over(&on).await?;
        service.install(&on, owner).await?;
        let own_key = on
            .script("give it a host key of its own", HOST_KEY_SCRIPT, &[], &[])
            .await?;
        Ok(own_key.trim().to_owned())
    }

    /// Has a server say that it is a node, and by which key it is known.
    async fn mark_ready(&self, machine: &Machine, own_key: &str) -> Result<(), PlatformError> {
        let what = format!("mark server {} as a node", machine.spec.name);
        let path = format!("/servers/{}/metadata", machine.id);
        let ready = json!({ "metadata": { READY: "true", HOST_KEY: own_key } });
        let mark = || {
            let call = Call::post(Service::Compute, path.clone(), ready.clone());
            self.shared.client.tell(&what, call)
        };
        Ok(Client::patiently(mark).await?)
    }

    /// Waits until a machine that boots lets us in.
    pub(super) async fn wait_until_reached(&self, machine: &Machine) -> Result<(), PlatformError> {
        let node = machine.spec.name.clone();
        let host = self.host_of(machine).await?;
        let location = host.location();
        let on = SshMachine::new(NAME, node.clone(), Arc::clone(&host));
        let mut attempt = FIRST_ATTEMPT;
        let mut last = None;
        let reaching = async {
            loop {
                match tokio::time::timeout(attempt, on.script("reach it", "true", &[], &[])).await {
                    Ok(Ok(_)) => return Ok(()),
                    Ok(Err(error)) if error.retry() == Retry::Never => return Err(error),
                    Ok(Err(error)) => last = Some(error),
                    Err(_late) => attempt = (attempt * 2).min(LONGEST_ATTEMPT),
                }
                tokio::time::sleep(BETWEEN_ATTEMPTS).await;
            }
        };
        let reached = tokio::time::timeout(REACHED_WITHIN, reaching).await;
        reached.unwrap_or_else(|_late| {
            Err(last.unwrap_or_else(|| PlatformError::Refused {
                what: format!("reach server {node}"),
                reason: format!("{location} did not answer within {} s", REACHED_WITHIN.as_secs()),
                help: Some(
                    "A machine is reached at its address in the cluster's network: from here, or through `bastions`."
                        .to_owned(),
                ),
                retry: Retry::Never,
            }))
        })
    }

    /// See `Platform::delete_machine`.
    pub(super) async fn remove_machine(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        self.shared.making.nothing_is_made(cluster).await;
        let named = self.servers_named(node).await?;
        for server in named
            .iter()
            .filter(|server| server.is_of_node(cluster, node))
        {
            self.remove_server(cluster, &server.id, node.as_str())
                .await?;
        }
        self.remove_ports(cluster, node).await
    }
}
