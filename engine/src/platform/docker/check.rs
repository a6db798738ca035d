//! Everything that can be known to be wrong with a request before a write.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use bollard::models::{ContainerSummary, Volume};
use ipnet::IpNet;

use super::image::Absence;
use super::network::{ListedNetwork, subnets_of};
use super::{Docker, labels, reference, subnets, volume};
use crate::model::{
    ClusterId, ClusterSpec, Finding, Flavor, ImageName, NetworkSpec, NodeSpec, ObservedCluster,
    Owner, Subject,
};
use crate::platform::PlatformError;
use crate::platform::flavor::Size;

/// What the engine has.
struct Facts {
    containers: Vec<ContainerSummary>,
    networks: Vec<ListedNetwork>,
    /// The subnets that the engine's host has routes to, where it is this machine.
    routes: Vec<IpNet>,
    volumes: Vec<Volume>,
    /// Bytes; `None`: it did not say.
    memory: Option<i64>,
    cpus: Option<i64>,
}

type Labels = HashMap<String, String>;

impl Docker {
    /// See `Platform::check`.
    pub(super) async fn check_request(
        &self,
        spec: &ClusterSpec,
        nodes: &[NodeSpec],
        observed: Option<&ObservedCluster>,
    ) -> Result<Vec<Finding>, PlatformError> {
        let client = self.client().await?;
        let info = async {
            client
                .info()
                .await
                .map_err(|error| self.failure("ask for the engine's size", error))
        };
        let (containers, networks, volumes, info, absent) = tokio::try_join!(
            self.list_containers(None),
            self.list_networks(),
            self.list_volumes(None),
            info,
            self.images_not_to_be_had(spec, nodes, observed),
        )?;
        let facts = Facts {
            containers,
            networks,
            routes: self.host_routes(),
            volumes,
            memory: info.mem_total,
            cpus: info.ncpu,
        };
        let mut findings = findings(spec, nodes, observed.map(|cluster| cluster.id), &facts);
        findings.extend(absent);
        Ok(findings)
    }

    /// A finding for each image that a write would have to fetch and that cannot be fetched now.
    async fn images_not_to_be_had(
        &self,
        spec: &ClusterSpec,
        nodes: &[NodeSpec],
        observed: Option<&ObservedCluster>,
    ) -> Result<Vec<Finding>, PlatformError> {
        let asked = images_to_have(spec, nodes, observed)
            .into_iter()
            .filter(|(_, image)| reference::problem(&image.0).is_none())
            .map(|(subject, image)| async move {
                let absence = self.why_not_to_be_had(image).await?;
                Ok::<_, PlatformError>(absence.map(|absence| absent(subject, image, absence)))
            });
        let findings = futures_util::future::try_join_all(asked).await?;
        Ok(findings.into_iter().flatten().collect())
    }
}

fn absent(subject: Subject, image: &ImageName, absence: Absence) -> Finding {
    match absence {
        Absence::Certain(reason) => Finding::error(
            subject,
            format!("image {image} is not on the engine and cannot be pulled"),
            format!(
                "Its registry says: {reason}. Take another one, or build it or load it on the engine first. Where the \
                 same apply makes the image, refer to what makes it, so that it is not known before."
            ),
        ),
        Absence::Unknown(reason) => Finding::warning(
            subject,
            format!("image {image} is not on the engine, and may not be there in time"),
            format!(
                "Its registry says: {reason}. Nothing is made unless it gives the image when it is pulled."
            ),
        ),
    }
}

/// The images that a write would ask for: those of machines that are to be made, and those to preload
/// that some node lacks. What all nodes have already may be gone from engine and registry.
fn images_to_have<'a>(
    spec: &'a ClusterSpec,
    nodes: &'a [NodeSpec],
    observed: Option<&ObservedCluster>,
) -> Vec<(Subject, &'a ImageName)> {
    let record = observed.and_then(|observed| observed.record.as_ref());
    let other_image = spec
        .image
        .as_ref()
        .filter(|image| record.is_some_and(|record| record.spec.image.as_ref() != Some(image)));
    let of_machines: BTreeSet<_> = nodes
        .iter()
        .map(|node| &node.image)
        .chain(other_image)
        .collect();
    let lacks = |image: &ImageName| {
        !nodes.is_empty() || record.is_none_or(|record| !record.preloaded.contains_key(&image.0))
    };
    let preloaded = spec.preload_images.iter().enumerate();
    // Without an image of the user's, the version is what names one.
    let of_machine = match (&spec.image, &spec.version) {
        (None, Some(_)) => Subject::Version,
        _ => Subject::Image,
    };
    of_machines
        .into_iter()
        .map(|image| (of_machine.clone(), image))
        .chain(
            preloaded
                .filter(|(_, image)| lacks(image))
                .map(|(position, image)| (Subject::PreloadImage(position), image)),
        )
        .collect()
}

/// `cluster` is the cluster's id, if it is there already: what is its own is in nobody's way.
fn findings(
    spec: &ClusterSpec,
    nodes: &[NodeSpec],
    cluster: Option<ClusterId>,
    facts: &Facts,
) -> Vec<Finding> {
    let mut findings = names(spec, nodes, cluster, facts);
    findings.extend(images(spec));
    findings.extend(size(Subject::Flavor, spec.flavor.as_ref(), facts));
    findings.extend(size(
        Subject::ControlPlaneFlavor,
        spec.control_plane_flavor.as_ref(),
        facts,
    ));
    findings.extend(ports(spec, cluster, facts));
    findings.extend(network(spec, cluster, facts));
    findings.extend(sizes(spec));
    findings
}

fn names(
    spec: &ClusterSpec,
    nodes: &[NodeSpec],
    cluster: Option<ClusterId>,
    facts: &Facts,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let none = Labels::new();
    for node in nodes {
        let slashed = format!("/{}", node.name);
        let is_named = |container: &&ContainerSummary| {
            container
                .names
                .iter()
                .flatten()
                .any(|name| *name == slashed)
        };
        if let Some(found) = facts.containers.iter().find(is_named) {
            let labels = found.labels.as_ref().unwrap_or(&none);
            findings.extend(foreign("container", node.name.as_str(), labels, cluster));
        }
        for node_volume in &node.volumes {
            let name = volume::name_of(&node.name, node_volume);
            if let Some(found) = facts.volumes.iter().find(|volume| volume.name == name) {
                findings.extend(foreign("volume", &name, &found.labels, cluster));
            }
        }
    }
    if !matches!(spec.network, NetworkSpec::Existing(_)) {
        let name = spec.name.as_str();
        let is_named = |network: &&ListedNetwork| network.name.as_deref() == Some(name);
        if let Some(found) = facts.networks.iter().find(is_named) {
            let labels = found.labels.as_ref().unwrap_or(&none);
            findings.extend(foreign("network", name, labels, cluster));
        }
    }
    findings
}

/// A finding, unless the object of that name is the cluster's.
fn foreign(kind: &str, name: &str, labels: &Labels, cluster: Option<ClusterId>) -> Option<Finding> {
    if is_own(Some(labels), cluster) {
        return None;
    }
    let whose = match labels.get(Owner::CLUSTER_NAME) {
        Some(owner) => format!("It belongs to cluster {owner:?}"),
        None => "It was not made here".to_owned(),
    };
    Some(
        Finding::error(
        Subject::Name,
        format!("{kind} {name:?} exists already and does not belong to this cluster"),
        format!(
            "{whose} and is not touched. Take another name for the cluster, or remove the {kind}."
        ),
    )
    .held_by(cluster_of(labels)))
}

/// The cluster that an object belongs to.
fn cluster_of(labels: &Labels) -> Option<ClusterId> {
    labels.get(Owner::CLUSTER_ID)?.parse().ok()
}

fn is_own(labels: Option<&Labels>, cluster: Option<ClusterId>) -> bool {
    match (labels, cluster) {
        (Some(labels), Some(cluster)) => labels::belongs_to(labels, cluster),
        _ => false,
    }
}

/// Names that no image can have.
fn images(spec: &ClusterSpec) -> Vec<Finding> {
    let preloaded = spec.preload_images.iter().enumerate();
    let all = spec
        .image
        .iter()
        .map(|image| (Subject::Image, image))
        .chain(preloaded.map(|(position, image)| (Subject::PreloadImage(position), image)));
    all.filter_map(|(subject, image)| {
        let problem = reference::problem(&image.0)?;
        Some(Finding::error(
            subject,
            format!("{:?} is not the name of an image", image.0),
            problem,
        ))
    })
    .collect()
}

fn size(subject: Subject, flavor: Option<&Flavor>, facts: &Facts) -> Option<Finding> {
    let flavor = flavor?;
    let size: Size = match flavor.0.parse() {
        Ok(size) => size,
        Err(error) => {
            let summary = format!("{flavor} is not a flavor of this platform");
            return Some(Finding::error(subject, summary, format!("{error}.")));
        }
    };
    if let Some(memory) = facts.memory.filter(|memory| size.memory > *memory) {
        return Some(Finding::error(
            subject,
            format!("flavor {flavor} asks for more memory than the engine has"),
            format!("The engine has {} GiB.", tenths(memory, 1 << 30)),
        ));
    }
    let cpus = facts
        .cpus
        .filter(|cpus| size.nano_cpus > cpus.saturating_mul(1_000_000_000))?;
    Some(Finding::error(
        subject,
        format!("flavor {flavor} asks for more CPUs than the engine has"),
        format!("The engine has {cpus}."),
    ))
}

/// `number / unit`, rounded down to one decimal.
fn tenths(number: i64, unit: i64) -> String {
    let tenths = number.saturating_mul(10) / unit;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn ports(spec: &ClusterSpec, cluster: Option<ClusterId>, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (position, port) in spec.ports.iter().enumerate() {
        let Some(host_port) = port.host_port else {
            continue;
        };
        let holds = |container: &&ContainerSummary| {
            !is_own(container.labels.as_ref(), cluster)
                && container.ports.iter().flatten().any(|held| {
                    held.public_port == Some(host_port)
                        && same_address(held.ip.as_deref(), port.listen_address)
                })
        };
        if let Some(holder) = facts.containers.iter().find(holds) {
            let name = holder.names.iter().flatten().next();
            let name = name.map_or("?", |name| name.trim_start_matches('/'));
            findings.push(
                Finding::error(
                    Subject::Port(position),
                    format!("port {host_port} of the engine's host is in use"),
                    format!("Container {name:?} has it. Take another port."),
                )
                .held_by(holder.labels.as_ref().and_then(cluster_of)),
            );
        }
    }
    findings
}

/// Whether one socket address keeps the other from being listened on.
fn same_address(held: Option<&str>, wanted: IpAddr) -> bool {
    match held.and_then(|held| held.parse::<IpAddr>().ok()) {
        Some(held) => held == wanted || held.is_unspecified() || wanted.is_unspecified(),
        None => true,
    }
}

fn network(spec: &ClusterSpec, cluster: Option<ClusterId>, facts: &Facts) -> Option<Finding> {
    match &spec.network {
        NetworkSpec::Isolated => None,
        NetworkSpec::Subnet(subnet) => {
            overlap(*subnet, cluster, facts).or_else(|| detour(*subnet, cluster, facts))
        }
        NetworkSpec::Existing(wanted) => existing(wanted, facts),
    }
}

fn overlap(subnet: IpNet, cluster: Option<ClusterId>, facts: &Facts) -> Option<Finding> {
    let overlaps = |network: &&ListedNetwork| {
        !is_own(network.labels.as_ref(), cluster)
            && subnets_of(network)
                .into_iter()
                .any(|other| subnets::overlap(subnet, other))
    };
    let other = facts.networks.iter().find(overlaps)?;
    let theirs: Vec<String> = subnets_of(other).iter().map(ToString::to_string).collect();
    Some(
        Finding::error(
            Subject::Network,
            format!(
                "subnet {subnet} overlaps that of network {:?}",
                other.name.as_deref()?
            ),
            format!(
                "That one has {}. Take another subnet, or none: a free one is found then.",
                theirs.join(" and ")
            ),
        )
        .held_by(other.labels.as_ref().and_then(cluster_of)),
    )
}

/// A finding where the host has its own way to addresses of a subnet that is to be made.
fn detour(subnet: IpNet, cluster: Option<ClusterId>, facts: &Facts) -> Option<Finding> {
    // Once the network is there, one of the routes is its own.
    if cluster.is_some() {
        return None;
    }
    let of_networks: Vec<IpNet> = facts.networks.iter().flat_map(subnets_of).collect();
    let mut others = facts
        .routes
        .iter()
        .filter(|route| !of_networks.contains(route));
    let route = others.find(|route| subnets::overlap(subnet, **route))?;
    let help = "Take another subnet, or none: a free one is found then.";
    Some(if subnet.contains(route) {
        Finding::error(
            Subject::Network,
            format!("subnet {subnet} overlaps {route}, which the engine's host has a route to"),
            format!("The host would not reach {route} any more. {help}"),
        )
    } else {
        Finding::warning(
            Subject::Network,
            format!("subnet {subnet} is a part of {route}, which the engine's host has a route to"),
            format!(
                "What there is at these addresses now, the host will not reach any more. {help}"
            ),
        )
    })
}

fn existing(wanted: &str, facts: &Facts) -> Option<Finding> {
    let is_wanted = |network: &&ListedNetwork| {
        network.id.as_deref() == Some(wanted) || network.name.as_deref() == Some(wanted)
    };
    let Some(found) = facts.networks.iter().find(is_wanted) else {
        return Some(Finding::error(
            Subject::Network,
            format!("there is no network {wanted:?} on the engine"),
            "`docker network ls --no-trunc` lists those that there are, by id and name.",
        ));
    };
    // The engine gives fixed addresses in networks that a user made with a subnet alone.
    let by_itself = matches!(found.name.as_deref(), Some("bridge" | "host" | "none"));
    (by_itself || subnets_of(found).is_empty()).then(|| {
        Finding::error(
            Subject::Network,
            format!("nodes cannot have fixed addresses in network {wanted:?}"),
            "Make one with `docker network create --subnet <CIDR> <name>`.",
        )
    })
}

fn sizes(spec: &ClusterSpec) -> Vec<Finding> {
    let sized = spec
        .volumes
        .iter()
        .enumerate()
        .filter_map(|(position, node_volume)| {
            Some((
                Subject::Volume(position),
                &node_volume.name,
                node_volume.size?,
            ))
        });
    sized
        .map(|(subject, name, size)| {
            Finding::warning(
                subject,
                format!("volume {name:?} is not limited to {size} GiB"),
                "Volumes of a Docker Engine are as large as its disk.",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests;
