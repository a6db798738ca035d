//! Everything that can be known to be wrong with a request before a write, from a few list calls at once.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::catalog::{choose_network_offering, choose_zone, named, names};
use super::client::{Call, code};
use super::lists::{
    AffinityGroup, ListedMachine, ListedNetwork, NetworkOffering, ServiceOffering, Template,
};
use super::network::{FIRST_SSH_PORT, SSH_PORTS};
use super::rules::{is_for_ssh, leads_elsewhere, public_ports};
use super::{CloudStack, NAME};
use crate::error::chain;
use crate::model::{
    ClusterId, ClusterSpec, Finding, NetworkSpec, NodeSpec, ObservedCluster, Owner, Role, Subject,
};
use crate::platform::cloud;
use crate::platform::labels;
use crate::platform::subnets::overlap;
use crate::platform::{PlatformError, Retry};

/// What the zone offers.
struct Offers {
    templates: Vec<Template>,
    networks: Vec<NetworkOffering>,
}

/// What there is in the account, and may be.
struct Facts {
    machines: Vec<ListedMachine>,
    networks: Vec<ListedNetwork>,
    sizes: Vec<ServiceOffering>,
    groups: Vec<AffinityGroup>,
    /// What an account or project tells of itself.
    account: Map<String, Value>,
    capacity: Vec<Capacity>,
}

/// How much of something the zone has.
#[derive(Debug, Deserialize)]
struct Capacity {
    #[serde(rename = "type")]
    kind: u16,
    capacityused: f64,
    capacitytotal: f64,
}

/// Bytes of memory, and MHz of CPUs, by the API's numbers.
const MEMORY: u16 = 0;
const CPU: u16 = 1;

/// What all nodes that would be made take together.
#[derive(Debug, Default, Clone, Copy)]
struct Wanted {
    machines: u64,
    cores: u64,
    /// MHz.
    speed: u64,
    /// MiB.
    memory: u64,
    networks: u64,
}

impl CloudStack {
    /// See `Platform::check`.
    pub(super) async fn check_request(
        &self,
        spec: &ClusterSpec,
        nodes: &[NodeSpec],
        observed: Option<&ObservedCluster>,
    ) -> Result<Vec<Finding>, PlatformError> {
        let mut findings = cloud::not_here(spec);
        findings.extend(taken_ports(spec));
        findings.extend(cloud::not_again(spec, observed));
        if nodes.is_empty() {
            return Ok(findings);
        }
        let cluster = observed.map(|observed| observed.id);
        let (offers, facts, existing) = tokio::try_join!(
            self.offers(),
            self.facts(),
            self.existing(spec, nodes, cluster)
        )?;
        findings.extend(existing);
        match &offers {
            Ok(offers) => {
                findings.extend(self.images(nodes, offers));
                if !matches!(spec.network, NetworkSpec::Existing(_)) {
                    findings.extend(self.network_kind(offers));
                }
            }
            Err(finding) => findings.push(finding.clone()),
        }
        findings.extend(taken_names(spec, nodes, cluster, &facts));
        findings.extend(subnet(spec, cluster, &facts.networks));
        findings.extend(self.absent_groups(&facts.groups));
        let (of_sizes, mut wanted) = self.sizes(spec, nodes, &facts.sizes);
        findings.extend(of_sizes);
        let has_network = observed.is_some_and(|observed| observed.network.is_some());
        if !has_network && !matches!(spec.network, NetworkSpec::Existing(_)) {
            wanted.networks = 1;
        }
        findings.extend(beyond_limits(&facts.account, wanted));
        findings.extend(beyond_capacity(&facts.capacity, wanted));
        Ok(findings)
    }

    /// What the zone offers, or what is wrong with the zone.
    async fn offers(&self) -> Result<Result<Offers, Finding>, PlatformError> {
        let zones = self.zones().await?;
        if let Err((reason, help)) = choose_zone(&zones, self.shared.settings.zone.as_deref()) {
            let help = format!("Give `{NAME}.zone` in the provider's configuration. {help}");
            return Ok(Err(Finding::error(Subject::Cluster, reason, help)));
        }
        let (templates, networks) = tokio::try_join!(self.templates(), self.network_offerings())?;
        Ok(Ok(Offers {
            templates,
            networks,
        }))
    }

    async fn facts(&self) -> Result<Facts, PlatformError> {
        let groups = async {
            let call = self.list_of_ours("listAffinityGroups").await?;
            let client = &self.shared.client;
            client
                .list("list affinity groups", call, "affinitygroup")
                .await
        };
        let (machines, networks, sizes, groups, account, capacity) = tokio::try_join!(
            self.machines(),
            self.networks(),
            self.service_offerings(),
            groups,
            self.account(),
            self.capacity(),
        )?;
        Ok(Facts {
            machines,
            networks,
            sizes,
            groups,
            account,
            capacity,
        })
    }

    /// What the account, or the project, says that it has and may have.
    pub(super) async fn account(&self) -> Result<Map<String, Value>, PlatformError> {
        let client = &self.shared.client;
        let project = self.project().await?;
        let (call, key) = match project {
            Some(id) => (Call::new("listProjects").with("id", id), "project"),
            None => (Call::new("listAccounts"), "account"),
        };
        let listed = client.list("ask for limits", call, key).await?;
        let listed: Vec<Map<String, Value>> = listed;
        Ok(listed.into_iter().next().unwrap_or_default())
    }

    /// How much room the zone has, as far as the account may know.
    async fn capacity(&self) -> Result<Vec<Capacity>, PlatformError> {
        let client = &self.shared.client;
        let call = Call::new("listCapacity");
        let asked = client.ask::<Map<String, Value>>("ask for room", call).await;
        let mut answer = match asked {
            Ok(answer) => answer,
            // It is for operators.
            Err(failure)
                if [code::UNSUPPORTED, code::ACCOUNT, code::NOT_LET_IN]
                    .iter()
                    .any(|code| failure.is(*code)) =>
            {
                return Ok(Vec::new());
            }
            Err(failure) => return Err(failure.into()),
        };
        let listed = answer.remove("capacity").unwrap_or_default();
        Ok(serde_json::from_value(listed).unwrap_or_default())
    }

    /// What is wrong with a network that exists.
    async fn existing(
        &self,
        spec: &ClusterSpec,
        nodes: &[NodeSpec],
        cluster: Option<ClusterId>,
    ) -> Result<Option<Finding>, PlatformError> {
        let NetworkSpec::Existing(id_or_name) = &spec.network else {
            return Ok(None);
        };
        let (there, balancers) = tokio::join!(self.existing_network(id_or_name), self.balancers());
        let there = match there {
            Ok(there) => there,
            Err(error) if error.retry() != Retry::Never => return Err(error),
            Err(error) => {
                return Ok(Some(Finding::error(
                    Subject::Network,
                    chain(&error),
                    "It is an isolated network with source NAT, a public address, port forwarding, firewall, DHCP and user data.",
                )));
            }
        };
        if let Some(machine) = there.of_another(cluster) {
            let name = machine.labels().get(Owner::CLUSTER_NAME);
            let name = name.map_or("", String::as_str);
            let finding = Finding::error(
                Subject::Network,
                format!("cluster {name:?} uses network {id_or_name:?}"),
                "The ports of its public address lead to the machines of one cluster. Take another network, or leave \
                 `network` out and get an own one.",
            );
            return Ok(Some(finding.held_by(machine.cluster())));
        }
        let ports = public_ports(nodes, there.access.balances);
        let taken = leads_elsewhere(&there, &balancers?, &ports, cluster);
        Ok(taken.map(|(port, holder)| {
            Finding::error(
                Subject::Network,
                format!("port {port} of the public address of network {id_or_name:?} leads to {holder}"),
                "The cluster would be reached there. Take another network, or remove what leads from that port.",
            )
        }))
    }

    /// What is wrong with what machines would be made from.
    fn images(&self, nodes: &[NodeSpec], offers: &Offers) -> Vec<Finding> {
        let mut findings = Vec::new();
        let images: BTreeSet<_> = nodes.iter().map(|node| &node.image).collect();
        for image in images {
            let (what, detail) = match self.template_among(&offers.templates, image) {
                Err(reason) => (
                    format!("no machine can be made from image {image}"),
                    format!(
                        "{reason} Give the name or id of a template, as `image` of the cluster or as `{NAME}.template` in the \
                         provider's configuration."
                    ),
                ),
                Ok(template) if !template.isready => (
                    format!("template {:?} is not ready in the zone", template.name),
                    "It is being registered or copied: wait until it is, or take another one.".to_owned(),
                ),
                Ok(template) if !template.sshkeyenabled => (
                    format!("template {:?} does not take SSH keys", template.name),
                    "Machines are let in on by a key that cloud-init brings them: take a template that has cloud-init, and is \
                     registered with SSH keys enabled."
                        .to_owned(),
                ),
                Ok(template) => {
                    let size = self.shared.settings.root_disk_size.map(u64::from);
                    match size {
                        Some(size) if size << 30 < template.size => (
                            format!("a disk of {size} GiB is too small for template {:?}", template.name),
                            format!("It has {} GiB.", template.size.div_ceil(1 << 30)),
                        ),
                        _ => continue,
                    }
                }
            };
            findings.push(Finding::error(Subject::Image, what, detail));
        }
        findings
    }

    fn network_kind(&self, offers: &Offers) -> Option<Finding> {
        let wanted = self.shared.settings.network_offering.as_deref();
        let (reason, help) = choose_network_offering(&offers.networks, wanted).err()?;
        Some(Finding::error(Subject::Network, reason, help))
    }

    fn absent_groups<'a>(&'a self, groups: &'a [AffinityGroup]) -> impl Iterator<Item = Finding> {
        let wanted = self.shared.settings.affinity_groups.iter();
        let absent = wanted.filter(|wanted| !groups.iter().any(|group| group.name == **wanted));
        absent.map(|absent| {
            Finding::error(
                Subject::Cluster,
                format!("there is no affinity group {absent:?}"),
                format!(
                    "`{NAME}.affinity_groups` names groups that exist: make it, or leave it out."
                ),
            )
        })
    }

    /// What is wrong with the sizes of machines, and what they take together.
    fn sizes(
        &self,
        spec: &ClusterSpec,
        nodes: &[NodeSpec],
        offerings: &[ServiceOffering],
    ) -> (Vec<Finding>, Wanted) {
        let mut findings: Vec<Finding> = Vec::new();
        let mut wanted = Wanted::default();
        for node in nodes {
            wanted.machines += 1;
            let subject = match node.role {
                Role::ControlPlane if spec.control_plane_flavor.is_some() => {
                    Subject::ControlPlaneFlavor
                }
                _ => Subject::Flavor,
            };
            let size = self.wanted_size(node.flavor.as_ref());
            let (summary, detail) = match size.map(|size| (size, named(offerings, size))) {
                Some((_, Some(offering))) if !offering.iscustomized => {
                    wanted.cores += offering.cpunumber;
                    wanted.speed += offering.cpunumber * offering.cpuspeed;
                    wanted.memory += offering.memory;
                    continue;
                }
                Some((size, Some(_))) => (
                    format!("service offering {size:?} does not say how large a machine is"),
                    "Take one with a fixed number of CPUs and a fixed memory.".to_owned(),
                ),
                Some((size, None)) => (
                    format!("the cloud has no service offering {size:?}"),
                    names(offerings),
                ),
                None => (
                    "nobody names a service offering".to_owned(),
                    format!(
                        "Give `flavor`, or `{NAME}.service_offering` in the provider's configuration. {}",
                        names(offerings)
                    ),
                ),
            };
            if !findings.iter().any(|finding| finding.summary == summary) {
                findings.push(Finding::error(subject, summary, detail));
            }
        }
        (findings, wanted)
    }
}

/// Public ports that lead to machines' SSH servers.
fn taken_ports(spec: &ClusterSpec) -> impl Iterator<Item = Finding> + '_ {
    let ports = spec.ports.iter().enumerate();
    let for_ssh = ports.filter(|(_, port)| port.host_port.is_some_and(is_for_ssh));
    for_ssh.map(|(position, _)| {
        Finding::error(
            Subject::Port(position),
            "the port leads to SSH servers of machines",
            format!(
                "Ports {FIRST_SSH_PORT} to {} of the network's public address do: take another `host_port`.",
                FIRST_SSH_PORT + SSH_PORTS - 1
            ),
        )
    })
}

fn taken_names(
    spec: &ClusterSpec,
    nodes: &[NodeSpec],
    cluster: Option<ClusterId>,
    facts: &Facts,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in nodes {
        let name = node.name.as_str();
        if !is_host_name(name) {
            findings.push(Finding::error(
                Subject::Name,
                format!("{name:?} is no name of an instance"),
                "The cloud takes letters, digits and hyphens: take a name for the cluster without `_` and `.`.",
            ));
            break;
        }
        let found = facts.machines.iter().find(|machine| machine.name == name);
        if let Some(found) = found {
            let owner = labels::owner(name, found.labels()).ok();
            findings.extend(cloud::foreign("instance", name, owner.as_ref(), cluster));
        }
    }
    if matches!(spec.network, NetworkSpec::Existing(_)) {
        return findings;
    }
    let name = spec.name.as_str();
    let mut networks = facts.networks.iter().filter(|network| network.name == name);
    let is_own = |network: &ListedNetwork| cluster.is_some_and(|cluster| network.is_of(cluster));
    if let Some(first) = networks.clone().next()
        && !networks.any(is_own)
    {
        let owner = first.owner();
        findings.extend(cloud::foreign("network", name, owner.as_ref(), cluster));
    }
    findings
}

/// What CloudStack takes as the name of an instance, which is its host name.
fn is_host_name(name: &str) -> bool {
    name.len() <= 63
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
}

fn subnet(
    spec: &ClusterSpec,
    cluster: Option<ClusterId>,
    networks: &[ListedNetwork],
) -> Option<Finding> {
    let NetworkSpec::Subnet(wanted) = &spec.network else {
        return None;
    };
    let wanted = wanted.trunc();
    let others = networks
        .iter()
        .filter(|network| !cluster.is_some_and(|cluster| network.is_of(cluster)));
    let mut others = others.filter_map(|network| Some((network, network.cidr?)));
    let (other, taken) = others.find(|(_, subnet)| overlap(subnet, &wanted))?;
    let finding = Finding::error(
        Subject::Network,
        format!("subnet {wanted} overlaps with {taken}"),
        format!(
            "Network {:?} has that one. Take another subnet, or leave it out.",
            other.name
        ),
    );
    Some(finding.held_by(other.owner().map(|owner| owner.cluster)))
}

/// What is more than the account or project may have.
fn beyond_limits(account: &Map<String, Value>, wanted: Wanted) -> Vec<Finding> {
    let of_kinds = [
        ("vm", "machines", wanted.machines, Subject::Workers),
        ("cpu", "cores", wanted.cores, Subject::Workers),
        ("memory", "MiB of memory", wanted.memory, Subject::Workers),
        ("network", "networks", wanted.networks, Subject::Network),
        ("ip", "public addresses", wanted.networks, Subject::Network),
    ];
    let mut findings = Vec::new();
    for (key, what, wanted, subject) in of_kinds {
        let Some(available) = account.get(&format!("{key}available")).and_then(count) else {
            continue;
        };
        if wanted > available {
            findings.push(Finding::error(
                subject,
                format!("the limits of the account or project have no room for {wanted} more {what}"),
                format!(
                    "There is room for {available}. Ask for fewer or smaller nodes, give back what is not needed, or ask for \
                     more."
                ),
            ));
        }
    }
    findings
}

/// A number, or a text that is one; `None`: there is no limit.
pub(super) fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// What the zone has no room for.
fn beyond_capacity(capacity: &[Capacity], wanted: Wanted) -> Vec<Finding> {
    // All of it is far below 2⁵³, where every whole number is exact.
    #[allow(clippy::cast_precision_loss)]
    let of_kinds = [
        (MEMORY, "memory", (wanted.memory << 20) as f64),
        (CPU, "CPUs", wanted.speed as f64),
    ];
    let mut findings = Vec::new();
    for (kind, what, wanted) in of_kinds {
        let mut of_kind = capacity
            .iter()
            .filter(|capacity| capacity.kind == kind)
            .peekable();
        if of_kind.peek().is_none() {
            continue;
        }
        let free: f64 = of_kind
            .map(|capacity| capacity.capacitytotal - capacity.capacityused)
            .sum();
        if wanted > free {
            findings.push(Finding::error(
                Subject::Workers,
                format!("the zone has no room for that much {what}"),
                "Ask for fewer or smaller nodes, or take another zone.",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_limits_and_room_is_told_all_at_once() {
        let account = serde_json::json!({
            "vmavailable": "2", "cpuavailable": "Unlimited", "memoryavailable": 4096, "networkavailable": "0",
        });
        let wanted = Wanted {
            machines: 3,
            cores: 6,
            speed: 6000,
            memory: 6144,
            networks: 1,
        };
        let found = beyond_limits(account.as_object().unwrap(), wanted);
        let subjects: Vec<_> = found.iter().map(|finding| &finding.subject).collect();
        assert_eq!(
            subjects,
            [&Subject::Workers, &Subject::Workers, &Subject::Network]
        );
        let room = [Capacity {
            kind: MEMORY,
            capacityused: 0.0,
            capacitytotal: 6_442_450_944.0,
        }];
        assert!(beyond_capacity(&room, wanted).is_empty());
        let more = Wanted {
            memory: 6145,
            ..wanted
        };
        assert_eq!(beyond_capacity(&room, more).len(), 1);
    }
}
