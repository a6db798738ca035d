//! What can be known to be wrong with a request before a write.

use crate::model::{
    ClusterId, ClusterSpec, Finding, NetworkSpec, NodeSpec, ObservedCluster, Role, Subject,
};
use crate::platform::PlatformError;

use super::folder::{Folder, Kind};
use super::labels::{self, Holder};
use super::settings::Quota;
use super::{image, network, port, size, volume};

/// Everything that is wrong with the request.
pub(super) fn check(
    folder: &Folder,
    quota: Quota,
    spec: &ClusterSpec,
    nodes: &[NodeSpec],
    observed: Option<&ObservedCluster>,
) -> Result<Vec<Finding>, PlatformError> {
    let cluster = observed.map(|observed| observed.id);
    let mut findings = Vec::new();
    findings.extend(names(folder, spec, nodes, cluster)?);
    findings.extend(images(spec, nodes));
    findings.extend(flavors(quota, nodes));
    findings.extend(ports(folder, spec, cluster)?);
    findings.extend(subnet(folder, spec, observed)?);
    findings.extend(quotas(folder, quota, spec, nodes, observed)?);
    Ok(findings)
}

fn names(
    folder: &Folder,
    spec: &ClusterSpec,
    nodes: &[NodeSpec],
    cluster: Option<ClusterId>,
) -> Result<Vec<Finding>, PlatformError> {
    let mut names = Vec::new();
    if !matches!(spec.network, NetworkSpec::Existing(_)) {
        names.push((Kind::Network, spec.name.to_string()));
    }
    for node in nodes {
        names.push((Kind::Machine, node.name.to_string()));
        let volumes = node.volumes.iter();
        names.extend(volumes.map(|volume| (Kind::Volume, volume::name(&node.name, volume))));
    }
    let mut findings = Vec::new();
    for (kind, name) in names {
        let holder = labels::holder(folder, kind, &name)?;
        let whose = match holder {
            Holder::Nobody => continue,
            Holder::Cluster(holder) if Some(holder) == cluster => continue,
            Holder::Cluster(holder) => format!("It belongs to cluster {holder}."),
            Holder::Foreign => "It belongs to no cluster.".to_owned(),
        };
        let finding = Finding::error(
            Subject::Name,
            format!("{} {name:?} exists already", kind.as_str()),
            format!("{whose} It is not touched: choose another name, or remove it yourself."),
        );
        findings.push(finding.held_by(holder.cluster()));
    }
    Ok(findings)
}

fn images(spec: &ClusterSpec, nodes: &[NodeSpec]) -> Vec<Finding> {
    let detail = "Names that begin with missing/ stand for images that nobody has.";
    let node_image = nodes
        .iter()
        .map(|node| &node.image)
        .find(|image| image::is_missing(image));
    let mut findings: Vec<Finding> = node_image
        .map(|image| Finding::error(Subject::Image, format!("there is no image {image}"), detail))
        .into_iter()
        .collect();
    for (position, image) in spec.preload_images.iter().enumerate() {
        if image::is_missing(image) {
            let summary = format!("there is no image {image}");
            findings.push(Finding::error(
                Subject::PreloadImage(position),
                summary,
                detail,
            ));
        }
    }
    findings
}

fn flavors(quota: Quota, nodes: &[NodeSpec]) -> Vec<Finding> {
    let of_role = |role: Role, subject: Subject| {
        let flavor = nodes
            .iter()
            .filter(|node| node.role == role)
            .find_map(|node| node.flavor.as_ref());
        let wrong = flavor.and_then(|flavor| size::check(flavor, quota).err())?;
        Some(Finding::error(
            subject,
            wrong,
            "Choose a size that the platform has room for.",
        ))
    };
    [
        of_role(Role::ControlPlane, Subject::ControlPlaneFlavor),
        of_role(Role::Worker, Subject::Flavor),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn ports(
    folder: &Folder,
    spec: &ClusterSpec,
    cluster: Option<ClusterId>,
) -> Result<Vec<Finding>, PlatformError> {
    let mut findings = Vec::new();
    for (position, mapping) in spec.ports.iter().enumerate() {
        let Some(host_port) = mapping.host_port else {
            continue;
        };
        let Some(machine) = port::holder(folder, mapping.protocol, host_port)? else {
            continue;
        };
        let holder = labels::holder(folder, Kind::Machine, &machine)?;
        if cluster.is_none_or(|cluster| holder != Holder::Cluster(cluster)) {
            let address = port::address(mapping.listen_address, host_port);
            let finding = Finding::error(
                Subject::Port(position),
                format!("{address} is in use"),
                format!("Machine {machine} holds it. Choose another port, or none for a free one."),
            );
            findings.push(finding.held_by(holder.cluster()));
        }
    }
    Ok(findings)
}

fn subnet(
    folder: &Folder,
    spec: &ClusterSpec,
    observed: Option<&ObservedCluster>,
) -> Result<Vec<Finding>, PlatformError> {
    if observed.is_some_and(|observed| observed.network.is_some()) {
        return Ok(Vec::new());
    }
    let finding = match &spec.network {
        NetworkSpec::Isolated => None,
        NetworkSpec::Existing(id) => {
            let is_there = folder.object_file(Kind::Network, id).exists();
            (!is_there).then(|| {
                Finding::error(
                    Subject::Network,
                    format!("there is no network {id:?}"),
                    "Give the name of one that exists, or none for a new network.",
                )
            })
        }
        NetworkSpec::Subnet(subnet) => {
            let subnets = network::subnets(folder)?;
            match network::overlapping(&subnets, *subnet) {
                None => None,
                Some((other, theirs)) => {
                    let held_by = labels::holder(folder, Kind::Network, other)?.cluster();
                    let finding = Finding::error(
                        Subject::Network,
                        format!("{subnet} overlaps with {theirs} of network {other}"),
                        "Choose a subnet that overlaps with none, or none for a free one.",
                    );
                    Some(finding.held_by(held_by))
                }
            }
        }
    };
    Ok(finding.into_iter().collect())
}

fn quotas(
    folder: &Folder,
    quota: Quota,
    spec: &ClusterSpec,
    nodes: &[NodeSpec],
    observed: Option<&ObservedCluster>,
) -> Result<Vec<Finding>, PlatformError> {
    let mut findings = Vec::new();
    if let Some(most) = quota.machines {
        let has = |node: &&NodeSpec| {
            observed.is_some_and(|observed| observed.machines.contains_key(&node.name))
        };
        let new = nodes.iter().filter(|node| !has(node)).count();
        let there = folder.names_in(&folder.all(Kind::Machine))?.len();
        if new > 0 && there + new > usize::try_from(most).unwrap_or(usize::MAX) {
            findings.push(Finding::error(
                Subject::Workers,
                format!("{new} more machines are over the quota of {most}"),
                format!("The platform has {there} machines. Ask for fewer, or raise the quota."),
            ));
        }
    }
    let makes_network = !matches!(spec.network, NetworkSpec::Existing(_))
        && observed.is_none_or(|observed| observed.network.is_none());
    if let Some(most) = quota.networks
        && makes_network
    {
        let there = folder.names_in(&folder.all(Kind::Network))?.len();
        if there >= usize::try_from(most).unwrap_or(usize::MAX) {
            findings.push(Finding::error(
                Subject::Network,
                format!("one more network is over the quota of {most}"),
                format!("The platform has {there} networks. Use one of them, or raise the quota."),
            ));
        }
    }
    Ok(findings)
}
