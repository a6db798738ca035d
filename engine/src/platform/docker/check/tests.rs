use std::collections::BTreeMap;

use bollard::models::{Ipam, IpamConfig, PortSummary};
use expect_test::{Expect, expect};

use super::*;
use crate::model::{NodeGroup, NodeVolume, PortMapping, Protocol, Role, VolumeLife};

fn spec() -> ClusterSpec {
    ClusterSpec::smallest("demo")
}

fn node() -> NodeSpec {
    NodeSpec {
        name: "demo-control-plane-1".parse().unwrap(),
        role: Role::ControlPlane,
        group: NodeGroup::Pool,
        image: ImageName("node:1".to_owned()),
        flavor: None,
        ports: Vec::new(),
        mounts: Vec::new(),
        volumes: vec![NodeVolume {
            name: "data".to_owned(),
            path: "/data".to_owned(),
            size: None,
            life: VolumeLife::Node,
        }],
        labels: BTreeMap::new(),
    }
}

fn container(name: &str, labels: Labels, port: Option<u16>) -> ContainerSummary {
    let port = port.map(|public| PortSummary {
        ip: Some("127.0.0.1".to_owned()),
        private_port: 80,
        public_port: Some(public),
        typ: None,
    });
    ContainerSummary {
        names: Some(vec![format!("/{name}")]),
        labels: Some(labels),
        ports: Some(port.into_iter().collect()),
        ..ContainerSummary::default()
    }
}

fn network(name: &str, labels: Labels, subnet: &str) -> ListedNetwork {
    let config = IpamConfig {
        subnet: Some(subnet.to_owned()),
        ..IpamConfig::default()
    };
    ListedNetwork {
        name: Some(name.to_owned()),
        labels: Some(labels),
        ipam: Some(Ipam {
            config: Some(vec![config]),
            ..Ipam::default()
        }),
        ..ListedNetwork::default()
    }
}

fn volume(name: &str, labels: Labels) -> Volume {
    Volume {
        name: name.to_owned(),
        labels,
        ..Volume::default()
    }
}

fn facts() -> Facts {
    Facts {
        containers: Vec::new(),
        networks: vec![network("bridge", Labels::new(), "172.17.0.0/16")],
        // The bridge's own is among them.
        routes: vec![
            "172.17.0.0/16".parse().unwrap(),
            "192.168.7.0/24".parse().unwrap(),
        ],
        volumes: Vec::new(),
        memory: Some(8 << 30),
        cpus: Some(4),
    }
}

fn expect_findings(spec: &ClusterSpec, facts: &Facts, expected: &Expect) {
    let lines: Vec<String> = findings(spec, &[node()], None, facts)
        .iter()
        .map(|finding| {
            let (severity, subject) = (finding.severity, &finding.subject);
            format!(
                "{severity:?} {subject:?}: {}\n  {}\n",
                finding.summary, finding.detail
            )
        })
        .collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn a_sound_request_has_no_findings() {
    let spec = ClusterSpec {
        flavor: Some(Flavor("4x8".to_owned())),
        network: NetworkSpec::Subnet("10.1.0.0/24".parse().unwrap()),
        ..spec()
    };
    expect_findings(&spec, &facts(), &expect![""]);
}

#[test]
fn foreign_objects_of_the_same_name_are_named() {
    let other = Labels::from([(Owner::CLUSTER_NAME.to_owned(), "other".to_owned())]);
    let facts = Facts {
        containers: vec![container("demo-control-plane-1", other, None)],
        networks: vec![network("demo", Labels::new(), "10.3.0.0/24")],
        volumes: vec![volume("demo-control-plane-1-data", Labels::new())],
        ..facts()
    };
    expect_findings(
        &spec(),
        &facts,
        &expect![[r#"
        Error Name: container "demo-control-plane-1" exists already and does not belong to this cluster
          It belongs to cluster "other" and is not touched. Take another name for the cluster, or remove the container.
        Error Name: volume "demo-control-plane-1-data" exists already and does not belong to this cluster
          It was not made here and is not touched. Take another name for the cluster, or remove the volume.
        Error Name: network "demo" exists already and does not belong to this cluster
          It was not made here and is not touched. Take another name for the cluster, or remove the network.
    "#]],
    );
}

#[test]
fn what_belongs_to_the_cluster_is_in_nobodys_way() {
    let cluster = ClusterId::new();
    let own = Labels::from([(Owner::CLUSTER_ID.to_owned(), cluster.to_string())]);
    let facts = Facts {
        containers: vec![container("demo-control-plane-1", own.clone(), Some(80))],
        networks: vec![network("demo", own.clone(), "10.3.0.0/24")],
        volumes: vec![volume("demo-control-plane-1-data", own)],
        ..facts()
    };
    let spec = ClusterSpec {
        network: NetworkSpec::Subnet("10.3.0.0/24".parse().unwrap()),
        ports: vec![port(80)],
        ..spec()
    };
    assert_eq!(findings(&spec, &[node()], Some(cluster), &facts), []);
    assert_eq!(
        findings(&spec, &[node()], Some(ClusterId::new()), &facts).len(),
        5
    );
}

fn port(host_port: u16) -> PortMapping {
    PortMapping {
        node: node().name,
        node_port: 80,
        host_port: Some(host_port),
        listen_address: "0.0.0.0".parse().unwrap(),
        protocol: Protocol::Tcp,
    }
}

#[test]
fn everything_is_said_at_once() {
    let spec = ClusterSpec {
        image: Some(ImageName("Node".to_owned())),
        preload_images: vec![ImageName("ok:1".to_owned()), ImageName("a b".to_owned())],
        flavor: Some(Flavor("2x9".to_owned())),
        control_plane_flavor: Some(Flavor("large".to_owned())),
        ports: vec![port(81), port(80)],
        volumes: vec![NodeVolume {
            name: "data".to_owned(),
            path: "/data".to_owned(),
            size: Some(5),
            life: VolumeLife::Node,
        }],
        network: NetworkSpec::Subnet("172.17.4.0/24".parse().unwrap()),
        ..spec()
    };
    let facts = Facts {
        containers: vec![container("web", Labels::new(), Some(80))],
        ..facts()
    };
    expect_findings(
        &spec,
        &facts,
        &expect![[r#"
            Error Image: "Node" is not the name of an image
              The path is lower-case letters and digits, with `.`, `_`, `-` between them and `/` between parts.
            Error PreloadImage(1): "a b" is not the name of an image
              The path is lower-case letters and digits, with `.`, `_`, `-` between them and `/` between parts.
            Error Flavor: flavor 2x9 asks for more memory than the engine has
              The engine has 8.0 GiB.
            Error ControlPlaneFlavor: large is not a flavor of this platform
              "large" is not a size: it is "<cpus>x<GiB>", for example "2x4" or "0.5x1.5", with at least 0.01 CPUs and 0.0625 GiB.
            Error Port(1): port 80 of the engine's host is in use
              Container "web" has it. Take another port.
            Error Network: subnet 172.17.4.0/24 overlaps that of network "bridge"
              That one has 172.17.0.0/16. Take another subnet, or none: a free one is found then.
            Warning Volume(0): volume "data" is not limited to 5 GiB
              Volumes of a Docker Engine are as large as its disk.
        "#]],
    );
}

#[test]
fn a_subnet_that_the_host_has_another_way_to_is_told() {
    let with = |subnet: &str| ClusterSpec {
        network: NetworkSpec::Subnet(subnet.parse().unwrap()),
        ..spec()
    };
    expect_findings(
        &with("192.168.0.0/16"),
        &facts(),
        &expect![[r"
        Error Network: subnet 192.168.0.0/16 overlaps 192.168.7.0/24, which the engine's host has a route to
          The host would not reach 192.168.7.0/24 any more. Take another subnet, or none: a free one is found then.
    "]],
    );
    expect_findings(
        &with("192.168.7.128/25"),
        &facts(),
        &expect![[r"
        Warning Network: subnet 192.168.7.128/25 is a part of 192.168.7.0/24, which the engine's host has a route to
          What there is at these addresses now, the host will not reach any more. Take another subnet, or none: a free one is found then.
    "]],
    );
    // A cluster that is there has a route of its own.
    let cluster = Some(ClusterId::new());
    let own = findings(&with("192.168.7.0/24"), &[], cluster, &facts());
    assert_eq!(own, []);
}

#[test]
fn an_existing_network_has_to_be_there_and_to_give_fixed_addresses() {
    let with = |name: &str| ClusterSpec {
        network: NetworkSpec::Existing(name.to_owned()),
        ..spec()
    };
    expect_findings(
        &with("absent"),
        &facts(),
        &expect![[r#"
        Error Network: there is no network "absent" on the engine
          `docker network ls --no-trunc` lists those that there are, by id and name.
    "#]],
    );
    expect_findings(
        &with("bridge"),
        &facts(),
        &expect![[r#"
        Error Network: nodes cannot have fixed addresses in network "bridge"
          Make one with `docker network create --subnet <CIDR> <name>`.
    "#]],
    );
}

#[test]
fn more_cpus_than_there_are_is_told() {
    let spec = ClusterSpec {
        flavor: Some(Flavor("4.5x1".to_owned())),
        ..spec()
    };
    expect_findings(
        &spec,
        &facts(),
        &expect![[r"
        Error Flavor: flavor 4.5x1 asks for more CPUs than the engine has
          The engine has 4.
    "]],
    );
}
