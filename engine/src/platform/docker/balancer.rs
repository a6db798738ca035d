//! Balancers: a container beside the control planes that leads connections on to them.
//!
//! It is made from the image of the nodes, so that none has to be fetched for it, and runs `balance.sh`. What it leads to is in
//! its labels, which cannot be changed: one that should lead elsewhere is made anew.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::models::{
    ContainerCreateBody, HostConfig, NetworkingConfig, RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{CreateContainerOptionsBuilder, LogsOptionsBuilder};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};

use super::connection::status;
use super::{Docker, container, labels, observe, ports};
use crate::model::{Balancer, ClusterId, MachineState, NodeName, Owner, PortMapping, Protocol};
use crate::platform::balancer::{free_address, name_of};
use crate::platform::{BalancerRequest, PlatformError, Retry};

const PROGRAM: &str = include_str!("balance.sh");
/// What the program says once connections are led on.
const LEADS: &str = "leads to ";
/// How long it may take until it says so.
const LEADS_WITHIN: Duration = Duration::from_secs(30);
/// How often a port that somebody else took meanwhile is chosen anew.
const MOST_PORT_CHOICES: usize = 16;

/// What a balancer was made as, as its label says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Made {
    pub(super) port: u16,
    pub(super) host_port: u16,
    targets: BTreeSet<IpAddr>,
}

/// The balancer that a container's labels tell of; `None`: it is none.
pub(super) fn from_labels(
    id: &str,
    labels: &HashMap<String, String>,
    state: MachineState,
) -> Result<Option<Balancer>, PlatformError> {
    if !labels.contains_key(labels::BALANCER) {
        return Ok(None);
    }
    let object = format!("container {id}");
    let made: Made = labels::parsed_json(&object, labels, labels::BALANCER)?;
    Ok(Some(Balancer {
        id: id.to_owned(),
        address: labels::parsed(&object, labels, labels::NODE_ADDRESS)?,
        published: (IpAddr::V4(Ipv4Addr::LOCALHOST), made.host_port),
        targets: made.targets,
        state,
    }))
}

impl Docker {
    /// See `Balances::ensure_balancer`.
    pub(super) async fn find_or_make_balancer(
        &self,
        owner: &Owner,
        request: &BalancerRequest,
    ) -> Result<Balancer, PlatformError> {
        let name = name_of(owner)?;
        // One that was asked for and not awaited is there first, and not somebody else's.
        self.shared.making.nothing_is_made(owner.cluster).await;
        let mut host_port = request.host_port;
        for found in self.balancers(owner.cluster).await? {
            if found.state == MachineState::Running && found.targets == request.targets {
                return Ok(found);
            }
            host_port = host_port.or(Some(found.published.1));
            self.remove_container(&found.id).await?;
        }
        let mut refused_ports = HashSet::new();
        for _ in 0..MOST_PORT_CHOICES {
            let mapping = PortMapping {
                node: name.clone(),
                node_port: request.port,
                host_port: host_port.filter(|port| !refused_ports.contains(port)),
                listen_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
                protocol: Protocol::Tcp,
            };
            let published = self
                .choose_ports(owner.cluster, &[mapping], &refused_ports)
                .await?;
            match self
                .make_balancer(owner, &name, request, &published)
                .await?
            {
                Ok(balancer) => return Ok(balancer),
                Err(port) => refused_ports.insert(port),
            };
        }
        Err(PlatformError::Refused {
            what: format!("start container {name}"),
            reason: format!("{MOST_PORT_CHOICES} ports in turn were in use on the engine's host"),
            help: None,
            retry: Retry::Later,
        })
    }

    /// The balancer, or the port of the host that somebody else has.
    async fn make_balancer(
        &self,
        owner: &Owner,
        name: &NodeName,
        request: &BalancerRequest,
        published: &[PortMapping],
    ) -> Result<Result<Balancer, u16>, PlatformError> {
        let client = self.client().await?;
        let host_port = published.iter().find_map(|port| port.host_port);
        let made = Made {
            port: request.port,
            host_port: host_port.unwrap_or_default(),
            targets: request.targets.clone(),
        };
        let address = self.address_of_balancer(owner, request).await?;
        let mut body = body(owner, name, request, published, address);
        let mut all_labels = labels::of_owner(owner);
        all_labels.extend([
            (
                labels::BALANCER.to_owned(),
                labels::json("the balancer", &made)?,
            ),
            (labels::NODE_ADDRESS.to_owned(), address.to_string()),
            (labels::NETWORK_ID.to_owned(), request.network.id.clone()),
        ]);
        body.labels = Some(all_labels);
        if let Some(host) = &mut body.host_config {
            host.tmpfs = Some(self.in_memory(&request.image.0).await?);
        }
        let options = CreateContainerOptionsBuilder::new()
            .name(name.as_str())
            .build();
        let making = client.clone();
        let call = async move { Ok(making.create_container(Some(options), body).await) };
        let id = match self.shared.making.make(owner.cluster, call).await? {
            Ok(made) => made.id,
            Err(error) if status(&error) == Some(409) => {
                return Err(PlatformError::Foreign {
                    kind: "container",
                    name: name.to_string(),
                });
            }
            Err(error) => return Err(self.failure(format!("create container {name}"), error)),
        };
        if let Err(error) = client.start_container(&id, None).await {
            let reason = error.to_string();
            self.remove_container(&id).await?;
            return match ports::refused_port(&reason, published) {
                Some(port) => Ok(Err(port)),
                None => Err(self.failure(format!("start container {name}"), error)),
            };
        }
        if let Err(error) = self.until_it_leads(name, &id).await {
            self.remove_container(&id).await?;
            return Err(error);
        }
        Ok(Ok(Balancer {
            id,
            address,
            published: (IpAddr::V4(Ipv4Addr::LOCALHOST), made.host_port),
            targets: made.targets,
            state: MachineState::Running,
        }))
    }

    /// The highest address of the network that nobody has, far from those that nodes get.
    async fn address_of_balancer(
        &self,
        owner: &Owner,
        request: &BalancerRequest,
    ) -> Result<IpAddr, PlatformError> {
        let of_network = (
            "label".to_owned(),
            vec![format!("{}={}", labels::NETWORK_ID, request.network.id)],
        );
        let containers = self
            .list_containers(Some(HashMap::from([of_network])))
            .await?;
        let held = containers.iter().filter_map(|container| {
            let labels = container.labels.as_ref()?;
            labels.get(labels::NODE_ADDRESS)?.parse::<IpAddr>().ok()
        });
        free_address(owner, request, held)
    }

    /// The folders for which the image wants volumes: it gets none for what it does not need.
    async fn in_memory(&self, image: &str) -> Result<HashMap<String, String>, PlatformError> {
        let found = self.client().await?.inspect_image(image).await;
        let found = found.map_err(|error| self.failure(format!("look at image {image}"), error))?;
        let volumes = found.config.and_then(|config| config.volumes);
        let paths = volumes.into_iter().flatten();
        Ok(paths.map(|path| (path, String::new())).collect())
    }

    /// Waits until the program says that it leads connections on. Safe to drop.
    async fn until_it_leads(&self, name: &NodeName, id: &str) -> Result<(), PlatformError> {
        let options = LogsOptionsBuilder::new()
            .follow(true)
            .stdout(true)
            .stderr(true)
            .build();
        let mut said = String::new();
        let mut lines = self.client().await?.logs(id, Some(options));
        let leads = async {
            while let Some(Ok(LogOutput::StdOut { message } | LogOutput::StdErr { message })) =
                lines.next().await
            {
                said.push_str(&String::from_utf8_lossy(&message));
                if said.contains(LEADS) {
                    return true;
                }
            }
            false
        };
        match tokio::time::timeout(LEADS_WITHIN, leads).await {
            Ok(true) => Ok(()),
            ended => Err(PlatformError::Refused {
                what: format!("start the balancer {name}"),
                reason: match ended {
                    Ok(_) => format!("its program ended: {}", said.trim()),
                    Err(_) => format!("it does not lead connections on yet: {}", said.trim()),
                },
                help: Some("The image of the nodes needs `sh`, `iptables` and `timeout`, as docs/contracts/node-image.md says.".to_owned()),
                retry: Retry::Later,
            }),
        }
    }

    /// See `Balances::delete_balancer`.
    pub(super) async fn remove_balancers(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.shared.making.nothing_is_made(cluster).await;
        for balancer in self.balancers(cluster).await? {
            self.remove_container(&balancer.id).await?;
        }
        Ok(())
    }

    async fn balancers(&self, cluster: ClusterId) -> Result<Vec<Balancer>, PlatformError> {
        let mut filters = labels::filter_of_cluster(cluster);
        let and = filters.entry("label".to_owned()).or_default();
        and.push(labels::BALANCER.to_owned());
        let mut balancers = Vec::new();
        for found in self.list_containers(Some(filters)).await? {
            let labels = found.labels.clone().unwrap_or_default();
            let id = found.id.as_deref().unwrap_or_default();
            balancers.extend(from_labels(id, &labels, observe::state_of(&found))?);
        }
        Ok(balancers)
    }
}

fn body(
    owner: &Owner,
    name: &NodeName,
    request: &BalancerRequest,
    published: &[PortMapping],
    address: IpAddr,
) -> ContainerCreateBody {
    let targets = request.targets.iter().map(ToString::to_string);
    let arguments = std::iter::once(request.port.to_string()).chain(targets);
    let forwards = match address {
        IpAddr::V4(_) => "net.ipv4.ip_forward",
        IpAddr::V6(_) => "net.ipv6.conf.all.forwarding",
    };
    ContainerCreateBody {
        hostname: Some(name.to_string()),
        image: Some(request.image.0.clone()),
        entrypoint: Some(
            ["/bin/sh", "-c", PROGRAM, owner.cluster_name.as_str()]
                .map(str::to_owned)
                .to_vec(),
        ),
        cmd: Some(arguments.collect()),
        stop_signal: Some("SIGTERM".to_owned()),
        exposed_ports: Some(published.iter().map(container::node_port).collect()),
        host_config: Some(HostConfig {
            port_bindings: Some(container::port_bindings(published)),
            network_mode: Some(request.network.id.clone()),
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
                maximum_retry_count: None,
            }),
            cap_add: Some(vec!["NET_ADMIN".to_owned(), "NET_RAW".to_owned()]),
            sysctls: Some(HashMap::from([(forwards.to_owned(), "1".to_owned())])),
            ..HostConfig::default()
        }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(
                request.network.id.clone(),
                container::endpoint(address),
            )])),
        }),
        ..ContainerCreateBody::default()
    }
}
