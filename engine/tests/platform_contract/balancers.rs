//! Balancers: one place that leads to several control planes.

use std::collections::BTreeSet;
use std::sync::Arc;

use coe_engine::model::{Balancer, Machine, MachineState, Network};
use coe_engine::platform::{BalancerRequest, Balances};

use super::MakesObjects;
use super::fixture::{Cluster, Fixture};

/// A port that the balancers here lead to.
const PORT: u16 = 6443;

fn balances(cluster: &Cluster) -> &dyn Balances {
    cluster
        .platform
        .balances()
        .expect("the platform has balancers")
}

async fn ensure(cluster: &Cluster, network: &Network, targets: &[&Machine]) -> Balancer {
    let request = BalancerRequest {
        network: network.clone(),
        image: cluster.node(0).image,
        port: PORT,
        host_port: None,
        targets: targets.iter().map(|machine| machine.address).collect(),
    };
    let made = balances(cluster).ensure_balancer(&cluster.owner, &request);
    made.await.unwrap()
}

pub async fn a_balancer_is_made_once_and_observed<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let machine = cluster.ensure_machine(&network, 0).await;
    let made = ensure(&cluster, &network, &[&machine]).await;
    assert_eq!(ensure(&cluster, &network, &[&machine]).await, made);
    assert_eq!(made.state, MachineState::Running);
    assert_eq!(made.targets, BTreeSet::from([machine.address]));
    assert!(network.subnet.contains(&made.address));
    assert_ne!(made.address, machine.address);
    let observed = cluster.observe().await.unwrap();
    assert_eq!(observed.balancer.as_ref(), Some(&made));
    assert_eq!(observed.machines.len(), 1);
    let taken = observed.network.unwrap().taken;
    assert!(
        taken.contains(&made.address),
        "no node gets {}",
        made.address
    );
}

pub async fn a_balancer_that_leads_elsewhere_keeps_its_port<H: MakesObjects>(
    fixture: Arc<Fixture<H>>,
) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let one = cluster.ensure_machine(&network, 0).await;
    let other = cluster.ensure_machine(&network, 1).await;
    let before = ensure(&cluster, &network, &[&one]).await;
    let after = ensure(&cluster, &network, &[&one, &other]).await;
    assert_eq!(after.published, before.published);
    assert_eq!(after.targets, BTreeSet::from([one.address, other.address]));
    assert_eq!(cluster.observe().await.unwrap().balancer, Some(after));
}

pub async fn a_balancer_goes_alone_and_before_its_network<H: MakesObjects>(
    fixture: Arc<Fixture<H>>,
) {
    let (cluster, other) = (fixture.cluster(), fixture.cluster());
    let network = cluster.ensure_network().await;
    let machine = cluster.ensure_machine(&network, 0).await;
    let made = ensure(&cluster, &network, &[&machine]).await;
    balances(&other).delete_balancer(other.id()).await.unwrap();
    assert_eq!(cluster.observe().await.unwrap().balancer, Some(made));
    for _ in 0..2 {
        balances(&cluster)
            .delete_balancer(cluster.id())
            .await
            .unwrap();
    }
    let observed = cluster.observe().await.unwrap();
    assert_eq!(observed.balancer, None);
    assert_eq!(observed.machines.len(), 1);
}
