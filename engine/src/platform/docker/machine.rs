//! Machines: containers that are nodes.

use std::collections::HashSet;

use bollard::models::{ContainerStateStatusEnum as Status, ContainerSummary};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
    StopContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures_util::StreamExt;
use futures_util::future::try_join_all;

use super::connection::{is_absent, status};
use super::privileges::Privileges;
use super::{Docker, container, labels, ports};
use crate::model::{ClusterId, Machine, MachineState, NodeName, NodeSpec, Owner, PortMapping};
use crate::platform::{MachineRequest, PlatformError, Retry};

/// How long a node's services have to end before they are killed.
const STOP_WITHIN_SECONDS: i32 = 30;
/// How often a port that somebody else took meanwhile is chosen anew.
const MOST_PORT_CHOICES: usize = 16;
/// How often a removal that somebody else began is waited for.
const MOST_REMOVALS: usize = 3;

/// How often a container that somebody else made meanwhile is looked at anew.
const MOST_LOOKS: usize = 2;

/// How the making of a container went.
enum Attempt {
    Made(Box<Machine>),
    /// Somebody else made a container of that name meanwhile.
    NameTaken,
}

impl Docker {
    /// See `Platform::ensure_machine`.
    pub(super) async fn find_or_make_machine(
        &self,
        owner: &Owner,
        request: &MachineRequest,
    ) -> Result<Machine, PlatformError> {
        for _ in 0..MOST_LOOKS {
            if let Some(machine) = self.find_machine(owner.cluster, &request.spec.name).await? {
                match machine.state {
                    MachineState::Running => return Ok(machine),
                    MachineState::Stopped => {
                        self.start_container(&machine).await?;
                        return Ok(Machine {
                            state: MachineState::Running,
                            ..machine
                        });
                    }
                    // Its boot files may be missing: it was never started.
                    MachineState::Created | MachineState::Failed => {
                        self.remove_container(&machine.id).await?;
                    }
                }
            }
            let (privileges, ()) = tokio::try_join!(
                self.privileges(owner, &request.spec),
                self.renew_node_volumes(owner, &request.spec),
            )?;
            if let Attempt::Made(machine) = self.make_machine(owner, request, privileges).await? {
                return Ok(*machine);
            }
        }
        Err(PlatformError::Refused {
            what: format!("create container {}", request.spec.name),
            reason: "its name is held by one that is being made or removed".to_owned(),
            help: None,
            retry: Retry::Later,
        })
    }

    async fn make_machine(
        &self,
        owner: &Owner,
        request: &MachineRequest,
        privileges: Privileges,
    ) -> Result<Attempt, PlatformError> {
        let name = &request.spec.name;
        let client = self.client().await?;
        let mut refused_ports = HashSet::new();
        for _ in 0..MOST_PORT_CHOICES {
            let ports = self
                .choose_ports(owner.cluster, &request.spec.ports, &refused_ports)
                .await?;
            let spec = NodeSpec {
                ports,
                ..request.spec.clone()
            };
            let body = container::body(owner, request, &spec, privileges)?;
            let options = CreateContainerOptionsBuilder::new()
                .name(name.as_str())
                .build();
            let making = client.clone();
            let call = async move { Ok(making.create_container(Some(options), body).await) };
            let id = match self.shared.making.make(owner.cluster, call).await? {
                Ok(made) => made.id,
                Err(error) if status(&error) == Some(409) => return Ok(Attempt::NameTaken),
                Err(error) => return Err(self.failure(format!("create container {name}"), error)),
            };
            if let Err(error) = self.upload(&id, &request.boot.files, "").await {
                self.remove_container(&id).await?;
                return Err(error);
            }
            let Err(error) = client.start_container(&id, None).await else {
                return Ok(Attempt::Made(Box::new(Machine {
                    id,
                    address: request.address,
                    state: MachineState::Running,
                    published: container::published(&spec.ports),
                    owner: owner.clone(),
                    spec,
                })));
            };
            let reason = error.to_string();
            self.remove_container(&id).await?;
            if let Some(port) = ports::refused_port(&reason, &spec.ports) {
                if request
                    .spec
                    .ports
                    .iter()
                    .any(|asked| asked.host_port == Some(port))
                {
                    return Err(port_in_use(name, port, &error));
                }
                refused_ports.insert(port);
            } else {
                return Err(self.failure(format!("start container {name}"), error));
            }
        }
        Err(PlatformError::Refused {
            what: format!("start container {name}"),
            reason: format!("{MOST_PORT_CHOICES} ports in turn were in use on the engine's host"),
            help: Some("Say which ports to use with `ports`.".to_owned()),
            retry: Retry::Later,
        })
    }

    pub(super) async fn choose_ports(
        &self,
        cluster: ClusterId,
        asked: &[PortMapping],
        refused: &HashSet<u16>,
    ) -> Result<Vec<PortMapping>, PlatformError> {
        if asked.iter().all(|port| port.host_port.is_some()) {
            return Ok(asked.to_vec());
        }
        let mut taken = ports::in_use(&self.list_containers(None).await?);
        taken.extend(refused);
        ports::choose(cluster, asked, taken).ok_or_else(|| PlatformError::Refused {
            what: "choose a port of the engine's host".to_owned(),
            reason: "none is free from 61000 to 65535".to_owned(),
            help: Some("Say which ports to use with `ports`.".to_owned()),
            retry: Retry::Never,
        })
    }

    /// The container of that name, if it is the cluster's node; a foreign one is an error.
    async fn find_machine(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<Option<Machine>, PlatformError> {
        let found = match self
            .client()
            .await?
            .inspect_container(node.as_str(), None)
            .await
        {
            Ok(found) => found,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(self.failure(format!("look for container {node}"), error)),
        };
        let labels = found
            .config
            .and_then(|config| config.labels)
            .unwrap_or_default();
        if !labels::belongs_to(&labels, cluster) {
            return Err(PlatformError::Foreign {
                kind: "container",
                name: node.to_string(),
            });
        }
        let status = found.state.and_then(|state| state.status);
        let state = match status {
            Some(Status::CREATED) => MachineState::Created,
            Some(Status::RUNNING | Status::RESTARTING) => MachineState::Running,
            Some(Status::EXITED | Status::PAUSED) => MachineState::Stopped,
            _ => MachineState::Failed,
        };
        container::machine(&found.id.unwrap_or_default(), &labels, state).map(Some)
    }

    /// See `Platform::start_machine`.
    pub(super) async fn start_container(&self, machine: &Machine) -> Result<(), PlatformError> {
        let name = &machine.spec.name;
        let client = self.client().await?;
        let Err(error) = client.start_container(&machine.id, None).await else {
            return Ok(());
        };
        let reason = error.to_string();
        if reason.contains("paused") {
            let unpaused = client.unpause_container(&machine.id).await;
            return unpaused
                .map_err(|error| self.failure(format!("unpause container {name}"), error));
        }
        Err(match ports::refused_port(&reason, &machine.spec.ports) {
            Some(port) => port_in_use(name, port, &error),
            None => self.failure(format!("start container {name}"), error),
        })
    }

    /// See `Platform::stop_machine`.
    pub(super) async fn stop_container(&self, machine: &Machine) -> Result<(), PlatformError> {
        let options = StopContainerOptionsBuilder::new()
            .t(STOP_WITHIN_SECONDS)
            .build();
        let stopped = self
            .client()
            .await?
            .stop_container(&machine.id, Some(options))
            .await;
        stopped
            .map_err(|error| self.failure(format!("stop container {}", machine.spec.name), error))
    }

    /// See `Platform::delete_machine`.
    pub(super) async fn remove_containers(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        self.shared.making.nothing_is_made(cluster).await;
        let containers = self
            .list_containers(Some(labels::filter_of_node(cluster, node)))
            .await?;
        let ids = containers.into_iter().filter_map(|container| container.id);
        try_join_all(ids.map(|id| async move { self.remove_container(&id).await })).await?;
        Ok(())
    }

    /// Removes a container, running or not, with its anonymous volumes; its absence is success.
    pub(super) async fn remove_container(&self, id: &str) -> Result<(), PlatformError> {
        let options = RemoveContainerOptionsBuilder::new()
            .force(true)
            .v(true)
            .build();
        let client = self.client().await?;
        for _ in 0..MOST_REMOVALS {
            match client.remove_container(id, Some(options.clone())).await {
                Ok(()) => return Ok(()),
                Err(error) if is_absent(&error) => return Ok(()),
                Err(error) if is_being_removed(&error) => self.removal(id).await,
                Err(error) => return Err(self.failure(format!("remove container {id}"), error)),
            }
        }
        Err(PlatformError::Refused {
            what: format!("remove container {id}"),
            reason: "somebody else keeps removing it, and it stays".to_owned(),
            help: Some("See the engine's log.".to_owned()),
            retry: Retry::Later,
        })
    }

    /// Waits for a removal by somebody else, however it ends.
    async fn removal(&self, id: &str) {
        let options = WaitContainerOptionsBuilder::new()
            .condition("removed")
            .build();
        if let Ok(client) = self.client().await {
            _ = client.wait_container(id, Some(options)).next().await;
        }
    }

    /// The containers that pass the filters, stopped ones too.
    pub(super) async fn list_containers(
        &self,
        filters: Option<labels::Filters>,
    ) -> Result<Vec<ContainerSummary>, PlatformError> {
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters.unwrap_or_default())
            .build();
        let listed = self.client().await?.list_containers(Some(options)).await;
        listed.map_err(|error| self.failure("list containers", error))
    }
}

/// "removal of container … is already in progress" (API 1.41, `ContainerDelete`: 409).
fn is_being_removed(error: &bollard::errors::Error) -> bool {
    status(error) == Some(409) && error.to_string().contains("in progress")
}

fn port_in_use(node: &NodeName, port: u16, error: &bollard::errors::Error) -> PlatformError {
    PlatformError::Refused {
        what: format!("start container {node}"),
        reason: format!("port {port} of the engine's host is in use: {error}"),
        help: Some("Free the port, or use another one.".to_owned()),
        retry: Retry::Never,
    }
}
