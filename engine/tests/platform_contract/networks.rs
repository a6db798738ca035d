//! Networks: a subnet of its own for each cluster, or one that is somebody else's and stays so.

use std::sync::Arc;

use coe_engine::model::{NetworkSpec, OfferedNetwork};

use super::fixture::{Cluster, Fixture};
use super::{Foreign, MakesObjects};

pub async fn clusters_made_at_once_get_subnets_of_their_own<H: MakesObjects>(
    fixture: Arc<Fixture<H>>,
) {
    let clusters = [
        fixture.cluster(),
        fixture.cluster(),
        fixture.cluster(),
        fixture.cluster(),
    ];
    let networks =
        futures_util::future::join_all(clusters.iter().map(Cluster::ensure_network)).await;
    for (position, one) in networks.iter().enumerate() {
        assert!(one.owned);
        for other in networks.iter().skip(position + 1) {
            let apart = !one.subnet.contains(&other.subnet) && !other.subnet.contains(&one.subnet);
            assert!(apart, "{} and {} overlap", one.subnet, other.subnet);
        }
    }
}

pub async fn a_given_subnet_is_used<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    // A test beside this one may be given the subnet between its release and the request for it.
    for _ in 0..5 {
        let cluster = fixture.cluster();
        let free = cluster.ensure_network().await.subnet;
        cluster.platform.delete_network(cluster.id()).await.unwrap();
        let want = NetworkSpec::Subnet(free);
        if let Ok(network) = cluster.platform.ensure_network(&cluster.owner, &want).await {
            assert_eq!((network.subnet, network.owned), (free, true));
            return;
        }
    }
    panic!("subnets that had just been free were refused");
}

pub async fn an_overlapping_subnet_is_refused<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let (one, other) = (fixture.cluster(), fixture.cluster());
    let taken = one.ensure_network().await.subnet;
    let wider = taken.supernet().unwrap();
    for subnet in [taken, wider] {
        let want = NetworkSpec::Subnet(subnet);
        let error = other
            .platform
            .ensure_network(&other.owner, &want)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(&subnet.to_string()), "{error}");
        assert_eq!(other.observe().await, None);
    }
}

pub async fn networks_are_offered_by_name_and_id<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let network = cluster.ensure_network().await;
    let offer = cluster.platform.offer().await.unwrap();
    let of_id = |offered: &&OfferedNetwork| offered.id == network.id;
    let offered = offer.networks.iter().find(of_id).unwrap();
    assert_eq!(offered.name, network.name);
    assert_eq!(offered.subnets, [network.subnet]);
}

pub async fn an_existing_network_is_used_and_not_deleted<H: MakesObjects>(
    fixture: Arc<Fixture<H>>,
) {
    let cluster = fixture.cluster();
    let name = format!("{}-of-others", cluster.name());
    fixture.foreign(Foreign::Network, &name).await;
    let want = NetworkSpec::Existing(name.clone());
    let network = cluster
        .platform
        .ensure_network(&cluster.owner, &want)
        .await
        .unwrap();
    assert!(!network.owned);
    let machine = cluster.ensure_machine(&network, 0).await;
    assert!(network.subnet.contains(&machine.address));
    let observed = cluster.observe().await.unwrap().network.unwrap();
    assert_eq!((&observed.id, observed.owned), (&network.id, false));
    assert_eq!(observed.carries, network.carries);

    cluster
        .platform
        .delete_machine(cluster.id(), &machine.spec.name)
        .await
        .unwrap();
    cluster.platform.delete_network(cluster.id()).await.unwrap();
    assert!(
        fixture
            .harness
            .foreign_is_untouched(Foreign::Network, &name)
            .await
    );
}

pub async fn an_absent_network_is_refused<H: MakesObjects>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let want = NetworkSpec::Existing("contract-no-such-network".to_owned());
    let error = cluster
        .platform
        .ensure_network(&cluster.owner, &want)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("contract-no-such-network"),
        "{error}"
    );
}
