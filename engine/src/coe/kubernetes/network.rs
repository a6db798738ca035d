//! Where pods and services get their addresses, and what is wrong with where nodes get theirs.

use ipnet::IpNet;

use crate::model::{Finding, NetworkSpec, Subject};

/// Where pods get their addresses: kubeadm's users know it as flannel's and kind's.
pub(super) const POD_CIDR: &str = "10.244.0.0/16";
/// Where services get theirs.
pub(super) const SERVICE_CIDR: &str = "10.96.0.0/16";

/// A node that has an address of a pod or a service is reached by nobody.
pub(super) fn check(nodes: &NetworkSpec) -> Vec<Finding> {
    let NetworkSpec::Subnet(nodes) = nodes else {
        return Vec::new();
    };
    let others = [("pods", POD_CIDR), ("services", SERVICE_CIDR)];
    let overlapping = others.into_iter().filter(|(_, cidr)| {
        cidr.parse()
            .is_ok_and(|other: IpNet| overlap(nodes, &other))
    });
    overlapping
        .map(|(whose, cidr)| {
            Finding::error(
                Subject::Network,
                format!("Subnet {nodes} of the nodes overlaps that of the {whose}"),
                format!("Pods are in {POD_CIDR}, services in {SERVICE_CIDR}: {cidr} is taken."),
            )
        })
        .collect()
}

fn overlap(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(subnet: &str) -> usize {
        check(&NetworkSpec::Subnet(subnet.parse().unwrap())).len()
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
        assert!(check(&NetworkSpec::Isolated).is_empty());
    }
}
