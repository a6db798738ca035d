//! Where pods, services and nodes get their addresses, and what lets pods reach one another.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::authorities::public;
use super::facts::{NETWORK_MANIFEST, NodeFacts};
use super::settings::{PodNetwork, Settings};
use super::{boot, pod_network, shell};
use crate::coe::{CoeError, NewNode};
use crate::model::{Carries, ClusterSpec, Finding, NetworkSpec, Secret, Subject};
use crate::transport::{Exec, NodeFile};

/// On control planes, where nodes are whole nodes without a network between pods: somebody installs one later.
const LEFT_OUT: &str = "/etc/kubernetes/coe/no-pod-network";

/// On nodes whose network carries their own addresses alone: those of the image's network would not arrive.
pub(super) const CLOSED: &str = "/etc/kubernetes/coe/closed-network";

/// What has an address of something else is reached by nobody.
pub(super) fn check(spec: &ClusterSpec) -> Vec<Finding> {
    let settings = Settings::of(spec);
    let (pods, services) = (settings.pod_cidr, settings.service_cidr);
    let mut findings = Vec::new();
    if overlap(&IpNet::V4(pods), &IpNet::V4(services)) {
        let changed = if spec.labels.contains_key("service_cidr") {
            "service_cidr"
        } else {
            "pod_cidr"
        };
        findings.push(Finding::error(
            Subject::Label(changed.to_owned()),
            format!("Subnet {services} of the services overlaps {pods} of the pods"),
            "Choose others, by the labels service_cidr and pod_cidr.",
        ));
    }
    let NetworkSpec::Subnet(nodes) = spec.network else {
        return findings;
    };
    for (whose, cidr) in subnets(&settings) {
        if overlap(&nodes, &IpNet::V4(cidr)) {
            findings.push(Finding::error(
                Subject::Network,
                format!("Subnet {nodes} of the nodes overlaps that of the {whose}"),
                format!(
                    "Pods are in {pods} (label pod_cidr), services in {services} (service_cidr): {cidr} is taken."
                ),
            ));
        }
    }
    findings
}

/// The same where nobody knew the nodes' network before it was made.
pub(super) fn refuse_address(settings: &Settings, node: &NewNode<'_>) -> Result<(), CoeError> {
    let IpAddr::V4(address) = node.address else {
        return Ok(());
    };
    let taken = subnets(settings)
        .into_iter()
        .find(|(_, cidr)| cidr.contains(&address));
    match taken {
        None => Ok(()),
        Some((whose, cidr)) => Err(CoeError::Refused {
            what: "make a node".to_owned(),
            node: node.name.clone(),
            reason: format!(
                "its address {address} is one of the {whose}, which are in {cidr}: choose other labels pod_cidr and \
                 service_cidr, or another network"
            ),
        }),
    }
}

fn subnets(settings: &Settings) -> [(&'static str, Ipv4Net); 2] {
    [
        ("pods", settings.pod_cidr),
        ("services", settings.service_cidr),
    ]
}

fn overlap(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}

/// What says on a control plane that the network is left out.
pub(super) fn mark(settings: &Settings) -> Option<NodeFile> {
    let is_left_out = settings.network == PodNetwork::Nothing;
    is_left_out.then(|| public(LEFT_OUT, String::new()))
}

/// What says on a node what the nodes' network does not carry.
pub(super) fn closed(node: &NewNode<'_>) -> Option<NodeFile> {
    let is_closed = node.carries == Carries::MachinesOnly;
    is_closed.then(|| public(CLOSED, String::new()))
}

/// Whether the pods' network is left out.
pub(super) async fn is_left_out(control_plane: &dyn Exec) -> Result<bool, CoeError> {
    Ok(control_plane.read_file(LEFT_OUT).await?.is_some())
}

/// Refuses an image that does not bring the network that is asked for, or one that would not work.
pub(super) fn check_image(settings: &Settings, facts: &NodeFacts) -> Result<(), String> {
    if settings.network != PodNetwork::Image {
        return Ok(());
    }
    if facts.carries == Carries::MachinesOnly {
        return Err(
            "the nodes' network carries no address of a pod, as the network of a node image wants it: the label \
             network_driver may be native"
                .to_owned(),
        );
    }
    if !facts.brings_network {
        return Err(format!(
            "its image brings no pod network ({NETWORK_MANIFEST}): the label network_driver may be native"
        ));
    }
    Ok(())
}

/// Makes the objects of the network, and the storage class where the image brings one.
pub(super) async fn apply(
    control_plane: &dyn Exec,
    settings: &Settings,
    facts: &NodeFacts,
) -> Result<(), CoeError> {
    let of_image = format!(
        "sed 's|{{{{ *\\.PodSubnet *}}}}|{}|' {NETWORK_MANIFEST} | apply",
        settings.pod_cidr
    );
    let (network, input) = match &settings.network {
        PodNetwork::Default | PodNetwork::Image if facts.brings_network => {
            (of_image.as_str(), String::new())
        }
        PodNetwork::Default | PodNetwork::Image | PodNetwork::Native => {
            ("apply", pod_network::objects())
        }
        PodNetwork::Nothing => ("", String::new()),
        PodNetwork::Manifest(_) => return manifest(control_plane, settings).await,
    };
    run(control_plane, network, input).await
}

/// The objects of the user's manifest, where there is one.
pub(super) async fn manifest(
    control_plane: &dyn Exec,
    settings: &Settings,
) -> Result<(), CoeError> {
    let PodNetwork::Manifest(manifest) = &settings.network else {
        return Ok(());
    };
    // Definitions of resources are too large for what a client notes down by itself, and a user's change counts.
    let network = "apply --server-side --force-conflicts";
    run(control_plane, network, manifest.clone()).await
}

async fn run(control_plane: &dyn Exec, network: &str, input: String) -> Result<(), CoeError> {
    let script = format!(
        "set -e -o pipefail
{}
# What needs no rules of who may what: the first control plane alone has it.
identity=/etc/kubernetes/super-admin.conf
[ -e $identity ] || identity=/etc/kubernetes/admin.conf
apply() {{ kubectl --kubeconfig $identity apply \"$@\" --filename - ; }}
{network}
if [ -e /kind/manifests/default-storage.yaml ]; then apply </kind/manifests/default-storage.yaml; fi",
        boot::alone("network")
    );
    let command = shell::reading(script, Secret::new(input.into_bytes()));
    shell::succeed(control_plane, "set up the pod network", command).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(subnet: &str) -> usize {
        let network = NetworkSpec::Subnet(subnet.parse().unwrap());
        check(&ClusterSpec {
            network,
            ..ClusterSpec::smallest("demo")
        })
        .len()
    }

    #[test]
    fn pods_and_services_are_not_among_one_another() {
        for (pods, services, wrong) in [
            ("10.200.0.0/16", "10.201.0.0/16", 0),
            ("10.96.0.0/16", "10.96.128.0/20", 1),
        ] {
            let labels = [("pod_cidr", pods), ("service_cidr", services)];
            let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let spec = ClusterSpec {
                labels: labels.into(),
                ..ClusterSpec::smallest("demo")
            };
            assert_eq!(check(&spec).len(), wrong, "{pods} and {services}");
        }
    }

    #[test]
    fn nodes_are_neither_among_pods_nor_among_services() {
        for (subnet, wrong) in [
            ("10.89.0.0/24", 0),
            ("192.168.0.0/16", 0),
            ("10.244.7.0/24", 1),
            ("10.96.0.0/16", 1),
            ("10.0.0.0/8", 2),
            ("fd00::/64", 0),
        ] {
            assert_eq!(findings(subnet), wrong, "{subnet}");
        }
        assert!(check(&ClusterSpec::smallest("demo")).is_empty());
    }
}
