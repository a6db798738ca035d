//! What is wrong with a request is found before anything is made.

use std::sync::Arc;

use coe_engine::model::{ClusterSpec, Flavor, NetworkSpec, NodeSpec, Severity, Subject};

use super::fixture::{Cluster, Fixture, subjects};
use super::{Foreign, Harness, MakesObjects};

pub async fn a_good_request_has_no_finding<H: Harness>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let nodes = [cluster.node(0), cluster.node(1)];
    assert_eq!(cluster.findings(&cluster.spec(), &nodes).await, []);
}

pub async fn a_cluster_is_no_conflict_with_itself<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let node = cluster.node_with_port(0, None);
    let machine = cluster.try_machine(&network, 0, node).await.unwrap();
    let spec = ClusterSpec {
        ports: machine.spec.ports.clone(),
        network: NetworkSpec::Subnet(network.subnet),
        ..cluster.spec()
    };
    assert_eq!(cluster.findings(&spec, &[machine.spec]).await, []);
}

pub async fn check_names_foreign_objects<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    for kind in [Foreign::Machine, Foreign::Network, Foreign::Volume] {
        let cluster = fixture.cluster();
        let name = match kind {
            Foreign::Machine => cluster.node_name(0).to_string(),
            Foreign::Network => cluster.name(),
            Foreign::Volume => format!("{}-data", cluster.node_name(0)),
        };
        fixture.foreign(kind, &name).await;
        let findings = cluster.findings(&cluster.spec(), &[cluster.node(0)]).await;
        assert_eq!(subjects(&findings), [Subject::Name], "{kind:?}");
        let text = format!("{} {}", findings[0].summary, findings[0].detail);
        assert!(text.contains(&name), "{text}");
        assert_eq!(findings[0].severity, Severity::Error);
        assert_eq!(findings[0].held_by, None);
    }
}

fn with_flavor(cluster: &Cluster, flavor: &str) -> (ClusterSpec, NodeSpec) {
    let flavor = Some(Flavor(flavor.to_owned()));
    let spec = ClusterSpec {
        flavor: flavor.clone(),
        ..cluster.spec()
    };
    (
        spec,
        NodeSpec {
            flavor,
            ..cluster.node(0)
        },
    )
}

pub async fn check_finds_malformed_flavors<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let (spec, node) = with_flavor(&cluster, "no such flavor");
    let findings = cluster.findings(&spec, &[node]).await;
    assert_eq!(subjects(&findings), [Subject::Flavor]);
    assert!(
        findings[0].summary.contains("no such flavor"),
        "{}",
        findings[0].summary
    );
}

pub async fn check_finds_flavors_that_are_too_large<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let (spec, node) = with_flavor(&cluster, &fixture.harness.huge_flavor());
    let findings = cluster.findings(&spec, &[node]).await;
    assert!(!findings.is_empty());
    assert!(
        subjects(&findings)
            .iter()
            .all(|subject| *subject == Subject::Flavor)
    );
}

pub async fn check_finds_ports_in_use<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let (holder, cluster) = (fixture.cluster(), fixture.cluster());
    let network = holder.ensure_network().await;
    let machine = holder
        .try_machine(&network, 0, holder.node_with_port(0, None))
        .await
        .unwrap();
    let port = machine.published[&7_777].1;
    let spec = ClusterSpec {
        ports: vec![cluster.port(1, None), cluster.port(0, Some(port))],
        ..cluster.spec()
    };
    let nodes = [
        cluster.node_with_port(0, Some(port)),
        cluster.node_with_port(1, None),
    ];
    let findings = cluster.findings(&spec, &nodes).await;
    assert_eq!(subjects(&findings), [Subject::Port(1)]);
    assert_eq!(findings[0].held_by, Some(holder.id()));
    assert!(
        findings[0].summary.contains(&port.to_string()),
        "{}",
        findings[0].summary
    );
}

pub async fn check_finds_overlapping_subnets<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let (holder, cluster) = (fixture.cluster(), fixture.cluster());
    let taken = holder.ensure_network().await.subnet;
    let spec = ClusterSpec {
        network: NetworkSpec::Subnet(taken),
        ..cluster.spec()
    };
    let findings = cluster.findings(&spec, &[cluster.node(0)]).await;
    assert_eq!(subjects(&findings), [Subject::Network]);
    assert_eq!(findings[0].held_by, Some(holder.id()));
    assert!(
        findings[0].summary.contains(&taken.to_string()),
        "{}",
        findings[0].summary
    );
}

pub async fn check_finds_absent_networks<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let absent = "contract-no-such-network";
    let spec = ClusterSpec {
        network: NetworkSpec::Existing(absent.to_owned()),
        ..cluster.spec()
    };
    let findings = cluster.findings(&spec, &[cluster.node(0)]).await;
    assert_eq!(subjects(&findings), [Subject::Network]);
    assert!(
        findings[0].summary.contains(absent),
        "{}",
        findings[0].summary
    );
}

pub async fn check_tells_all_at_once<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    fixture.foreign(Foreign::Network, &cluster.name()).await;
    let (spec, node) = with_flavor(&cluster, "no such flavor");
    let subjects = subjects(&cluster.findings(&spec, &[node]).await);
    assert!(subjects.contains(&Subject::Name) && subjects.contains(&Subject::Flavor));
}
