//! Gives the nodes that a cluster begins with their part of the network between pods before anything in the cluster does.
//!
//! A node is ready once its runtime knows a network. In a new cluster that takes the controller manager, which shares
//! out the addresses, the scheduler, and a pod on each node that writes a file: seconds, one after the other. Where the
//! network is one of routes all of it is known beforehand. The node is registered with its addresses by the first who
//! comes; the controller manager keeps to what a node has, and what makes the network finds the file that it would write
//! (decision 0023).

use std::net::IpAddr;

use ipnet::Ipv4Net;

use super::cni::{self, Routes};
use super::configuration;
use super::facts::NodeFacts;
use super::settings::{Argument, NODE_PREFIX, PodNetwork, Settings};
use crate::model::{NodeName, Role};

/// What a kubelet gives a node only where it registers the node itself.
const OF_REGISTRATION: [&str; 3] = ["cloud-provider", "node-labels", "register-node"];

/// A node that a cluster begins with.
pub(super) struct EarlyNode<'a> {
    pub name: &'a NodeName,
    pub role: Role,
    pub address: IpAddr,
    /// How many nodes come before it.
    pub ordinal: u32,
    /// Whether workloads may run on it.
    pub takes_work: bool,
}

/// The part of a script of bash by which `register_early IDENTITY` registers the node with its addresses, once the port of
/// the API is bound, and before it the runtime knows them: by a kubeconfig that may register it. Does nothing where what
/// the network will be is not known.
pub(super) fn register(node: &EarlyNode<'_>, settings: &Settings, facts: &NodeFacts) -> String {
    let known = routes(settings, facts).zip(pods_of(node.ordinal, settings, facts));
    let Some((routes, pods)) = known else {
        return "register_early() { true; }".to_owned();
    };
    format!(
        r#"{tell_runtime}
{masquerade}
register_early() {{
    local identity=$1 said of_pods
    # Without it a pod that is as early speaks to the API and hears no answer.
    masquerade {pods}
    tell_runtime {pods} {address}
    kubectl() {{ command kubectl --kubeconfig "$identity" "$@"; }}
    until said=$(kubectl create --raw /api/v1/nodes --filename - 2>&1 <<<'{object}'); do
        case $said in
            *"already exists"*)
                # Its kubelet was faster. Whoever gives it addresses first has given them for good.
                until of_pods=$(kubectl get node {name} --output 'jsonpath={{.spec.podCIDR}}') && [ -n "$of_pods" ]; do
                    kubectl patch node {name} --patch '{{"spec":{{"podCIDR":"{pods}","podCIDRs":["{pods}"]}}}}' || sleep 0.1
                done
                tell_runtime "$of_pods" {address}
                return ;;
        esac
        sleep 0.1
    done
}}"#,
        tell_runtime = routes.tell_runtime(),
        masquerade = cni::masquerade(settings.pod_cidr),
        name = node.name,
        address = node.address,
        object = configuration::node(node.name, node.role, node.takes_work, pods),
    )
}

/// The network, where it is known what it will tell the runtime.
fn routes(settings: &Settings, facts: &NodeFacts) -> Option<Routes> {
    match settings.network {
        PodNetwork::Native => Some(cni::NATIVE),
        PodNetwork::Default if !facts.brings_network => Some(cni::NATIVE),
        PodNetwork::Default | PodNetwork::Image => facts.brings_routes.then_some(cni::OF_IMAGE),
        PodNetwork::Nothing | PodNetwork::Manifest(_) => None,
    }
}

/// The node's part of the pods' addresses, where it is for us to give.
fn pods_of(ordinal: u32, settings: &Settings, facts: &NodeFacts) -> Option<Ipv4Net> {
    let of_registration = |argument: &Argument| OF_REGISTRATION.contains(&argument.name.as_str());
    if facts.kubelet_arguments.iter().any(of_registration) {
        return None;
    }
    let mut parts = settings.pod_cidr.subnets(NODE_PREFIX).ok()?;
    parts.nth(usize::try_from(ordinal).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Carries, ClusterSpec};

    fn script(ordinal: u32, labels: Labels<'_>, facts: &NodeFacts) -> String {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let spec = ClusterSpec {
            labels: labels.collect(),
            ..ClusterSpec::smallest("demo")
        };
        let name: NodeName = "demo-worker-1".parse().unwrap();
        let node = EarlyNode {
            name: &name,
            role: Role::Worker,
            address: [10, 1, 0, 3].into(),
            ordinal,
            takes_work: true,
        };
        register(&node, &Settings::of(&spec), facts)
    }

    type Labels<'a> = &'a [(&'a str, &'a str)];

    fn facts(brings_network: bool, brings_routes: bool) -> NodeFacts {
        NodeFacts {
            version: "v1.34.4".to_owned(),
            shares_machine: true,
            carries: Carries::AnyAddress,
            brings_network,
            brings_routes,
            kept_version: None,
            kubelet_arguments: Vec::new(),
        }
    }

    #[test]
    fn a_node_is_registered_as_its_golden_file_says() {
        let script = script(1, &[], &facts(true, true)) + "\n";
        expect_test::expect_file!["golden/early-network.txt"].assert_eq(&script);
    }

    #[test]
    fn the_network_is_early_where_it_is_known_and_the_addresses_are_ours_to_give() {
        let (own, other, none) = (facts(true, true), facts(true, false), facts(false, false));
        let labelled = NodeFacts {
            kubelet_arguments: vec![Argument::new("node-labels", "disk=ssd")],
            ..own.clone()
        };
        let native = ("network_driver", "native");
        let cases: &[(Labels<'_>, &NodeFacts, Option<&str>)] = &[
            (&[], &own, Some("10-pod-network.conflist")),
            (&[], &none, Some("10-coe.conflist")),
            (&[native], &other, Some("10-coe.conflist")),
            (&[], &other, None),
            (&[("network_driver", "none")], &own, None),
            (
                &[("cni_manifest", "apiVersion: v1\nkind: List\nitems: []\n")],
                &own,
                None,
            ),
            (&[], &labelled, None),
        ];
        for (labels, facts, file) in cases {
            let script = script(0, labels, facts);
            match file {
                Some(file) => assert!(script.contains(file), "{labels:?}: {script}"),
                None => assert_eq!(script, "register_early() { true; }", "{labels:?}"),
            }
        }
    }

    #[test]
    fn who_comes_after_the_last_addresses_is_left_to_the_cluster() {
        let small = [("pod_cidr", "10.200.0.0/23")];
        assert!(script(1, &small, &facts(true, true)).contains("10.200.1.0/24"));
        assert!(!script(2, &small, &facts(true, true)).contains("podCIDR"));
    }
}
