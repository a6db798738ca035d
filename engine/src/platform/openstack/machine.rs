//! The machine of a node: a port with its address, a server in it, and the node's service on that.
//!
//! Guarantees: asked twice, there is one. What fails for good leaves nothing; what was cut off is made anew.

use serde_json::{Value, json};

use super::client::{Call, Client, Service};
use super::labels::{self, HOST_KEY, NETWORK_ID, NODE_ADDRESS, READY};
use super::server::{ListedServer, Until};
use super::{NAME, OpenStack};
use crate::model::{ClusterId, Machine, MachineState, NodeName, Owner};
use crate::platform::ssh_node::{FindsHosts, NewHostKey, NewMachine};
use crate::platform::{MachineRequest, PlatformError, Retry};

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
            && let Err(left) = self.remove_machine(owner.cluster, node).await
        {
            // Why it was not made is what is told; who undoes the step is told of what is left.
            tracing::warn!("server {node} is left half made: {left}");
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
            "user_data": self.shared.hosts.user_data(&host_key),
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

    async fn make_node(
        &self,
        owner: &Owner,
        request: &MachineRequest,
        machine: &Machine,
    ) -> Result<String, PlatformError> {
        let new = self.new_machine(machine).await?;
        new.become_node(owner, request, &self.shared.packages).await
    }

    async fn new_machine<'a>(&self, machine: &'a Machine) -> Result<NewMachine<'a>, PlatformError> {
        Ok(NewMachine {
            platform: NAME,
            kind: "server",
            node: &machine.spec.name,
            host: self.host_of(machine).await?,
            not_reached: "A machine is reached at its address in the cluster's network: from here, or through `bastions`.",
            not_fit: "Take another image or a larger flavor.",
        })
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
        self.new_machine(machine).await?.await_login().await
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
