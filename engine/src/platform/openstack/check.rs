//! Everything that can be known to be wrong with a request before a write, from a few list calls at once.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::client::{Call, Service, encoded};
use super::image::{ListedFlavor, ListedImage, find_flavor, names};
use super::network::{Listed, ListedSubnet, NETWORK, SECURITY_GROUP, SUBNET};
use super::offer::{Quotas, beyond_quota};
use super::server::ListedServer;
use super::{NAME, OpenStack};
use crate::error::chain;
use crate::model::{
    ClusterId, ClusterSpec, Finding, Flavor, ImageName, NetworkSpec, NodeSpec, ObservedCluster,
    Owner, Role, Subject, VolumeLife,
};
use crate::platform::subnets::overlap;
use crate::platform::{PlatformError, Retry, cloud};

/// What the cloud has.
struct Facts {
    servers: Vec<ListedServer>,
    networks: Vec<Listed>,
    groups: Vec<Listed>,
    subnets: Vec<ListedSubnet>,
    flavors: Vec<ListedFlavor>,
    images: BTreeMap<ImageName, Result<ListedImage, String>>,
    quotas: Quotas,
}

impl OpenStack {
    /// See `Platform::check`.
    pub(super) async fn check_request(
        &self,
        spec: &ClusterSpec,
        nodes: &[NodeSpec],
        observed: Option<&ObservedCluster>,
    ) -> Result<Vec<Finding>, PlatformError> {
        let mut findings = cloud::not_here(spec);
        findings.extend(nodes_of_images(spec, nodes));
        findings.extend(other_ports(spec));
        findings.extend(cloud::not_again(spec, observed));
        if nodes.is_empty() {
            return Ok(findings);
        }
        let (servers, networks, groups, subnets, flavors, images, quotas, outside, placing) = tokio::try_join!(
            self.servers(""),
            self.neutron::<Listed>(NETWORK, ""),
            self.neutron::<Listed>(SECURITY_GROUP, ""),
            self.neutron::<ListedSubnet>(SUBNET, ""),
            self.flavors(),
            self.images_of(spec, nodes),
            self.quotas(),
            self.outside(spec),
            self.placing(),
        )?;
        findings.extend(outside);
        findings.extend(placing);
        let facts = Facts {
            servers,
            networks,
            groups,
            subnets,
            flavors,
            images,
            quotas,
        };
        let cluster = observed.map(|observed| observed.id);
        findings.extend(taken_names(spec, nodes, cluster, &facts));
        findings.extend(subnet(spec, observed, &facts));
        findings.extend(self.sizes(spec, nodes, &facts));
        let has_network = observed.is_some_and(|observed| observed.network.is_some());
        findings.extend(self.beyond_network_quotas(spec, nodes.len(), has_network, &facts.quotas));
        Ok(findings)
    }

    /// What is wrong with the zone and the key pair of the provider's configuration.
    async fn placing(&self) -> Result<Vec<Finding>, PlatformError> {
        let settings = &self.shared.settings;
        let zone = async {
            let Some(wanted) = &settings.availability_zone else {
                return Ok(None);
            };
            // Nova takes a host behind the zone, `zone:host`.
            let name = wanted.split(':').next().unwrap_or_default();
            let zones = self.zones().await?;
            if zones.iter().any(|zone| zone == name) {
                return Ok::<_, PlatformError>(None);
            }
            let summary = format!("the cloud has no zone {name:?} that takes machines");
            let detail = format!(
                "`{NAME}.availability_zone` of the provider's configuration names it. It has: {}.",
                zones.join(", ")
            );
            Ok(Some(Finding::error(Subject::Cluster, summary, detail)))
        };
        let key_pair = async {
            let Some(wanted) = &settings.key_pair else {
                return Ok(None);
            };
            let path = format!("/os-keypairs/{}", encoded(wanted));
            let call = Call::get(Service::Compute, path);
            match self.shared.client.tell("look for the key pair", call).await {
                Ok(()) => Ok::<_, PlatformError>(None),
                Err(failure) if failure.is_absent() => {
                    let summary = format!("the user has no key pair {wanted:?}");
                    let detail = format!(
                        "`{NAME}.key_pair` of the provider's configuration names it. Key pairs are a \
                                          user's own: another user of the project does not have them."
                    );
                    Ok(Some(Finding::error(Subject::Cluster, summary, detail)))
                }
                Err(failure) => Err(failure.into()),
            }
        };
        let (zone, key_pair) = tokio::try_join!(zone, key_pair)?;
        Ok(zone.into_iter().chain(key_pair).collect())
    }

    /// What the project's networks have no room for.
    fn beyond_network_quotas(
        &self,
        spec: &ClusterSpec,
        nodes: usize,
        has_network: bool,
        quotas: &Quotas,
    ) -> Vec<Finding> {
        let makes_one = !has_network && !matches!(spec.network, NetworkSpec::Existing(_));
        let own = u64::from(makes_one);
        let leads_out = own * u64::from(self.shared.settings.external_network.is_some());
        let wanted = [
            ("networks", own),
            ("subnets", own),
            ("routers", leads_out),
            ("ports", nodes as u64 + leads_out),
            ("security_groups", u64::from(!has_network)),
        ];
        let beyond = wanted
            .into_iter()
            .filter_map(|(word, wanted)| beyond_quota(quotas, word, wanted, Subject::Network));
        beyond.collect()
    }

    async fn images_of(
        &self,
        spec: &ClusterSpec,
        nodes: &[NodeSpec],
    ) -> Result<BTreeMap<ImageName, Result<ListedImage, String>>, PlatformError> {
        let mut images = BTreeMap::new();
        for node in nodes {
            let image = &node.image;
            if images.contains_key(image) {
                continue;
            }
            let named_by_user = spec.image.as_ref() == Some(image);
            let found = if named_by_user && self.images_named(&image.0).await?.is_empty() {
                Err("the cloud has no such image that is active".to_owned())
            } else {
                match self.image_for(image).await {
                    Ok(found) => Ok(found),
                    Err(PlatformError::NoImage { reason, image, .. }) => {
                        Err(format!("{image}: {reason}"))
                    }
                    Err(other) => return Err(other),
                }
            };
            images.insert(image.clone(), found);
        }
        Ok(images)
    }

    /// What is wrong with the networks that exist.
    async fn outside(&self, spec: &ClusterSpec) -> Result<Option<Finding>, PlatformError> {
        let found = match (&spec.network, &self.shared.settings.external_network) {
            (NetworkSpec::Existing(id_or_name), _) => {
                self.existing_network(id_or_name).await.map(|_| ())
            }
            (_, Some(outside)) => self.external_network(outside).await.map(|_| ()),
            (_, None) => return Ok(None),
        };
        match found {
            Ok(()) => Ok(None),
            Err(error) if error.retry() != Retry::Never => Err(error),
            Err(PlatformError::Refused {
                what, reason, help, ..
            }) => {
                let summary = format!("{what}: {reason}");
                let detail = help.unwrap_or_default();
                Ok(Some(Finding::error(Subject::Network, summary, detail)))
            }
            Err(error) => Ok(Some(Finding::error(Subject::Network, chain(&error), ""))),
        }
    }

    /// What is wrong with images and flavors, and with how much of them is asked for.
    fn sizes(&self, spec: &ClusterSpec, nodes: &[NodeSpec], facts: &Facts) -> Vec<Finding> {
        let mut findings = Vec::new();
        let (mut cores, mut ram) = (0_u64, 0_u64);
        let mut said = std::collections::BTreeSet::new();
        for node in nodes {
            let image = facts.images.get(&node.image);
            if let Some(Err(reason)) = image
                && said.insert(format!("image {}", node.image))
            {
                findings.push(Finding::error(
                    Subject::Image,
                    format!("no machine can be made from image {}", node.image),
                    format!(
                        "{reason}. Give the name or id of an image of the cloud, as `image` of the cluster or of `{NAME}` in \
                         the provider's configuration."
                    ),
                ));
            }
            let subject = match node.role {
                Role::ControlPlane if spec.control_plane_flavor.is_some() => {
                    Subject::ControlPlaneFlavor
                }
                _ => Subject::Flavor,
            };
            let wanted = node.flavor.as_ref().map(|Flavor(name)| name);
            let wanted = wanted.or(self.shared.settings.flavor.as_ref());
            let found = wanted.and_then(|wanted| find_flavor(&facts.flavors, wanted));
            let Some(flavor) = found else {
                let summary = match wanted {
                    Some(wanted) => format!("the cloud has no flavor {wanted:?}"),
                    None => "nobody names a flavor".to_owned(),
                };
                if said.insert(summary.clone()) {
                    let detail = format!("It has: {}.", names(&facts.flavors));
                    findings.push(Finding::error(subject, summary, detail));
                }
                continue;
            };
            cores += flavor.vcpus;
            ram += flavor.ram;
            if let Some(Ok(image)) = image
                && (image.min_ram > flavor.ram || (flavor.disk > 0 && image.min_disk > flavor.disk))
                && said.insert(format!("{} on {}", node.image, flavor.name))
            {
                findings.push(Finding::error(
                    subject,
                    format!("flavor {} is too small for the image", flavor.name),
                    format!(
                        "It has {} MiB of memory and {} GiB of disk; image {} wants {} MiB and {} GiB.",
                        flavor.ram,
                        flavor.disk,
                        image.name.as_deref().unwrap_or(&image.id),
                        image.min_ram,
                        image.min_disk
                    ),
                ));
            }
        }
        for (word, wanted) in [
            ("machines", nodes.len() as u64),
            ("cores", cores),
            ("memory", ram),
        ] {
            findings.extend(beyond_quota(&facts.quotas, word, wanted, Subject::Workers));
        }
        findings
    }
}

/// What nodes run that their machine's own image brings: no image of servers with that has been tried.
fn nodes_of_images(spec: &ClusterSpec, nodes: &[NodeSpec]) -> Option<Finding> {
    let mut volumes = nodes.iter().flat_map(|node| &node.volumes);
    let volume = volumes.find(|volume| volume.life == VolumeLife::Machine)?;
    Some(Finding::error(
        Subject::Cluster,
        format!("{} does not run on servers of this cloud yet", spec.coe),
        format!(
            "Its nodes are made from an image that brings their programs and what is in {}; on the platform `{NAME}` machines \
             are made from packages of their distribution. Use another platform for it.",
            volume.path
        ),
    ))
}

/// What a server's ports cannot be.
fn other_ports(spec: &ClusterSpec) -> impl Iterator<Item = Finding> + '_ {
    let ports = spec.ports.iter().enumerate();
    let others =
        ports.filter(|(_, port)| port.host_port.is_some_and(|host| host != port.node_port));
    others.map(|(position, _)| {
        Finding::error(
            Subject::Port(position),
            "a server's ports are reached at its own address, by their own numbers",
            "Leave `host_port` out, or give it the number of `node_port`: the port is opened in the cluster's security \
             group.",
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
    let mut foreign = |kind: &str, name: &str, owner: Option<Owner>| {
        findings.extend(cloud::foreign(kind, name, owner.as_ref(), cluster));
    };
    for node in nodes {
        let named = facts
            .servers
            .iter()
            .find(|server| server.name == node.name.as_str());
        if let Some(found) = named {
            let owner = super::labels::owner(&found.name, &found.metadata).ok();
            foreign("server", node.name.as_str(), owner);
        }
    }
    let name = spec.name.as_str();
    let of_kinds = [
        ("network", &facts.networks),
        ("security group", &facts.groups),
    ];
    for (kind, objects) in of_kinds {
        if kind == "network" && matches!(spec.network, NetworkSpec::Existing(_)) {
            continue;
        }
        let named = objects.iter().filter(|object| object.name == name);
        let owners: Vec<Option<Owner>> = named.map(Listed::owner).collect();
        let is_own = |owner: &Option<Owner>| {
            owner.is_some() && owner.as_ref().map(|owner| owner.cluster) == cluster
        };
        if !owners.iter().any(is_own)
            && let Some(owner) = owners.into_iter().next()
        {
            foreign(kind, name, owner);
        }
    }
    findings
}

fn subnet(
    spec: &ClusterSpec,
    observed: Option<&ObservedCluster>,
    facts: &Facts,
) -> Option<Finding> {
    let NetworkSpec::Subnet(wanted) = &spec.network else {
        return None;
    };
    let wanted: IpNet = wanted.trunc();
    let cluster = observed.map(|observed| observed.id);
    let is_others = |subnet: &&ListedSubnet| {
        let owner = subnet.object.owner();
        owner.is_none() || owner.map(|owner| owner.cluster) != cluster
    };
    let other = facts
        .subnets
        .iter()
        .filter(is_others)
        .find(|subnet| overlap(&subnet.cidr, &wanted))?;
    let finding = Finding::error(
        Subject::Network,
        format!("subnet {wanted} overlaps with {}", other.cidr),
        format!(
            "Subnet {:?} of this project has it. Take another one.",
            other.object.name
        ),
    );
    Some(finding.held_by(other.object.owner().map(|owner| owner.cluster)))
}
