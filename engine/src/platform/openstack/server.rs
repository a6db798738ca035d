//! Servers of Nova's: what the cloud says of them, and waiting for it to say something else.
//!
//! Who waits looks at all servers of the cluster in one call, and all who wait at once share the look.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::OpenStack;
use super::client::{Call, Client, Failure, Service, encoded};
use super::labels::{self, Labels};
use crate::model::{ClusterId, Machine, MachineState, NodeName, Owner};
use crate::platform::{PlatformError, Retry, Scope};

/// How long after the first look the second one is taken; later ones are further apart.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// A server as Nova lists it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ListedServer {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) metadata: Labels,
    #[serde(default)]
    fault: Option<Fault>,
    #[serde(default, rename = "OS-EXT-STS:task_state")]
    task: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Fault {
    message: String,
}

impl ListedServer {
    pub(super) fn is_of(&self, cluster: ClusterId) -> bool {
        labels::belongs_to(&self.metadata, cluster)
    }

    pub(super) fn is_of_node(&self, cluster: ClusterId, node: &NodeName) -> bool {
        let name = self.metadata.get(Owner::NODE_NAME);
        self.is_of(cluster) && name.is_some_and(|name| name == node.as_str())
    }

    fn is_deleted(&self) -> bool {
        matches!(self.status.as_str(), "DELETED" | "SOFT_DELETED")
    }

    /// How the machine does: a server that runs and was not made the node is half made.
    pub(super) fn state(&self) -> MachineState {
        let is_node = self.metadata.contains_key(labels::READY);
        match (self.status.as_str(), is_node) {
            ("BUILD", _) | ("ACTIVE" | "SHUTOFF", false) => MachineState::Created,
            // Both are on their way to be active again by themselves.
            ("ACTIVE" | "REBOOT" | "HARD_REBOOT", true) => MachineState::Running,
            ("SHUTOFF", true) => MachineState::Stopped,
            _ => MachineState::Failed,
        }
    }

    /// The machine that it is.
    pub(super) fn machine(&self) -> Result<Machine, PlatformError> {
        let object = format!("server {} {}", self.id, self.name);
        Ok(Machine {
            id: self.id.clone(),
            spec: labels::node_spec(&object, &self.metadata)?,
            address: labels::parsed(&object, &self.metadata, labels::NODE_ADDRESS)?,
            state: self.state(),
            // It is reached at its own address.
            published: std::collections::BTreeMap::new(),
            owner: labels::owner(&object, &self.metadata)?,
        })
    }

    /// Why it is not as it should be.
    fn fault(&self) -> String {
        let said = self.fault.as_ref().map(|fault| fault.message.as_str());
        said.map_or_else(|| format!("it is {}", self.status), str::to_owned)
    }
}

/// The last look at the servers of each cluster, and when it began.
#[derive(Default)]
pub(super) struct Looks(Mutex<HashMap<ClusterId, Arc<Mutex<Option<Look>>>>>);

#[derive(Clone)]
struct Look {
    began: Instant,
    servers: Arc<Vec<ListedServer>>,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    Active,
    Stopped,
    Gone,
}

impl OpenStack {
    pub(super) async fn servers(&self, query: &str) -> Result<Vec<ListedServer>, PlatformError> {
        let list = ("/servers/detail", "servers");
        let client = &self.shared.client;
        let mut servers: Vec<ListedServer> = client
            .list("list servers", Service::Compute, list, query)
            .await?;
        // Nova lists a server for a moment after its deletion has come to its end.
        servers.retain(|server| !server.is_deleted());
        Ok(servers)
    }

    /// Servers of ours.
    pub(super) async fn servers_in(
        &self,
        scope: &Scope,
    ) -> Result<Vec<ListedServer>, PlatformError> {
        let query = match scope {
            Scope::Id(cluster) => format!("tags={}", labels::tag(*cluster)),
            Scope::All | Scope::Name(_) => format!("tags={}", labels::TAG),
        };
        let mut servers = self.servers(&query).await?;
        // Tags can be put on anything.
        servers.retain(|server| match scope {
            Scope::All => server.metadata.contains_key(Owner::CLUSTER_ID),
            Scope::Id(cluster) => server.is_of(*cluster),
            Scope::Name(name) => {
                let is_named = server.metadata.get(Owner::CLUSTER_NAME);
                is_named.is_some_and(|is| is == name.as_str())
            }
        });
        Ok(servers)
    }

    /// Servers of that name in the project, whosever they are.
    pub(super) async fn servers_named(
        &self,
        node: &NodeName,
    ) -> Result<Vec<ListedServer>, PlatformError> {
        // Nova takes a regular expression.
        let query = format!("name={}", encoded(&format!("^{node}$")));
        let mut named = self.servers(&query).await?;
        named.retain(|server| server.name == node.as_str());
        Ok(named)
    }

    /// The servers of the cluster, from a look that began after this call.
    async fn look(&self, cluster: ClusterId) -> Result<Arc<Vec<ListedServer>>, PlatformError> {
        let asked = Instant::now();
        let looks = Arc::clone(
            self.shared
                .servers
                .0
                .lock()
                .await
                .entry(cluster)
                .or_default(),
        );
        let mut last = looks.lock().await;
        if let Some(look) = last.as_ref().filter(|look| look.began >= asked) {
            return Ok(Arc::clone(&look.servers));
        }
        let began = Instant::now();
        let servers = Arc::new(self.servers_in(&Scope::Id(cluster)).await?);
        *last = Some(Look {
            began,
            servers: Arc::clone(&servers),
        });
        Ok(servers)
    }

    /// Waits until the cloud says so of a server. An error where it says that this will not be.
    pub(super) async fn wait_for(
        &self,
        cluster: ClusterId,
        id: &str,
        name: &str,
        until: Until,
    ) -> Result<(), PlatformError> {
        let refused = |reason: String| PlatformError::Refused {
            what: match until {
                Until::Active => format!("start server {name}"),
                Until::Stopped => format!("stop server {name}"),
                Until::Gone => format!("delete server {name}"),
            },
            reason,
            help: None,
            retry: Retry::Never,
        };
        let mut pause = FIRST_PAUSE;
        loop {
            let look = || async move { self.look(cluster).await.map_err(Failure::from) };
            let servers = Client::patiently(look).await?;
            let server = servers.iter().find(|server| server.id == id);
            match (server.map(|server| server.status.as_str()), until) {
                (None, Until::Gone)
                | (Some("ACTIVE"), Until::Active)
                | (Some("SHUTOFF"), Until::Stopped) => return Ok(()),
                (None, _) => return Err(refused("it is gone".to_owned())),
                (Some("ERROR"), Until::Active | Until::Stopped) => {
                    return Err(refused(self.fault_of(id).await));
                }
                // Nova says that it is in error only once it no longer tries.
                (Some("ERROR"), Until::Gone)
                    if server.is_some_and(|server| server.task.is_none()) =>
                {
                    return Err(refused(self.fault_of(id).await));
                }
                _ => {}
            }
            drop(servers);
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// Why a server is in error: a list does not tell of one that no host took.
    async fn fault_of(&self, id: &str) -> String {
        #[derive(Deserialize)]
        struct Answer {
            server: ListedServer,
        }
        let call = Call::get(Service::Compute, format!("/servers/{id}"));
        let shown: Result<Answer, _> = self.shared.client.ask("ask for a fault", call).await;
        shown.map_or_else(
            |_| "it is in error".to_owned(),
            |answer| answer.server.fault(),
        )
    }

    /// Makes a server; its id.
    pub(super) async fn make_server(
        &self,
        cluster: ClusterId,
        name: &str,
        body: Value,
    ) -> Result<String, PlatformError> {
        #[derive(Deserialize)]
        struct Answer {
            server: Made,
        }
        #[derive(Deserialize)]
        struct Made {
            id: String,
        }
        let openstack = self.clone();
        let what = format!("create server {name}");
        let call = async move {
            let call = Call::post(Service::Compute, "/servers", json!({ "server": body }));
            let made: Answer = openstack.shared.client.ask(&what, call).await?;
            Ok(made.server.id)
        };
        self.shared.making.make(cluster, call).await
    }

    /// Deletes a server and waits until it is gone.
    pub(super) async fn remove_server(
        &self,
        cluster: ClusterId,
        id: &str,
        name: &str,
    ) -> Result<(), PlatformError> {
        let what = format!("delete server {name}");
        let path = format!("/servers/{id}");
        self.shared
            .client
            .delete(&what, Service::Compute, path)
            .await?;
        self.wait_for(cluster, id, name, Until::Gone).await?;
        self.forget_host(id);
        Ok(())
    }

    /// See `Platform::start_machine`.
    pub(super) async fn start_server(&self, machine: &Machine) -> Result<(), PlatformError> {
        self.act(machine, "os-start", Until::Active).await?;
        self.wait_until_reached(machine).await
    }

    /// See `Platform::stop_machine`.
    pub(super) async fn stop_server(&self, machine: &Machine) -> Result<(), PlatformError> {
        self.act(machine, "os-stop", Until::Stopped).await
    }

    async fn act(
        &self,
        machine: &Machine,
        action: &str,
        until: Until,
    ) -> Result<(), PlatformError> {
        let name = machine.spec.name.as_str();
        let what = format!("{} server {name}", action.trim_start_matches("os-"));
        let path = format!("/servers/{}/action", machine.id);
        let act = || {
            let call = Call::post(Service::Compute, path.clone(), json!({ action: null }));
            self.shared.client.tell(&what, call)
        };
        match Client::patiently(act).await {
            // It is as wanted already, or on its way: the wait tells.
            Err(failure) if failure.is_conflict() => {}
            told => told?,
        }
        self.wait_for(machine.owner.cluster, &machine.id, name, until)
            .await
    }
}
